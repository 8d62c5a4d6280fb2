"""Durations as they are typed, `30min`, `12h`, `7d`, and ages as they are shown."""

import re

SECONDS = {"min": 60.0, "s": 1.0, "h": 3_600.0, "d": 86_400.0, "w": 7 * 86_400.0}  # of each unit
_SHOWN = ("d", "h", "min")  # units of ages
_DURATION = re.compile(rf"(\d+(?:\.\d+)?) ?({'|'.join(SECONDS)})")


def read_duration(text: str) -> float | None:
    """Return a duration in seconds from a number with its unit; None if it is none."""
    found = _DURATION.fullmatch(text)
    return float(found[1]) * SECONDS[found[2]] if found else None


def age_text(seconds: float) -> str:
    """Return how long ago something was: `5 d`, `3 h`, `12 min`, `40 s`."""
    for unit in _SHOWN:
        if seconds >= SECONDS[unit]:
            return f"{seconds // SECONDS[unit]:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
