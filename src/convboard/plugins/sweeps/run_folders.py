"""The runs below the log directories, by folder: one for each sweep, and one for all runs outside of sweeps.

Runs on different data sets or by different objectives cannot be compared: they are in different folders.
"""

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard.errors import NotFoundError

from convboard.errors import RunError
from convboard.experiment.run_files import CONFIG
from convboard.plugins.answers import UnreadableError
from convboard.plugins.sweeps.beside_best import beside_best
from convboard.plugins.sweeps.log_directories import LogDirectories, as_given, name_below
from convboard.results.read_runs import RunReader
from convboard.results.run_row import RunRow
from convboard.results.task import Task, task_of
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_record import SWEEP

OTHERS = ""  # the folder of the runs outside of sweeps
_SHARE = 5  # what was read is used for this multiple of the time that reading took


@dataclass(frozen=True)
class Folder:
    """Runs that can be compared.

    Attributes:
        id: What names it in a link.
        name: What it is called.
        rows: Its runs.
    """

    id: str
    name: str
    rows: Sequence[RunRow]

    def summary(self) -> dict[str, Any]:
        """Return `id`, `name` and what is known of the runs."""
        times = [time for row in self.rows for time in (row.started, row.ended) if time is not None]
        return {
            "id": self.id,
            "name": self.name,
            "runs": len(self.rows),
            "counts": Counter(str(row.state) for row in self.rows),
            "updated": max(times, default=0.0),
        }


class RunFolders:
    """Reads the runs below the log directories, and again when what it has is old.

    Args:
        directories: The log directories. One that is not there yet has no runs.
    """

    def __init__(self, directories: LogDirectories) -> None:
        self._directories = directories
        self._readers = [(directory, RunReader([directory])) for directory in directories]
        self._lock = threading.Lock()  # TensorBoard answers requests in threads
        self._folders: dict[str, Folder] = {}
        self._is_old_at = 0.0
        self._has_runs = False

    def has_runs(self) -> bool:
        """Return whether there may be a run. It looks at names only, and no further than the first one."""
        self._has_runs = self._has_runs or any(
            SWEEP in files or CONFIG in files
            for directory in self._directories
            for _, _, files in os.walk(directory, followlinks=True)
        )
        return self._has_runs

    def overview(self) -> list[dict[str, Any]]:
        """Return what is known of each folder: those with a run that is being trained, then what has changed last."""
        folders = [folder.summary() for folder in self._read().values()]
        return sorted(folders, key=lambda folder: (not folder["counts"][State.RUNNING], -folder["updated"]))

    def rows(self, folder: str) -> Sequence[RunRow]:
        """Return the runs of a folder.

        Raises:
            NotFoundError: There are none.
        """
        found = self._read().get(folder)
        if found is None:
            what = "are no runs outside of sweeps" if folder == OTHERS else f"is no sweep {folder!r}"
            raise NotFoundError(f"there {what}")
        return found.rows

    def paths(self, folder: str) -> list[Path]:
        """Return where the runs of a folder are: the folder of a sweep, or all log directories.

        Raises:
            NotFoundError: There are none.
        """
        sweep = self.rows(folder)[0].sweep
        return list(self._directories) if sweep is None else [as_given(self._directories, sweep)]

    def row(self, run: str) -> RunRow:
        """Return a run by its name in TensorBoard.

        Raises:
            NotFoundError: There is none.
        """
        return self._among(self._beside(run), run)

    def beside_best(self, run: str, best: str) -> dict[str, Any]:
        """Return what differs between a run and a run of the best setting; see `beside_best`.

        Raises:
            NotFoundError: There is no such run, or they are not in the same folder.
        """
        rows = self._beside(run)
        return beside_best(self._among(rows, run), self._among(rows, best), rows)

    def _beside(self, run: str) -> Sequence[RunRow]:
        """Return the runs of the folder that a run is in; none if there is no such run."""
        folders = [folder.rows for folder in self._read().values()]
        return next((rows for rows in folders if any(self.name(row) == run for row in rows)), ())

    def _among(self, rows: Sequence[RunRow], run: str) -> RunRow:
        for row in rows:
            if self.name(row) == run:
                return row
        raise NotFoundError(f"there is no run {run!r}")

    def path(self, row: RunRow) -> Path:
        """Return the directory of a run."""
        return as_given(self._directories, row.path)

    def name(self, row: RunRow) -> str:
        """Return the name of a run in TensorBoard."""
        return name_below(self._directories, row.path)

    def _read(self) -> dict[str, Folder]:
        with self._lock:
            begin = time.monotonic()
            if begin >= self._is_old_at:
                self._folders = {folder.id: folder for folder in self._grouped(self._all_rows())}
                end = time.monotonic()
                self._is_old_at = end + _SHARE * (end - begin)
            return self._folders

    def _all_rows(self) -> list[RunRow]:
        try:
            return [row for directory, reader in self._readers if directory.is_dir() for row in reader.read()]
        except RunError as error:
            raise UnreadableError(str(error)) from error

    def _grouped(self, rows: Iterable[RunRow]) -> Iterator[Folder]:
        by_sweep: dict[Path | None, list[RunRow]] = {}
        for row in rows:
            by_sweep.setdefault(row.sweep, []).append(row)
        for sweep, together in by_sweep.items():
            path = OTHERS if sweep is None else os.path.normpath(name_below(self._directories, sweep))
            name = "runs outside of sweeps" if sweep is None else sweep.name if path == os.curdir else path
            yield from _by_task(Folder(path, name, together))


def _by_task(folder: Folder) -> Iterator[Folder]:
    """Yield a folder for each task of some runs. The oldest keeps the id, which is in links, when others are added."""
    tasks: dict[Task, list[RunRow]] = {}
    for row in folder.rows:
        if row.objective:
            tasks.setdefault(task_of(row), []).append(row)
    if len(tasks) < 2:
        yield folder
        return
    by_age = sorted(tasks, key=lambda task: min(row.started or math.inf for row in tasks[task]))
    tasks[by_age[0]] += [row for row in folder.rows if not row.objective]  # what cannot be read is seen anywhere
    for task in by_age:
        end = f" · {task.name(tasks)}"
        yield Folder(folder.id if task == by_age[0] else folder.id + end, folder.name + end, tasks[task])
