"""What overrides say, read before anything is composed."""

import math
import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, RangeSweep
from hydra.errors import HydraException

from convboard.config.command_line import format_value
from convboard.errors import ConfigError

_SYNTAX = re.compile(r"^['\"]|[()\[\]{}]")  # of texts in quotes, functions, lists and dictionaries
_FUNCTION = re.compile(r"\w+\(")  # such as choice(a,b)
_CHOICE = re.compile(r"""(?:^|,)\s*("[^"]*"(?=\s*(?:,|$))|'[^']*'(?=\s*(?:,|$))|[^,]*)""")
MOST_RUNS = 100_000  # of a sweep
_UNREADABLE = object()
_PATHS = ("resume", "repeat", "data_dir", "dataset.path", "hydra.run.dir", "hydra.sweep.dir")


def with_quoted_texts(overrides: Sequence[str], is_sweep: bool = False) -> list[str]:
    """Put texts into quotes that Hydra would not read as they are written.

    These are texts with characters outside of Hydra's grammar, such as `model=müller`, and paths with its syntax, such
    as `resume=sweep/lr=0.1,seed=1`, or that it would read as a number.

    Args:
        overrides: The overrides of the command line.
        is_sweep: Whether a comma separates values.
    """
    return [_with_quoted_text(override, is_sweep) for override in overrides]


def _with_quoted_text(override: str, is_sweep: bool) -> str:
    key, equal, value = override.partition("=")
    if not equal or key.startswith("sweep."):  # sweeps.sweep_options reads these
        return override
    if key.lstrip("+") in _PATHS:
        if is_sweep and _FUNCTION.match(value) and _is_read(value):
            return override
        return key + equal + ",".join(map(_as_text, _choices(value) if is_sweep else [value]))
    if _is_read(value) or _SYNTAX.search(value) or ("," in value and not is_sweep):
        return override
    return key + equal + ",".join(choice if _is_read(choice) else _quoted(choice) for choice in _choices(value))


def _choices(value: str) -> list[str]:
    """Return the values of a sweep, which commas separate that are not within quotes."""
    return [choice.strip() for choice in _CHOICE.findall(value)]


def _as_text(path: str) -> str:
    """Return a path so that Hydra reads it as a text, also `5` or `1e3`; `null` and a list stay as they are."""
    read = _read(path)
    return path if read is None or isinstance(read, str | list | dict) else _quoted(path)


def _is_read(value: str) -> bool:
    return _read(value) is not _UNREADABLE


def _read(value: str) -> object:
    """Return the value that Hydra reads; _UNREADABLE if it does not take it."""
    try:
        read: object = OverridesParser.create().parse_override(f"key={value}").value()
    except HydraException:
        return _UNREADABLE
    return read


def _quoted(value: str) -> str:
    return format_value(value, quoted=True)


def without_blanks(arguments: Sequence[str]) -> str | None:
    """Return the first `key=value` that is written with blanks around the equals sign, without them; None if none is.

    Args:
        arguments: Such as `["model", "=", "lenet"]`, `["model=", "lenet"]` or `["model", "=lenet"]`.
    """
    for before, argument, after in zip(["", *arguments], arguments, [*arguments[1:], ""]):
        key, equal, value = argument.partition("=")
        key, value = key.strip() or before, value.strip() or after
        is_split = equal and (argument.startswith("=") or (argument.endswith("=") and after) or " =" in argument)
        if is_split and key and value and not any("=" in word or word.startswith("-") for word in (key, value)):
            return f"{key}={value}"
    return None


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


def refuse_too_many_runs(overrides: Sequence[str], rows: int = 1) -> None:
    """Refuse a sweep before its runs fill the memory.

    Args:
        overrides: The overrides of the command line.
        rows: Number of rows of values that each combination is combined with.

    Raises:
        ConfigError: It would have too many runs.
    """
    number = rows * number_of_runs(overrides)
    if number > MOST_RUNS:
        raise ConfigError(f"-m: the sweep would have {number:,} runs. At most {MOST_RUNS:,} are possible.")


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
