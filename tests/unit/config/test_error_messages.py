"""Errors of Hydra and Python in one sentence."""

import pytest

from convboard.config.compose import compose_config
from convboard.config.error_messages import explain
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError

LONG = "data_dir=" + "x" * 9000


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=" + "9" * 5000, "^seed: the number has too many digits"),
        ("trainer.gradient_clip=" + "9" * 400, r"^trainer\.gradient_clip: the number is too large"),
        *(
            (f"model.x={'[' * deep}{']' * deep}", r"^model\.x: lists or .* are nested too deeply")
            for deep in (200, 1500)
        ),
    ],
)
def test_the_override_that_cannot_be_read_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compose_config([override, LONG])


def test_no_override_is_blamed_for_a_file() -> None:
    explained = explain(ValueError("Exceeds the limit (4300 digits) for integer string"), TrainConfig, [LONG, "seed=3"])
    assert str(explained) == "a file of options: the number has too many digits."
