"""Whether runs and sweeps are being trained, and therefore must stay where they are."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from convboard.errors import RunError
from convboard.experiment.console import shown_path
from convboard.experiment.run_files import LOCK
from convboard.results.durations import age_text
from convboard.results.read_sweep import living_workers
from convboard.results.run_row import RunRow
from convboard.results.table import load_runs
from convboard.sweeps.store.entries import OVER, State

_ADVICE = (
    "Nothing was moved. Stop it first, or leave out what has not ended with where='state in (finished,pruned,failed)'."
)


def by_sweep(rows: Sequence[RunRow]) -> dict[Path, list[RunRow]]:
    """Return the runs of sweeps by the folder of the sweep."""
    found: dict[Path, list[RunRow]] = {}
    for row in rows:
        if row.sweep is not None:
            found.setdefault(row.sweep, []).append(row)
    return found


def is_whole(sweep: Path, rows: Sequence[RunRow]) -> bool:
    """Return whether these are all runs that a sweep has."""
    return len(rows) == len(load_runs(sweep))


def refuse_running(rows: Sequence[RunRow], all_meant: bool) -> None:
    """Refuse runs that are being trained, and sweeps on which a process works, even if it is between two runs.

    Args:
        rows: The runs.
        all_meant: Whether a sweep is meant of which these are all runs, and not only those that fulfil a condition.

    Raises:
        RunError: One of them is.
    """
    for row in rows:
        if row.state == State.RUNNING:
            raise RunError(_running(row))
    for sweep, own in by_sweep(rows).items():
        has_begun = any(row.state not in OVER and row.path.exists() for row in own)
        if (has_begun or (all_meant and is_whole(sweep, own))) and (workers := living_workers(sweep)):
            worker, silence = workers[0]
            sign = "" if silence is None else f", whose last sign of life was {age_text(silence)} ago"
            raise RunError(
                f"{shown_path(sweep)} is being trained by process {worker.pid} on {worker.host}{sign}. {_ADVICE}"
            )


def _running(row: RunRow) -> str:
    """Return that a run is trained; of one on another machine, how to get past a lock that was left there."""
    path = shown_path(row.path)
    if not row.reason:
        return f"{path} is being trained. {_ADVICE}"
    return (
        f"{path} is being trained, or was killed: it is {row.reason}. {_ADVICE} If it was killed, remove its lock and "
        f"try again: {unlocking(row)}"
    )


def unlocking(row: RunRow) -> str:
    """Return the command that removes the lock of a run that was killed on another machine."""
    return f"rm {shlex.quote(f'{shown_path(row.path)}/{LOCK}')}"
