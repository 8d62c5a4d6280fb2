"""The folders and the `key=value` arguments of a command on runs.

They are not read by `cli.arguments`: importing Hydra would take longer than reading a sweep.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import fields
from os import path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from convboard.errors import ConfigError, nearest

Arguments = TypeVar("Arguments")

_KEY = re.compile(r"[A-Za-z_][\w.]*")
_BOOLS = {"true": True, "false": False}


def split_paths(arguments: Sequence[str], keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which arguments are paths, and which are `key=value`.

    The name of a run of a sweep has equals signs, as in `optimizer.lr=0.1,seed=1`. So what exists as a path is one,
    unless it begins with a key of the command. `--key value` and `--key=value` are understood as `key=value`.

    Args:
        arguments: The arguments.
        keys: The keys of the command.

    Raises:
        ConfigError: A key is not known, or an argument is empty.
    """
    paths, given, rest = [], [], [*arguments]
    while rest:
        argument = rest.pop(0)
        if not argument:
            raise ConfigError("An argument is empty: give a folder of runs, such as outputs.")
        written = _without_dashes(argument, rest) if argument.startswith("--") else argument
        key, has_value, _ = written.partition("=")
        if has_value and key in keys:
            given.append(written)
        elif path.lexists(argument) or not (argument.startswith("-") or _is_assignment(argument)):
            paths.append(argument)
        else:
            raise _unknown(argument, keys)
    return paths, given


def _is_assignment(argument: str) -> bool:
    """Return whether an argument can only be meant as `key=value`."""
    key, has_value, _ = argument.partition("=")
    return bool(has_value and _KEY.fullmatch(key)) and "/" not in argument


def _without_dashes(argument: str, rest: list[str]) -> str:
    """Return `older_than=7d` for `--older-than=7d`, or for `--older-than` with the value behind it."""
    key, has_value, value = argument[2:].partition("=")
    if not has_value and rest and not rest[0].startswith("--"):
        value = rest.pop(0)
    return f"{key.replace('-', '_')}={value}"


def _unknown(argument: str, keys: Sequence[str]) -> ConfigError:
    """Return the error for an argument that is neither a folder nor has a key of the command."""
    key = argument.lstrip("-").partition("=")[0].replace("-", "_")
    allowed = nearest(key, keys) if keys else "It has no keys."
    condition = ""
    if "where" in keys and "=" in argument and not argument.startswith("-"):
        condition = f" A condition on the runs is written {shlex.quote(f'where={argument}')}."
    return ConfigError(f"{key or argument} is no key of this command, and {argument} no folder. {allowed}{condition}")


def read_keys(schema: type[Arguments], given: Sequence[str]) -> Arguments:
    """Read `key=value` arguments into the dataclass of a command, whose keys hold texts, whole numbers, or bools.

    Args:
        schema: The dataclass. A text is taken unchanged; `null` is None where that is allowed.
        given: The arguments, with keys of the dataclass.

    Raises:
        ConfigError: A key is given twice, has no value or one of another type; or `schema` refuses it.
    """
    kinds, values = get_type_hints(schema), dict[str, Any]()
    for argument in given:
        key, _, text = argument.partition("=")
        if key in values:
            advice = "Join the conditions by and, or." if key == "where" else "Omit one of them."
            raise ConfigError(f"{key}= is given twice. {advice}")
        values[key] = _value(key, text, kinds[key])
    return schema(**values)


def keys_of(schema: type) -> list[str]:
    """Return the keys of a command."""
    return [field.name for field in fields(schema)]


def _value(key: str, text: str, kind: Any) -> Any:
    kinds = get_args(kind) or (kind,)
    if not text:  # such as that of a variable of the shell that is not set: it must not stand for all runs
        raise ConfigError(f"{key}= has no value. Give one, or omit {key}=.")
    if NoneType in kinds and text == "null":
        return None
    if bool in kinds:
        if text.lower() not in _BOOLS:
            raise ConfigError(f"{key}={text!r}: must be true or false.")
        return _BOOLS[text.lower()]
    if int in kinds:
        if not re.fullmatch(r"[+-]?\d{1,9}", text):
            raise ConfigError(f"{key}={text!r}: must be a whole number{', or null' if NoneType in kinds else ''}.")
        return int(text)
    return text
