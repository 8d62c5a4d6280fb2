"""The `key=value` arguments of a command, read into a dataclass whose docstring is the command's help."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TypeVar, cast, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from convboard.cli import command_help
from convboard.config.compose import Composed, compose_config
from convboard.config.error_messages import explain_omegaconf
from convboard.config.known_keys import MORE, similar_key, unknown_key_message
from convboard.config.override_values import with_quoted_texts, without_blanks
from convboard.config.schema import TrainConfig
from convboard.config.value_checks import MOST_PIXELS
from convboard.errors import ConfigError, similar

Arguments = TypeVar("Arguments")

_BRACKETS = r"[\[(]([^\[\]()]*)[\])]"  # the innermost ones
COMMON_FLAGS = ("--help", "--version")  # of every command
PLACES = ("data_dir", "dataset.path")  # where the data of a run is now


def read_arguments(schema: type[Arguments], command: str, arguments: Sequence[str] | None = None) -> Arguments:
    """Read the `key=value` arguments of a command into the dataclass `schema`. `--help` prints its docstring.

    Args:
        schema: The dataclass of the keys. A key of type str takes the text of the argument unchanged.
        command: The command's name, for its help.
        arguments: The arguments to read; None for those of the command line.

    Raises:
        ConfigError: An argument is not `key=value`, unknown, missing, or of a wrong type; or `schema` refuses it.
    """
    if command_help.is_asked_for():
        print(command_help.script_help(schema, command))
        sys.exit(0)
    arguments = sys.argv[1:] if arguments is None else arguments
    for argument in arguments:
        if "=" not in argument or argument.startswith("-"):
            raise _without_key(argument, arguments, schema)
    try:
        texts, others = _texts(schema, arguments)
        given = OmegaConf.merge(OmegaConf.structured(schema), *map(_parsed, others), texts)
        return cast(Arguments, OmegaConf.to_object(given))
    except OmegaConfBaseException as error:
        raise explain_omegaconf(error, schema) from error


def _parsed(argument: str) -> DictConfig:
    try:
        return OmegaConf.from_cli([argument])
    except YAMLError as error:
        raise ConfigError(f"{argument!r} is not understood: its value is not YAML.") from error


def _without_key(argument: str, arguments: Sequence[str], schema: type) -> ConfigError:
    """Return the error for an argument that is no `key=value`."""
    keys = [field.name for field in fields(schema)]
    if meant := without_blanks(arguments):
        return ConfigError(f"Write {meant}, without blanks around the equals sign.")
    if argument.startswith("-"):
        return dashes_error(argument, own=keys)
    if "run" in keys and argument and Path(argument).is_dir():
        return ConfigError(f"{argument!r} is not understood: write {shlex.quote(f'run={argument}')}.")
    return ConfigError(f"{argument!r} is not understood: give arguments as {' '.join(f'{key}=...' for key in keys)}")


def _texts(schema: type, arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the values of keys that hold a text, and the other arguments: a path or a glob may not be valid YAML."""
    hints = get_type_hints(schema)
    texts, others = {}, []
    for argument in arguments:
        key, _, value = argument.partition("=")
        if hints.get(key) in (str, str | None) and value not in ("", "null") and "${" not in value:
            texts[key] = value
        else:
            others.append(argument)
    return texts, others


def split_arguments(schema: type[Arguments], command: str) -> tuple[Arguments, list[str]]:
    """Read a command's own arguments; return the others, for `compose_config`, as they are written.

    Args:
        schema: The command's own keys: a dataclass whose docstring is its help.
        command: The command's name, for its help.

    Raises:
        ConfigError: See `read_arguments`; or a key is neither one of `schema` nor of a config.
    """
    own = [field.name for field in fields(schema)]  # type: ignore[arg-type]
    others = {*TrainConfig.__dataclass_fields__, "experiment"}.difference(own, {"resume"})
    overrides = []
    for at, argument in enumerate(sys.argv[1:], 1):
        key = re.split(r"[.=@]", argument.lstrip("+~"), maxsplit=1)[0]
        if argument.startswith("-") and argument not in ("-h", "--help"):
            raise dashes_error(argument, sys.argv[at + 1 :], own)
        if "=" not in argument or key in own:
            continue
        if key in ("resume", "repeat"):
            what = "resumes the training of a run" if key == "resume" else "trains a run again"
            raise ConfigError(f"{argument} {what}. To show a run, give run=<run dir>.")
        if key not in others:
            near = similar(key, own) or similar_key(key, TrainConfig, MORE)
            allowed = (
                f"This script's own: {', '.join(own)}. "
                "Beside them any key of train.py, such as model, dataset, model.in_channels, seed."
            )
            raise ConfigError(unknown_key_message(key, near, allowed))
        overrides.append(argument)
    own_arguments = [argument for argument in sys.argv[1:] if argument not in overrides]
    return read_arguments(schema, command, own_arguments), overrides


