"""What is known of a run at a glance, in two small files of its directory that other programs read too.

`summary.json` has the state of the run, when it was started and ended, its config and its environment; `curves.csv` has
a line for each epoch. `results` reads them, so that a table of a thousand runs needs no event file. `run_record` has
the callbacks that write them.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from convboard.files import atomic_write_text, read_text

SUMMARY, CURVES = "summary.json", "curves.csv"
COLUMNS = (  # of the curves
    *("epoch", "step", "time", "images_per_second", "lr"),
    *("loss/train", "accuracy/train", "loss/val", "accuracy/val"),
)
RUNNING, INTERRUPTED = "running", "interrupted"

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


def write_summary(run_dir: Path, content: Mapping[str, Any]) -> None:
    """Write the `summary.json` of a run.

    Raises:
        OSError: It cannot be written.
    """
    atomic_write_text(run_dir / SUMMARY, json.dumps(content, indent=1, default=str) + "\n")


def record_end(run_dir: Path, state: str, reason: str) -> None:
    """Record how a run has ended whose process could not do so itself, if it had begun.

    Args:
        run_dir: Its directory. No process may train there.
        state: The state of the run from now on.
        reason: Why.

    Raises:
        OSError: The file cannot be written.
    """
    if (summary := read_summary(run_dir)) and summary["state"] in (RUNNING, INTERRUPTED):
        write_summary(run_dir, summary | {"state": state, "reason": reason, "ended": time.time()})
