"""The settings of a sweep: every combination of the values on its command line, in Hydra's syntax."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from convboard.config.compose import compose_config, parse_overrides
from convboard.config.override_values import refuse_too_many_runs, with_quoted_texts
from convboard.errors import ConfigError, ConvboardError


@dataclass(frozen=True)
class Setting:
    """What one trial of a sweep is given.

    Attributes:
        overrides: The overrides of a command line that runs it alone.
        swept: The values in which the trials differ, as texts, by key; if there is only one trial, all that are given.
    """

    overrides: tuple[str, ...]
    swept: Mapping[str, str]


@contextmanager
def named(setting: Setting, settings: Sequence[Setting] = ()) -> Iterator[None]:
    """Within, errors say which trial they are of, unless what all trials are given is wrong.

    Args:
        setting: The setting that is composed.
        settings: Those of all trials, or one with what all of them are given, as far as that is known.
    """
    try:
        yield
    except ConvboardError as error:
        if not setting.swept or (settings and _message(_of_all(settings)) == str(error)):
            raise
        values = " ".join(f"{key}={value}" for key, value in setting.swept.items())
        raise ConfigError(f"trial {values}: {error}") from error


def _of_all(settings: Sequence[Setting]) -> list[str]:
    """Return the overrides that all settings have."""
    shared = set(settings[0].overrides).intersection(*(setting.overrides for setting in settings))
    return [override for override in settings[0].overrides if override in shared]


def _message(overrides: Sequence[str]) -> str:
    """Return what is wrong with a command line; empty if it is right."""
    try:
        compose_config(overrides)
    except ConvboardError as error:
        return str(error)
    return ""


def grid(overrides: Sequence[str], rows: Iterable[Mapping[str, str]] = ({},)) -> list[Setting]:
    """Return every combination of the values that overrides give. The value of the last key varies fastest.

    Args:
        overrides: Such as `["model=lenet,resnet18", "optimizer.lr=0.1,0.01", "batch_size=128"]`.
        rows: Values that belong together, as texts by key: each row is combined with each combination. A value for a
            key that only some rows have is for the others.

    Raises:
        ConfigError: A key has no value, or has a space of values instead of a list; or there are too many trials.
        HydraException: An override cannot be parsed.
    """
    parsed = parse_overrides(overrides)
    _refuse_two_lists(parsed)
    given = {override.get_key_element(): override for override in parsed}
    rows = list(rows)
    _refuse_values_beside(given, rows)
    refuse_too_many_runs(with_quoted_texts(overrides, is_sweep=True), len(rows))
    values = {key: values_of(key, override) for key, override in given.items()}
    is_only = len(rows) == 1 and all(len(each) == 1 for each in values.values())
    swept = {key for key, override in given.items() if override.is_sweep_override() or (is_only and _says(key))}
    settings = []
    for row, combination in itertools.product(rows, itertools.product(*values.values())):
        chosen = dict(zip(values, combination, strict=True)) | dict(row)
        differing = {key: value for key, value in chosen.items() if key in swept or key in row}
        settings.append(Setting(tuple(f"{key}={value}" if value else key for key, value in chosen.items()), differing))
    return settings


def _refuse_values_beside(given: Mapping[str, Override], rows: Sequence[Mapping[str, str]]) -> None:
    """Refuse values for a key of the rows that no trial, or not every one, would have."""
    for key, override in given.items():
        if any(key in row for row in rows) and (override.is_sweep_override() or all(key in row for row in rows)):
            raise ConfigError(f"{override.input_line}: sweep.trials= gives values to {key} too. Omit one of them.")


def _refuse_two_lists(parsed: Sequence[Override]) -> None:
    """Refuse two lists for one key, of which Hydra would take the last one."""
    first: dict[str, Override] = {}
    for override in filter(Override.is_sweep_override, parsed):
        key = override.get_key_element()
        if key in first:
            raise ConfigError(
                f"{key} is given twice, as {first[key].input_line} and as {override.input_line}. Give all its values "
                "in one list."
            )
        first[key] = override


def values_of(key: str, override: Override) -> list[str]:
    """Return the values of an override as texts that Hydra reads as these values."""
    if not override.is_sweep_override():
        if override.is_delete() and override.value() is None:
            return [""]
        return [_lower(override.get_value_element_as_str()) or "''"]
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{override.input_line} is a space of values, of which a grid cannot try all. Give a list, such as "
            f"{key}=0.1,0.01, or let it be searched: add sweep=random or sweep=tpe."
        )
    values = [_lower(value) for value in override.sweep_string_iterator()]
    if not values:
        raise ConfigError(f"{override.input_line} gives no value: the sweep has no trials. Give at least one value.")
    return values


def _says(key: str) -> bool:
    """Return whether the value of a key tells what a run is, not where options or files are."""
    return not key.startswith(("hydra.", "hydra/"))


def _lower(text: str) -> str:
    """Return a value as it is usually typed: `true`, not `True`."""
    return text.lower() if text in ("True", "False") else text
