"""The runs of a sweep as rows, from its journal and the results of its trials."""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from convboard.errors import RunError
from convboard.experiment.run_files import RESULT
from convboard.experiment.run_summary import CURVES
from convboard.experiment.stored_json import read_result
from convboard.files import machine, read_text
from convboard.results.run_row import RunRow, flat_config
from convboard.results.trash import trash_of
from convboard.sweeps.store.entries import OVER, Entry, State
from convboard.sweeps.store.liveness import LOST_AFTER, Observer, Worker
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial

_SILENT = 5 * LOST_AFTER  # seconds: two clocks are compared, for a row that is only shown
_LATEST = 1e11  # seconds since 1970, the year 5138
_LONGEST = 10_000_000  # bytes of a file


def trial_rows(sweep: Sweep, prefix: str = "") -> list[RunRow]:
    """Return the runs of a sweep, by number: also those that wait, but not those that were moved into the trash.

    Args:
        sweep: The sweep, just read.
        prefix: What the name of each run begins with.
    """
    return SweepReader(sweep, prefix).rows()


class SweepReader:
    """Reads the runs of a sweep again and again; those that have ended only once.

    Args:
        sweep: The sweep, just read.
        prefix: What the name of each run begins with.
    """

    def __init__(self, sweep: Sweep, prefix: str = "") -> None:
        self.sweep, self._prefix = sweep, prefix
        self._observer = Observer(sweep.workers)
        self._configs: dict[int, Mapping[str, Any]] = {}
        self._ended: dict[int, tuple[int, RunRow | None]] = {}  # with the number of entries in the journal
        self._changed = 0.0

    def rows(self, numbers: Iterable[int] | None = None) -> list[RunRow]:
        """Return the runs, by number.

        Args:
            numbers: Those to return; None for all.
        """
        changed = self.sweep.folder.stat().st_mtime
        if changed != self._changed:  # run directories were added or moved
            self._changed = changed
            self._ended.clear()
        chosen = self.sweep.trials if numbers is None else [self.sweep.trials[number] for number in numbers]
        return [row for trial in chosen if (row := self._row(trial)) is not None]

    def _row(self, trial: Trial) -> RunRow | None:
        """Return a run; None if it has been moved into the trash."""
        entries = self.sweep.journal.entries(trial.number)
        count, row = self._ended.get(trial.number, (0, None))
        if not entries or count != len(entries):
            row = self._read(trial, entries)
            if entries and entries[-1].state in OVER:
                self._ended[trial.number] = len(entries), row
        return row

    def _read(self, trial: Trial, entries: list[Entry]) -> RunRow | None:
        last = entries[-1] if entries else Entry(State.WAITING)
        state, reason, path = last.state, last.reason, self.sweep.run_dir(trial.number)
        if state is State.RUNNING and _is_dead(self.sweep, self._observer, last.worker):
            state, reason = State.INTERRUPTED, "its process has ended"
        metrics, epochs = _result(path, last)
        has_run = state not in (State.WAITING, State.RUNNING)
        if has_run and not metrics and not path.exists() and _was_there(path, last):
            return None
        return RunRow(
            path,
            f"{self._prefix}{trial.folder}",
            state,
            reason,
            self._config(trial),
            metrics,
            epochs,
            as_seconds(last.seconds),
            next((as_seconds(entry.time) or None for entry in entries if entry.state is State.RUNNING), None),
            (as_seconds(last.time) or None) if last.state not in (State.WAITING, State.RUNNING) else None,
            self.sweep.record.environment,
            self.sweep.folder,
            trial.number,
            trial.swept,
            trial.overrides,
        )

    def _config(self, trial: Trial) -> Mapping[str, Any]:
        if trial.number not in self._configs:
            self._configs[trial.number] = flat_config(trial.config, trial.swept)
        return self._configs[trial.number]


def living_workers(folder: Path) -> list[tuple[Worker, float | None]]:
    """Return the processes that train runs of a sweep, also between two runs, or are about to begin.

    Args:
        folder: The folder of the sweep.

    Returns:
        Each with the seconds since its last sign of life, by the clock of this machine; None if it has given none yet.
    """
    sweep = Sweep.open(folder)
    observer = Observer(sweep.workers)
    workers = (observer.worker(file.stem) for file in sorted(sweep.workers.glob("*.json")))
    alive = [worker for worker in workers if worker is not None and not _is_dead(sweep, observer, worker.id)]
    return [(worker, _silence(sweep, worker.id)) for worker in alive]


def _is_dead(sweep: Sweep, observer: Observer, worker_id: str) -> bool:
    """Return whether a worker has ended. One of another machine has if it has given no sign of life for long."""
    worker = observer.worker(worker_id)
    if worker is not None and worker.machine == machine():
        return observer.is_dead(worker_id)
    silence = _silence(sweep, worker_id)
    return silence is None or silence > _SILENT


def _silence(sweep: Sweep, worker_id: str) -> float | None:
    """Return the seconds since the last sign of life of a worker; None if it has given none."""
    with suppress(OSError):
        return time.time() - (sweep.workers / f"{worker_id}.beat").stat().st_mtime
    return None


def _result(path: Path, last: Entry) -> tuple[Mapping[str, float], int | None]:
    """Return the metrics of a trial, and its epochs so far. One that a race has spared has neither."""
    if last.state in (State.FINISHED, State.PRUNED):
        with suppress(RunError):
            result = read_result(path / RESULT)
            return result["metrics"], as_count(result.get("epochs", last.epochs))
        return {}, last.epochs
    return {}, None if last.state is State.WAITING else trained_epochs(path)


def _was_there(path: Path, last: Entry) -> bool:
    """Return whether a trial without a run directory had one: not if it was spared, or could not begin."""
    return last.state is State.FINISHED or bool(last.epochs) or trash_of(path).exists()


def as_seconds(seconds: object) -> float | None:
    """Return a time or a duration that a file has, in seconds; None if it is none."""
    return float(seconds) if isinstance(seconds, (int, float)) and 0 <= seconds < _LATEST else None


def as_count(number: object) -> int | None:
    """Return a number of epochs that a file has; None if it is none."""
    return number if isinstance(number, int) and 0 <= number < 2**31 else None


def trained_epochs(path: Path) -> int | None:
    """Return how many epochs a run has trained so far, by the last line of its curves."""
    with suppress(OSError, ValueError):
        return as_count(int(read_text(path / CURVES, _LONGEST).rstrip().rpartition("\n")[2].partition(",")[0]))
    return None
