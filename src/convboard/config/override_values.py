"""What overrides say, read before anything is composed."""

import math
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.errors import HydraException


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
