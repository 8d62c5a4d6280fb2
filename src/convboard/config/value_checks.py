"""Checks of the values of a config. Each raises a ConfigError that names the key, the value and what is allowed."""

import math
from collections.abc import Sequence

from convboard.config.synonyms import VALUES
from convboard.errors import ConfigError, nearest

MOST = 2**31 - 1  # of what is counted; torch and TensorBoard take no more everywhere
MOST_PIXELS = 65_535  # of a side
MOST_THREADS = 1024
DEVICES = ("auto", "cpu", "cuda", "mps")


def one_of(key: str, value: str, allowed: Sequence[str]) -> None:
    """Check that a value is one of those that are allowed."""
    if value not in allowed:
        given = value.lower() if value in ("True", "False") else value  # as the user wrote it
        raise ConfigError(f"{key}={given!r} is not known. {nearest(given, allowed, VALUES.get(key))}")


def between(key: str, value: int | None, least: int, most: int = MOST) -> None:
    """Check that a whole number is in a range; None is."""
    if value is not None and not least <= value <= most:
        limit = f"at least {least}" if value < least else f"at most {most}"
        raise ConfigError(f"{key}={value}: must be {limit}.")


def check_numbers(key: str, value: object) -> None:
    """Check that torch can take the whole numbers in a part of a config that is open: they have 64 bits at most."""
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ConfigError(f"{key}: a number of {len(str(abs(value)))} digits is too large: at most 2**63 - 1.")
    if isinstance(value, dict):
        for name, item in value.items():
            check_numbers(f"{key}.{name}", item)
    elif isinstance(value, list):
        for item in value:
            check_numbers(key, item)


def check_side(key: str, value: object) -> None:
    """Check the side of a square image in pixels; None is allowed."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigError(f"{key}={value!r}: must be a whole number of pixels, 1 or more: the side of a square image.")
    between(key, value, 1, MOST_PIXELS)


def check_rate(key: str, value: object) -> None:
    """Check that a value is a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{key}={value!r}: must be a number, such as 0.01.")
    if not 0.0 <= value < math.inf:
        raise ConfigError(f"{key}={value}: must be a finite number, 0 or above.")


def check_minutes(key: str, value: float | None, least: float) -> None:
    """Check that a limit in minutes is a finite number that is not too small; None is no limit."""
    if value is not None and not least <= value < math.inf:
        raise ConfigError(f"{key}={value:g}: must be a finite number of minutes, {least:g} or above; null: no limit.")
