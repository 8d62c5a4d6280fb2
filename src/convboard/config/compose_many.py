"""Composition of many configs that differ in a few values, as in a sweep.

Hydra needs 20 to 30 ms for a config. Where two command lines differ only in numbers and texts, the second config is
therefore made from the first one, by giving the values to the same keys. It is the config that Hydra composes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeGuard, get_args, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from convboard.config.compose import compose_config, sets_value
from convboard.config.override_values import with_quoted_texts
from convboard.config.schema import OPEN_GROUPS, TrainConfig
from convboard.errors import ConfigError

Plain: TypeAlias = str | int | float | bool | None
_KEY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_INT, _FLOAT = re.compile(r"-?(0|[1-9]\d*)"), re.compile(r"-?(0|[1-9]\d*)(\.\d+([eE][-+]?\d+)?|[eE][-+]?\d+)")


@dataclass(frozen=True)
class _Line:
    """A command line, taken apart.

    Attributes:
        alike: All of it but the plain values: lines with an equal one differ in these alone.
        values: The plain values by their keys.
    """

    alike: tuple[object, ...]
    values: Mapping[str, Plain]


class ConfigComposer:
    """Composes the configs of many runs."""

    def __init__(self) -> None:
        self._options: dict[tuple[str, ...], DictConfig] = {}
        self._made: dict[tuple[object, ...], TrainConfig] = {}
        self._is_literal = True  # no key has a value that is computed from another one

    def compose(self, overrides: Sequence[str]) -> TrainConfig:
        """Compose the config of a run.

        Args:
            overrides: Such as `model=lenet`.

        Raises:
            ConfigError: See `compose_config`.
        """
        line = _taken_apart(overrides)
        if line is not None and line.alike in self._made:
            made = _with_values(self._made[line.alike], line.values)
            if made is not None:
                return made
        known = len(self._options)
        config = compose_config(overrides, self._options).config
        for options in list(self._options.values())[known:]:
            self._is_literal &= not _has_interpolation(options)
        if line is not None and self._is_literal:
            self._made[line.alike] = config
        return config


def _taken_apart(overrides: Sequence[str]) -> _Line | None:
    """Take a command line apart; None if its keys may depend on each other."""
    values: dict[str, Plain] = {}
    names: list[str] = []
    alike: list[object] = []
    for text in overrides:
        if "$" in text:  # perhaps the value of another key
            return None
        key, _, value = text.partition("=")
        number = _number(value)
        try:
            override = _parsed(text if number is None else f"{key}=0")
        except HydraException:
            return None  # will be explained when it is composed
        name = override.key_or_group
        names += [f"{name}."] if sets_value(name) else []
        plain = override.value() if number is None else number
        if sets_value(name) and not override.is_delete() and _is_plain(plain) and _KEY.fullmatch(name):
            values[name] = plain
            alike.append((override.type, name, override.package))
        else:
            alike.append(text)
    names.sort()
    if any(later.startswith(name) for name, later in pairwise(names)):
        return None
    return _Line(tuple(alike), values)


def _number(text: str) -> int | float | None:
    """Return the number that a text is in Hydra's grammar, if it is a usual one."""
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else None


@lru_cache(maxsize=10_000)
def _parsed(text: str) -> Override:
    return OverridesParser.create().parse_override(with_quoted_texts([text])[0])


def _is_plain(value: object) -> TypeGuard[Plain]:
    """Return whether a value is a number or a text that stands for itself, true, false or null."""
    return value is None or isinstance(value, bool | int | float) or (isinstance(value, str) and value != "???")


def _has_interpolation(options: DictConfig) -> bool:
    """Return whether a value, but not one of Hydra's own, is computed from another one."""
    plain = OmegaConf.to_container(OmegaConf.masked_copy(options, [str(key) for key in options if key != "hydra"]))
    return "${" in json.dumps(plain)


def _with_values(config: TrainConfig, values: Mapping[str, Plain]) -> TrainConfig | None:
    """Return a config with other values; None if that is for Hydra to do, or the config is not allowed."""
    changed: dict[str, Any] = {}
    try:
        for name, value in values.items():
            first, *rest = name.split(".")
            node = changed.get(first, getattr(config, first))
            if first in OPEN_GROUPS:
                changed[first] = _with_open_value(node, rest, value)
            elif rest:
                (key,) = rest
                changed[first] = replace(node, **{key: _of_type(type(node), key, value)})
            else:
                changed[first] = _of_type(TrainConfig, first, value)
        return replace(config, **changed)
    except (ConfigError, TypeError, ValueError, LookupError):
        return None  # it is explained when it is composed


def _with_open_value(node: Any, names: Sequence[str], value: Plain) -> Any:
    """Return a part of an open group with another value.

    Raises:
        TypeError: The value that it has now is no plain one.
        LookupError: It has none.
    """
    if not names:
        if not _is_plain(node):
            raise TypeError
        return value
    return {**node, names[0]: _with_open_value(node[names[0]], names[1:], value)}


def _of_type(schema: type, name: str, value: Plain) -> Plain:
    """Return the value that a field gets from one that is written.

    Raises:
        TypeError: It may have to be converted.
    """
    hint = _hints(schema)[name]
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if type(value) in kinds or (value is None and NoneType in kinds):
        return value
    if type(value) is int and float in kinds:
        return float(value)
    raise TypeError


_hints = cache(get_type_hints)
