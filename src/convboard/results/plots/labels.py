"""Values of configs and names of settings as short texts."""

import re
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from convboard.config.command_line import format_value, printable
from convboard.results.run_row import GROUPS
from convboard.sweeps.terminal.live_view import short_keys

_OPTIONS = (*GROUPS, "dataset")  # keys whose values need no key beside them
_PARTS = re.compile(r"[^._]*[._]|[^._]+")
_LONGEST = 22  # characters of a value


def shown_value(value: Any, digits: int = 4) -> str:
    """Return a value of a config as a short text: its begin and end, or a number with so many digits."""
    text = f"{value:.{digits}g}" if isinstance(value, float) else " ".join(printable(format_value(value)).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"


def wrapped_key(key: str, room: int) -> str:
    """Return a key in lines of at most so many characters, broken behind dots and underscores where that is enough."""
    lines = [""]
    for part in (piece for word in _PARTS.findall(key) for piece in wrap(word, room)):
        if len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    return "\n".join(line for line in lines if line)


def setting_name(values: Mapping[str, Any]) -> str:
    """Return the values of a setting as in `lenet, lr=0.1`."""
    short = short_keys(list(values))
    texts = {key: shown_value(value) for key, value in values.items()}
    return ", ".join(text if key in _OPTIONS else f"{short[key]}={text}" for key, text in texts.items())
