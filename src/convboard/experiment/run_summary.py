"""What is known of a run at a glance, in two small files of its directory that other programs read too.

`summary.json` has the state of the run, when it was started and ended, its config and its environment; `curves.csv` has
a line for each epoch. `results` reads them, so that a table of a thousand runs needs no event file.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from convboard.files import read_text

SUMMARY, CURVES = "summary.json", "curves.csv"

_LONGEST = 10_000_000  # bytes of a file


def read_summary(run_dir: Path) -> dict[str, Any] | None:
    """Read the `summary.json` of a run; None if there is none, as in runs of earlier versions, or it is damaged."""
    with suppress(OSError, ValueError, RecursionError):
        match json.loads(read_text(run_dir / SUMMARY, _LONGEST)):
            case {
                "state": str(),
                "reason": str(),
                "started": int() | float() | None,
                "ended": int() | float() | None,
                "config": {**config},
                "environment": {**environment},
            } as content if config and all(isinstance(value, str) for value in environment.values()):
                return dict(content)
    return None
