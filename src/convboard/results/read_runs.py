"""The runs in folders, read from small files: config, summary, result, and the journal of a sweep.

A run is a directory with a `config.yaml` and at least one other file of a run; a sweep is a folder with a `sweep.yaml`,
whose runs are those that its journal knows, also where they have not begun. What else is in a folder is passed over. A
file that is damaged makes its run `unreadable`; it never hides the others.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from convboard.config.yaml_limits import LOADER, read_yaml_text
from convboard.errors import RunError
from convboard.experiment.run_dir import CONFIG, DATASET, LOCK, RESULT
from convboard.experiment.run_summary import CURVES, SUMMARY, read_summary
from convboard.experiment.stored_json import read_result
from convboard.files import lock_is_held, read_text
from convboard.results.run_row import UNREADABLE, RunRow, flat_config
from convboard.sweeps.store.journal import Entry, State
from convboard.sweeps.store.liveness import Observer
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SWEEP
from convboard.sweeps.store.trials import Trial

_MARKS = frozenset((SUMMARY, DATASET, RESULT))  # one of which every run has beside its config
_LONGEST = 10_000_000  # bytes of a file


def read_runs(folders: Sequence[Path]) -> list[RunRow]:
    """Return all runs in some folders and the folders below, those of a sweep by number, others by path.

    Args:
        folders: Folders of runs, sweeps, or runs themselves.

    Raises:
        RunError: One of the folders is not there or cannot be read.
    """
    rows: dict[str, RunRow] = {}
    for folder in folders:
        if not folder.is_dir():
            raise RunError(f"{folder} is not there: give a folder of runs, such as outputs.")
        for row in _walk(folder, folder, set()):
            rows.setdefault(os.path.realpath(row.path), row)
    return list(rows.values())


def _walk(folder: Path, top: Path, seen: set[tuple[int, int]]) -> Iterator[RunRow]:
    """Yield the runs in a folder and those below, none of which is a part of another run."""
    try:
        status = folder.stat()
        names = {entry.name: entry for entry in os.scandir(folder)}
    except OSError as error:
        if folder == top:
            raise RunError(f"{folder} cannot be read: {error.strerror}.") from error
        return
    if (status.st_dev, status.st_ino) in seen:  # a link to a folder that contains it
        return
    seen.add((status.st_dev, status.st_ino))
    if SWEEP in names:
        yield from _sweep_rows(folder, top)
    elif CONFIG in names and _MARKS & names.keys():
        yield _run_row(folder, _name(folder, top), set(names))
    else:
        for name in sorted(names):
            with suppress(OSError):
                if not name.startswith(".") and names[name].is_dir():
                    yield from _walk(folder / name, top, seen)


def _name(path: Path, top: Path) -> str:
    return path.name if path == top else path.relative_to(top).as_posix()


def _run_row(path: Path, name: str, files: set[str]) -> RunRow:
    """Read a run that belongs to no sweep."""
    try:
        summary = read_summary(path) if SUMMARY in files else None
        config = _config(path) if summary is None else summary["config"]
        result = read_result(path / RESULT) if RESULT in files else None
        started = (path / CONFIG).stat().st_mtime if summary is None else summary["started"]
    except (RunError, OSError, ValueError, yaml.YAMLError) as error:
        return RunRow(path, name, UNREADABLE, " ".join(str(error).split()))
    state, reason = _state(path, summary or {}, result)
    facts = summary or {"ended": None, "environment": {}}
    return RunRow(
        path,
        name,
        state,
        reason,
        flat_config(config),
        result["metrics"] if result else {},
        result.get("epochs") if result else _epochs(path),
        result.get("seconds") if result else None,
        started,
        facts["ended"],
        facts["environment"],
    )


def _config(path: Path) -> dict[str, Any]:
    """Read the config of a run of any version."""
    config = yaml.load(read_yaml_text(path / CONFIG, has_aliases=False), Loader=LOADER)  # a safe loader
    if not isinstance(config, dict):
        raise ValueError(f"{path / CONFIG} does not contain a config: it must be key: value pairs.")
    return config


def _state(path: Path, summary: Mapping[str, Any], result: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return the state of a run, and the reason for it."""
    if result is not None:
        return str(result.get("status", State.FINISHED)), str(summary.get("reason", ""))
    if lock_is_held(path / LOCK):
        return State.RUNNING, ""
    if summary.get("state") == State.FAILED:
        return State.FAILED, summary["reason"]
    return State.INTERRUPTED, summary.get("reason", "") if summary.get("state") == State.INTERRUPTED else ""


def _epochs(path: Path) -> int | None:
    """Return how many epochs a run has trained so far, by the last line of its curves."""
    with suppress(OSError, ValueError):
        return int(read_text(path / CURVES, _LONGEST).rstrip().rpartition("\n")[2].partition(",")[0])
    return None


def _sweep_rows(folder: Path, top: Path) -> Iterator[RunRow]:
    """Read the runs of a sweep."""
    try:
        sweep = Sweep.open(folder)
    except (RunError, OSError) as error:
        yield RunRow(folder, _name(folder, top), UNREADABLE, " ".join(str(error).split()))
        return
    yield from trial_rows(sweep, "" if folder == top else f"{_name(folder, top)}/")


def trial_rows(sweep: Sweep, prefix: str = "") -> list[RunRow]:
    """Return the runs of a sweep by number.

    Args:
        sweep: The sweep, just read.
        prefix: Is put before their names.
    """
    observer = Observer(sweep.workers)
    return [_trial_row(sweep, trial, observer, prefix) for trial in sweep.trials]


def _trial_row(sweep: Sweep, trial: Trial, observer: Observer, prefix: str) -> RunRow:
    """Read a run of a sweep: its state is that of the journal."""
    entries = sweep.journal.entries(trial.number)
    last = entries[-1] if entries else Entry(State.WAITING)
    state, reason, path = last.state, last.reason, sweep.run_dir(trial.number)
    if state is State.RUNNING and observer.is_dead(last.worker):
        state, reason = State.INTERRUPTED, "its process has ended"
    metrics, epochs = _result_of_trial(path, last)
    started = next((entry.time for entry in entries if entry.state is State.RUNNING), None)
    has_ended = state not in (State.WAITING, State.RUNNING)
    return RunRow(
        path,
        f"{prefix}{trial.folder}",
        state,
        reason,
        flat_config(trial.config, trial.swept),
        metrics,
        epochs,
        last.seconds,
        started,
        last.time if has_ended and entries else None,
        sweep.record.environment,
        sweep.folder,
        trial.number,
        trial.swept,
        trial.overrides,
    )


def _result_of_trial(path: Path, last: Entry) -> tuple[Mapping[str, float], int | None]:
    """Return the metrics of a trial, and its epochs so far. One that a race has spared has neither."""
    if last.state in (State.FINISHED, State.PRUNED):
        with suppress(RunError):
            result = read_result(path / RESULT)
            return result["metrics"], result.get("epochs", last.epochs)
    return {}, None if last.state is State.WAITING else _epochs(path)
