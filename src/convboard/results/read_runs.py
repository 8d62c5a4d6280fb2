"""The runs in folders, read from small files: config, summary, result, and the journal of a sweep.

A run is a directory with a `config.yaml` and at least one other file of a run; a sweep is a folder with a `sweep.yaml`,
whose runs are those that its journal knows, also where they have not begun. What else is in a folder is passed over. A
file that is damaged makes its run `unreadable`; it never hides the others.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from convboard.errors import RunError
from convboard.results.read_run import is_run, read_run
from convboard.results.read_sweep import SweepReader
from convboard.results.run_row import UNREADABLE, RunRow
from convboard.results.trash import TRASH
from convboard.sweeps.store.entries import OVER
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SWEEP

_NUMBERED = re.compile(r"(.*)#(\d+)")  # SWEEP#7, the run 7 of a sweep


def read_runs(folders: Sequence[Path]) -> list[RunRow]:
    """Return all runs in some folders and the folders below, those of a sweep by number, others by path.

    Args:
        folders: Folders of runs, sweeps, or runs themselves; `SWEEP#7` for a run of a sweep.

    Raises:
        RunError: One of the folders is not there or cannot be read.
    """
    return RunReader(folders).read()


class RunReader:
    """Reads the runs in some folders again and again; those that have ended only once.

    Args:
        folders: See `read_runs`.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._sweeps: dict[tuple[Path, str], SweepReader] = {}  # with what the names of their runs begin with
        self._ended: dict[Path, tuple[float, RunRow]] = {}  # with the time at which the directory was changed
        self._seen: set[tuple[int, int]] = set()

    def read(self) -> list[RunRow]:
        """Return all runs; see `read_runs`."""
        self._seen = set()
        rows: dict[Path, RunRow] = {}
        for folder in self._folders:
            for row in self._of_sweep(folder) or self._below(folder):
                rows.setdefault(row.path, row)
        return list(rows.values())

    def _of_sweep(self, folder: Path) -> list[RunRow]:
        """Return the run of a sweep that is given by its directory, which it may not have yet, or by its number."""
        absolute = Path(os.path.abspath(folder))  # noqa: PTH100  (links stay)
        found = _NUMBERED.fullmatch(str(folder))
        if found and not folder.exists() and (sweep := Path(found[1])).joinpath(SWEEP).exists():
            reader = self._sweep(sweep, self._prefix(sweep, sweep))
            if int(found[2]) >= len(reader.sweep.trials):
                raise RunError(f"{folder} is not there: the sweep has the runs 0 to {len(reader.sweep.trials) - 1}.")
            return reader.rows([int(found[2])])
        if (absolute.parent / SWEEP).exists():
            reader = self._sweep(absolute.parent, self._prefix(folder.parent, folder.parent))
            return reader.rows([trial.number for trial in reader.sweep.trials if trial.folder == absolute.name])
        return []

    def _sweep(self, folder: Path, prefix: str) -> SweepReader:
        """Return what reads a sweep, with what is new.

        Raises:
            RunError: The sweep is damaged.
            OSError: It cannot be read.
        """
        known = self._sweeps.pop((folder, prefix), None)
        try:
            if known is not None:
                known.sweep.refresh()
        except RunError:  # another one has taken its place
            known = None
        reader = self._sweeps[folder, prefix] = known or SweepReader(Sweep.open(folder), prefix)
        return reader

    def _below(self, top: Path) -> Iterator[RunRow]:
        """Yield the runs in a folder and those below, none of which is a part of another run."""
        if not top.is_dir():
            what = "is a file" if top.exists() else "is not there"
            raise RunError(
                f"{top} {what}: give a folder of runs{'' if str(top) == 'outputs' else ', such as outputs'}."
            )
        rest = [top]
        while rest:
            folder = rest.pop()
            try:
                status, entries = folder.stat(), {entry.name: entry for entry in os.scandir(folder)}
            except OSError as error:
                if folder == top:
                    raise RunError(f"{folder} cannot be read: {error.strerror}.") from error
                continue
            if (status.st_dev, status.st_ino) in self._seen:  # by a link, or given twice
                continue
            self._seen.add((status.st_dev, status.st_ino))
            trials = self._trials(folder, top) if SWEEP in entries else []
            yield from trials
            if is_run(entries.keys()):
                yield self._run(folder, self._name(folder, top), entries.keys(), status.st_mtime)
            elif not trials or trials[0].state == UNREADABLE:
                rest += [folder / name for name in sorted(entries, reverse=True) if _may_have_runs(entries[name])]

    def _trials(self, folder: Path, top: Path) -> list[RunRow]:
        """Return the runs of a sweep; one that is unreadable stands for a sweep that is damaged."""
        try:
            return self._sweep(folder, self._prefix(folder, top)).rows()
        except RunError as error:
            reason = " ".join(str(error).split())
        except OSError as error:
            reason = f"{error.filename} cannot be read: {error.strerror}."
        return [RunRow(folder, self._name(folder, top), UNREADABLE, reason)]

    def _run(self, path: Path, name: str, files: Collection[str], changed: float) -> RunRow:
        """Read a run that belongs to no sweep."""
        if path in self._ended and self._ended[path][0] == changed:
            return self._ended[path][1]
        row = read_run(path, name, files)
        if row.state in OVER:
            self._ended[path] = changed, row
        return row

    def _name(self, path: Path, top: Path) -> str:
        """Return the name of a run: its path, or if all runs are in one folder, below this folder."""
        if len(self._folders) > 1:
            return str(path)
        return path.name if path == top else path.relative_to(top).as_posix()

    def _prefix(self, sweep: Path, top: Path) -> str:
        """Return what the names of the runs of a sweep begin with."""
        return "" if sweep == top and len(self._folders) == 1 else f"{self._name(sweep, top)}/"


def _may_have_runs(entry: os.DirEntry[str]) -> bool:
    """Return whether runs are looked for in a part of a folder."""
    with suppress(OSError):
        return not entry.name.startswith(".") and not entry.name.endswith(TRASH) and entry.is_dir()
    return False