def dashes_error(
    argument: str, rest: Sequence[str] = (), own: Sequence[str] = (), flags: Sequence[str] = COMMON_FLAGS
) -> ConfigError:
    """Return the error for a key that is written with dashes as in most other commands: `--lr=0.1`, `--batch-size 32`.

    A flag may also be misspelt, or have one dash too few: `-dry-run`.

    Args:
        argument: The argument that begins with a dash.
        rest: The arguments behind it, of which the first one may be its value.
        own: The command's own keys.
        flags: The command's flags, by their long names.
    """
    name, has_value, value = argument.lstrip("-").partition("=")
    if f"--{name}" in flags and not argument.startswith("--"):
        return ConfigError(f"{argument!r} is not a flag. Did you mean --{name}{has_value}{value}?")
    if not has_value:
        value = next((after for after in rest[:1] if "=" not in after and not after.startswith("-")), "<value>")
    key = similar(name, own) or similar_key(name, TrainConfig, MORE)
    if key is None and len(name) > 1 and (flag := similar(name, flags)) is not None:
        return ConfigError(f"{argument!r} is not a flag. Did you mean {flag}?")
    wanted = f"key=value, such as {own[0] if own else 'trainer.max_epochs'}=..." if key is None else f"{key}={value}"
    return ConfigError(f"{argument!r} is not understood: write {wanted}, without dashes.")


def read_shape(text: str | None) -> tuple[int, int, int] | None:
    """Return (C, H, W) from `[3,224,224]`, `3,224,224` or `3x224x224`; None from None.

    Raises:
        ConfigError: The text is not three whole numbers above 0.
    """
    if text is None:
        return None
    sizes = _sizes(text.strip("[]() "))
    if len(sizes) != 3 or not _are_allowed(sizes):
        raise ConfigError(f"input_shape={text}: give channels, height and width, such as input_shape=[3,224,224].")
    return sizes[0], sizes[1], sizes[2]


def read_shapes(text: str | None) -> tuple[tuple[int, int, int] | None, list[tuple[int, ...]]]:
    """Return (C, H, W) and the shapes of the other inputs of a network from `[[3,224,224],[5]]` or `3x224x224,5`.

    Args:
        text: That, or one shape as `read_shape` takes it; None for none.

    Raises:
        ConfigError: The first shape is not three whole numbers above 0, or another one is no list of these.
    """
    if text is None:
        return None, []
    nested = re.findall(_BRACKETS, text)
    shapes = [_sizes(part) for part in (nested if len(nested) > 1 else text.strip("[]() ").split(","))]
    if len(nested) < 2 and (len(shapes) == 1 or len(shapes[0]) == 1):
        return read_shape(text), []
    first, *others = shapes
    is_all = len(nested) < 2 or not re.search(r"\w", re.sub(_BRACKETS, "", text))
    if len(first) != 3 or not is_all or not all(map(_are_allowed, shapes)):
        raise ConfigError(
            f"input_shape={text}: give channels, height and width of the images, and the shape of each other input, "
            "without the batch, such as input_shape=[[3,224,224],[5]]."
        )
    return (first[0], first[1], first[2]), others


def _sizes(text: str) -> tuple[int, ...]:
    sizes = re.split("[,x×]", text.rstrip(", ")) if text.strip(", ") else []
    return tuple(int(size) if size.strip().isdecimal() else 0 for size in sizes)


def _are_allowed(sizes: Sequence[int]) -> bool:
    return all(1 <= size <= MOST_PIXELS for size in sizes)


def compose_beside(run: str | None, overrides: Sequence[str], useless: Sequence[str] = ()) -> Composed | None:
    """Compose the config of a network. Return None if the network is that of a run.

    Args:
        run: The run directory, if one is given.
        overrides: See `compose_config`. With a run only those in `PLACES` are allowed.
        useless: The command's own arguments that cannot be used with a run either.

    Raises:
        ConfigError: Both a run and a config are given; or see `compose_config`.
    """
    if run is None:
        return compose_config(overrides)
    for argument in (*overrides, *useless):
        if argument.partition("=")[0] not in PLACES:
            raise ConfigError(f"{argument} cannot be used with run=, which has a config of its own. Omit one of them.")
    return None


def split_places(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Split off the arguments that say where the data of a run is now.

    Returns:
        The other arguments, and the values by their keys, which are in `PLACES`.
    """
    places = [argument for argument in arguments if argument.partition("=")[0] in PLACES]
    parsed = OverridesParser.create().parse_overrides(with_quoted_texts(places))
    values = {override.get_key_element(): str(override.value()) for override in parsed}
    return [argument for argument in arguments if argument not in places], values
