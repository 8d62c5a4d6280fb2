"""Every key of a config against a table of hostile values: a checked config, or one line that names the key."""

import copy
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from convboard.config import compose as compose_module
from convboard.config.command_line import printable
from convboard.config.conf_folders import CONF
from convboard.config.error_messages import explain
from convboard.config.schema import TrainConfig, to_config

NUMBERS = [
    *("1" + "0" * 30, "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 400, "-1"),
    *("1e308", "-1e308", "1e400", "5e-324", "nan", "2.5"),
]
TEXTS = ["''", "' '", "a", "'\x1b[2J'", "'\x00'", "a" * 10_000, "..", "/", "*"]
OTHERS = ["true", "null", "[]", "{a: 1}", "[[[[1]]]]", "${foo}", "${oc.env:HOME}", "???"]
REFUSED = ["!!python/object:os.system", "&a", "1" + "0" * 5000, "[" * 1000 + "1" + "]" * 1000, "=", "'", "{a"]
OPEN = [
    *("model._target_", "model.image_size", "model.in_channels", "model.any"),
    *("optimizer._target_", "optimizer.lr", "optimizer.weight_decay", "optimizer.momentum", "optimizer.any"),
    *("scheduler._target_", "scheduler.warmup_epochs", "scheduler.any"),
]


def keys(schema: Any = TrainConfig, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every key that convboard owns, and the values to try."""
    for field in fields(schema):
        if is_dataclass(field.type):
            yield from keys(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", NUMBERS if re.search("int|float", str(field.type)) else TEXTS


@pytest.fixture(scope="module")
def base() -> DictConfig:
    compose_module.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [])


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_value_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(Exception) as caught:
        OverridesParser.create().parse_overrides([f"seed={text}"])
    message = str(explain(caught.value, TrainConfig, [f"seed={text}"]))
    assert "seed" in message
    assert "\n" not in message


@pytest.mark.parametrize(("key", "values"), [*keys(), *((key, [*NUMBERS, *TEXTS]) for key in OPEN)])
def test_a_hostile_value_gives_a_config_or_one_line(key: str, values: list[str], base: DictConfig) -> None:
    overrides = [f"{key}={value}" for value in (*values, *OTHERS)]
    for parsed in OverridesParser.create().parse_overrides(overrides):
        text, value = str(parsed.input_line), parsed.value()
        composed = copy.deepcopy(base)
        message = ""
        try:
            OmegaConf.update(composed, key, value, force_add=True)
            to_config(composed)
        except Exception as error:
            message = printable(str(explain(error, TrainConfig, [text]) or f"a bug\n{error}"))
        assert "\n" not in message, text[:100]
        assert not message or re.match(r"[\w.]+", message)[0].startswith(key.partition(".")[0]), text[:100]  # type: ignore[index]
