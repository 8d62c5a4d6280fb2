"""Errors of Hydra and Python in one sentence."""

import pytest
from hydra.errors import OverrideParseException

from convboard.config.compose import compose_config, parse_overrides
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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=interval(1)", "interval(1): missing a required argument: 'end'."),
        (
            "seed=intervall(1,2)",
            "intervall(1,2): Unknown function 'intervall'. Available: bool, choice, float",
        ),
        ("seed=str(interval(1,2))", "str(interval(1,2)): Intervals cannot be cast to str."),
        ("seed=int(a)", "int(a): invalid literal for int() with base 10: 'a'."),
        ("seed=interval(1,2", "its value is neither a number nor a text, [list] or {key: value}."),
    ],
)
def test_a_function_of_hydra_that_is_called_wrongly_is_named(override: str, message: str) -> None:
    with pytest.raises(OverrideParseException) as raised:
        parse_overrides([override])
    explained = str(explain(raised.value, TrainConfig, [override]))
    assert explained.startswith(f"{override!r} is not understood: {message}")


@pytest.mark.parametrize("key", ["model.layers.conv", "model.layers.conv.out_channels", "model.layers.x"])
def test_a_list_has_no_keys(key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose_config(["model=sequential", f"{key}=1"])
    told = f"{key}: model.layers is a list, which has no keys. Give all of it, as in model.layers=[...]."
    assert str(raised.value) == told


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=1-5", "seed='1-5': must be a whole number. To run each from 1 to 5: -m seed=range(1,6)."),
        (
            "batch_size=8..9",
            "batch_size='8..9': must be a whole number. To run each from 8 to 9: -m batch_size=range(8,10).",
        ),
        ("seed=[1,2]", "seed=[1,2]: must be a whole number. To run each of these values: -m seed=1,2."),
        ("seed=1,2,", "'seed=1,2,' is not understood: a value is missing beside a comma."),
        ("seed=1,,2", "'seed=1,,2' is not understood: a value is missing beside a comma."),
    ],
)
def test_several_values_that_are_written_wrongly_are_told_rightly(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose_config([override])
    assert str(raised.value) == message


def test_no_override_is_blamed_for_a_file() -> None:
    explained = explain(ValueError("Exceeds the limit (4300 digits) for integer string"), TrainConfig, [LONG, "seed=3"])
    assert str(explained) == "a file of options: the number has too many digits."
