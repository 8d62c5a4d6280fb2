"""A run that belongs to no sweep as a row, from its small files: summary and result, or config of earlier versions."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from convboard.errors import ConvboardError
from convboard.experiment.run_files import CONFIG, DATASET, LOCK, RESULT
from convboard.experiment.run_summary import SUMMARY, read_summary
from convboard.experiment.stored_json import read_result
from convboard.files.locks import foreign_holder, lock_is_held
from convboard.results.durations import age_text
from convboard.results.read_sweep import as_count, as_seconds, trained_epochs
from convboard.results.run_row import UNREADABLE, RunRow, flat_config
from convboard.sweeps.store.entries import State

_MARKS = frozenset((SUMMARY, DATASET, RESULT))  # one of which every run has beside its config


def is_run(files: Collection[str]) -> bool:
    """Return whether a folder with these files is a run directory."""
    return CONFIG in files and not _MARKS.isdisjoint(files)


def read_run(path: Path, name: str, files: Collection[str]) -> RunRow:
    """Read a run. One whose files are damaged is `unreadable`.

    Args:
        path: Its directory.
        name: Its name in a table.
        files: The names of its files.
    """
    try:
        summary = read_summary(path) if SUMMARY in files else None
        config = flat_config(_config(path) if summary is None else summary["config"])
        result = read_result(path / RESULT) if RESULT in files else None
        started = (path / CONFIG).stat().st_mtime if summary is None else summary["started"]
    except (ConvboardError, OSError, RecursionError) as error:
        return RunRow(path, name, UNREADABLE, " ".join(str(error).split()))
    if LOCK in files and lock_is_held(path / LOCK):  # it may have a result of before it was resumed
        result = None
        state, reason = str(State.RUNNING), _elsewhere(path, files)
    else:
        state, reason = _state(summary or {}, result)
    facts = summary or {"ended": None, "environment": {}}
    return RunRow(
        path,
        name,
        state,
        reason,
        config,
        result["metrics"] if result else {},
        as_count(result.get("epochs")) if result else trained_epochs(path),
        as_seconds(result.get("seconds")) if result else None,
        as_seconds(started),
        as_seconds(facts["ended"]),
        facts["environment"],
    )


def _config(path: Path) -> dict[str, Any]:
    """Read the config of a run of an earlier version."""
    from convboard.config.stored_config import read_config  # deferred for start-up time: Hydra takes 0.2 s

    return read_config(path / CONFIG)


def _elsewhere(path: Path, files: Collection[str]) -> str:
    """Return where a run is trained, if on another machine, and when something in it changed; else an empty text.

    Whether it has been killed since cannot be told from here: its lock would be the same.
    """
    if not (host := foreign_holder(path / LOCK)):
        return ""
    changes = []
    for name in files:
        with suppress(OSError):
            changes.append((path / name).stat().st_mtime)
    ago = f", and nothing has changed for {age_text(time.time() - max(changes))}" if changes else ""
    return f"locked on {host}{ago}"


def _state(summary: Mapping[str, Any], result: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return the state of a run that is not being trained, and the reason for it."""
    if result is not None:
        status = result.get("status")
        return status if status in (State.FINISHED, State.PRUNED) else State.FINISHED, str(summary.get("reason", ""))
    if summary.get("state") == State.FAILED:
        return State.FAILED, summary["reason"]
    return State.INTERRUPTED, summary.get("reason", "") if summary.get("state") == State.INTERRUPTED else ""
