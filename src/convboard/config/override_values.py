"""What overrides say, read before anything is composed."""

import math
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.errors import HydraException

from convboard.config.command_line import format_value

_PATHS = ("resume", "repeat", "data_dir", "dataset.path", "hydra.run.dir", "hydra.sweep.dir")


def with_quoted_paths(overrides: Sequence[str], is_sweep: bool = False) -> list[str]:
    """Put a path into quotes where Hydra would not read it as one: `resume=sweep/lr=0.1,seed=1`, `data_dir=Müller`.

    Args:
        overrides: The overrides of the command line.
        is_sweep: Whether a comma separates values.
    """
    return [_quoted(override) if _is_unread_path(override, is_sweep) else override for override in overrides]


def _is_unread_path(override: str, is_sweep: bool) -> bool:
    if override.lstrip("+").partition("=")[0] not in _PATHS:
        return False
    try:
        return OverridesParser.create().parse_override(override).is_sweep_override() and not is_sweep
    except HydraException:
        return True


def _quoted(override: str) -> str:
    key, _, value = override.partition("=")
    return f"{key}={format_value(value, quoted=True)}"


def overridden(overrides: Sequence[str], key: str) -> str | None:
    """Return the text that overrides give to a key, before anything is composed; None if they give none.

    Args:
        overrides: Such as `'resume="my runs/x"'`.
        key: The key.
    """
    values = [override for override in overrides if override.lstrip("+").startswith(f"{key}=")]
    try:
        value = OverridesParser.create().parse_override(values[-1]).value() if values else None
    except HydraException:
        return None  # will be explained when it is composed
    return value if isinstance(value, str) and "${" not in value else None


def number_of_runs(overrides: Sequence[str]) -> int:
    """Return the number of runs of a sweep, as far as its lists and ranges tell it.

    Args:
        overrides: The overrides of the command line.
    """
    number = 1
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        match override.value():
            case ChoiceSweep(list=values):
                number *= len(values)
            case RangeSweep(start=int() | float() as start, stop=int() | float() as stop, step=step) if step:
                number *= max(math.ceil((stop - start) / step), 0)
    return number
