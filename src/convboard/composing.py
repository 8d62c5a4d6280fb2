"""Arguments of `train.py` that a script takes beside its own: `model=lenet dataset=mnist layers=conv*`."""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import open_dict

from convboard import entry
from convboard.arguments import Arguments, read_arguments
from convboard.config import TrainConfig
from convboard.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"


@dataclass(frozen=True)
class Composed:
    """A config as `train.py` would have it.

    Attributes:
        config: The checked config.
        model_name: The option of `model` that was chosen, or the name of the class that stands in its place.
        given: The keys that the command line gives, such as `model` and `trainer.max_epochs`.
    """

    config: TrainConfig
    model_name: str
    given: frozenset[str]

    @property
    def has_dataset(self) -> bool:
        """Whether the command line says anything of the data, or chooses a preset that does."""
        return any(key == "experiment" or key.split(".")[0] == "dataset" for key in self.given)


def split_arguments(schema: type[Arguments]) -> tuple[Arguments, list[str]]:
    """Read the script's own arguments; the others, for `compose_config`, are given back as they are written.

    Args:
        schema: The script's own keys: a dataclass whose docstring is its help.

    Raises:
        ConfigError: See `read_arguments`; or a key is neither one of `schema` nor of a config.
    """
    own = [field.name for field in fields(schema)]  # type: ignore[arg-type]
    others = {*TrainConfig.__dataclass_fields__, "experiment"}.difference(own, {"resume"})
    overrides = []
    for argument in sys.argv[1:]:
        key = re.split(r"[.=@]", argument.lstrip("+~"), maxsplit=1)[0]
        if argument.startswith("-") and argument not in ("-h", "--help"):
            plain = argument.lstrip("-")
            assignment = plain if "=" in plain else f"{plain}=<value>"
            raise ConfigError(f"{argument!r} is not understood: write {assignment}, without dashes.")
        if "=" not in argument or key in own:
            continue
        if key == "resume":
            raise ConfigError(f"{argument} goes on with a training: to look at a run give run=<run dir>.")
        if key not in others:
            raise ConfigError(_unknown_key(key, own, others))
        overrides.append(argument)
    return read_arguments(schema, [argument for argument in sys.argv[1:] if argument not in overrides]), overrides


def _unknown_key(key: str, own: Sequence[str], others: Iterable[str]) -> str:
    """The message for a key that is neither the script's own nor of a config."""
    close = get_close_matches(key, [*own, *sorted(others)], n=1)
    question = f"Did you mean {close[0]!r}? " if close else ""
    return (
        f"{key} is not a known key. {question}This script's own: {', '.join(own)}. "
        "Beside them any key of train.py, such as model, dataset, model.in_channels, seed."
    )


def read_shape(text: str | None) -> tuple[int, int, int] | None:
    """`[3,224,224]`, `3,224,224` or `3x224x224` as (C, H, W); None stays None.

    Raises:
        ConfigError: It is not three whole numbers above 0.
    """
    if text is None:
        return None
    sizes = [int(size) if size.strip().isdecimal() else 0 for size in re.split("[,x×]", text.strip("[]() "))]
    if len(sizes) != 3 or min(sizes) < 1:
        raise ConfigError(f"input_shape={text}: give channels, height and width, such as input_shape=[3,224,224].")
    return sizes[0], sizes[1], sizes[2]


def compose_beside(run: str | None, overrides: Sequence[str], useless: Sequence[str] = ()) -> Composed | None:
    """Compose the config of a network to look at; None where that is a run's, which has a config of its own.

    Args:
        run: The run directory, if there is one.
        overrides: See `compose_config`.
        useless: Arguments of the script's own that have no use beside a run either.

    Raises:
        ConfigError: Both a run and a config are given; or see `compose_config`.
    """
    if run is None:
        return compose_config(overrides)
    for argument in (*overrides, *useless):
        raise ConfigError(f"{argument} has no use beside run=, which has a config of its own. Leave one away.")
    return None


def compose_config(overrides: Sequence[str], conf: Path = CONF) -> Composed:
    """Compose a config of these arguments as `train.py` does, and check it.

    Args:
        overrides: Such as `model=lenet`.
        conf: The folder of the options.

    Raises:
        ConfigError: An argument is not understood, or a value is not allowed.
        Exception: What Hydra raises; `entry.command` makes a message of it.
    """
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    for override in parsed:
        if override.is_sweep_override():
            raise ConfigError(f"{override.input_line} gives several values: give one.")
    entry.register()
    with initialize_config_dir(str(conf), version_base="1.3"):
        composed = compose("config", list(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(composed)
        with open_dict(composed):
            del composed["hydra"]
        config = entry.check(composed)
        return Composed(config, entry.model_name(), frozenset(override.get_key_element() for override in parsed))
