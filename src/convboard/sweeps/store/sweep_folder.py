"""The folder of a sweep: what it holds, and where.

========================  ===============================================================================
`sweep.yaml`              what was asked for: the command, the swept keys, the objective, versions; the revisions
                          that later commands write are `sweep.0001.yaml`, ...
`sources/`                the source files that its trials run, see `provenance`
`trials/`                 the config of every trial, see `trials`
`journal/`                the state of every trial, see `journal`
`search.json`             what a search chooses from, see `search/plan.py`
`workers/`                who claims trials, see `liveness`
`stops/`                  requests that all workers stop, see `stop_requests`
`values/`                 the values of trials by epoch, where trials are pruned, see `pruning`
`<values of the trial>/`  a run directory for each trial, with TensorBoard's event file and its own `log.txt`
========================  ===============================================================================
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from convboard.config.command_line import assignment
from convboard.errors import RunError
from convboard.files import create_once, make_folder, read_bytes, remove_leftovers
from convboard.files.file_systems import why_not_shared
from convboard.sweeps.store.entries import CLAIMABLE, Entry, State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.stop_requests import STOPS
from convboard.sweeps.store.sweep_record import SWEEP, SweepRecord, read_record, revise_record, state_of_record
from convboard.sweeps.store.trials import Trial, Trials

TRIALS, JOURNAL, WORKERS, VALUES = "trials", "journal", "workers", "values"
SEARCH = "search.json"
LOG = "log.txt"  # in the run directory of a trial


def refuse_existing(folder: Path) -> None:
    """Refuse a folder that has a sweep already.

    Raises:
        RunError: It has.
    """
    if (folder / SWEEP).exists():
        raise RunError(
            f"{folder} already has a sweep. To go on with it: {assignment('sweep.resume', folder)}. For a new one, "
            "choose another folder with hydra.sweep.dir=<folder>."
        )


def refuse_unshared(folder: Path, where: Path, advice: str) -> None:
    """Refuse a folder by whose files processes cannot agree who trains what.

    Args:
        folder: The folder of a sweep.
        where: A folder on the same file system that exists: a file is created there, and removed.
        advice: What to do; {} stands for the places that can hold one.

    Raises:
        RunError: They cannot.
        OSError: It cannot be written.
    """
    if reason := why_not_shared(where):
        raise RunError(
            f"{folder} cannot hold a sweep: {reason}, so that two workers could train the same run. "
            + advice.format("a local disk, NFS, Lustre or another file system for several machines")
        )


class Sweep:
    """A sweep on the disk.

    Attributes:
        folder: Its folder.
        record: What it was asked for.
        trials: Its trials.
        journal: Their states.
        workers: The folder of its workers.
        expected: Number of trials that a search will propose in total; 0 if there is none.
        examples: Trials that stand for those that a search will propose: they have all their code and data.
    """

    expected = 0
    examples: Sequence[Trial] = ()

    def __init__(self, folder: Path, record: SweepRecord) -> None:
        self.folder, self.record = folder, record
        self.trials = Trials(folder / TRIALS)
        self.journal = Journal(folder / JOURNAL)
        self.workers = folder / WORKERS
        self._state_of_record: object = None

    @classmethod
    def create(cls, folder: Path, record: SweepRecord, trials: Sequence[Trial], search: str | None = None) -> "Sweep":
        """Create a sweep. `sweep.yaml` is last: a folder that has it is whole.

        Args:
            folder: Its folder.
            record: What was asked for.
            trials: Its trials.
            search: The content of `search.json`, if a search proposes the trials.

        Raises:
            RunError: The folder has a sweep, or the trials of another one that was killed when it was created.
            OSError: It cannot be written.
        """
        refuse_existing(folder)
        for name in (TRIALS, JOURNAL, WORKERS, STOPS):
            make_folder(folder / name)
        sweep = cls(folder, record)
        if not (_has_search(folder / SEARCH, search) and sweep.trials.add_first(trials)):
            raise RunError(
                f"{folder} has the trials of another sweep, whose command was killed before it started one. Remove the "
                "folder, or choose another one with hydra.sweep.dir=<folder>."
            )
        if not create_once(folder / SWEEP, record.to_yaml()):
            refuse_existing(folder)
        return sweep

    @classmethod
    def open(cls, folder: Path) -> "Sweep":
        """Open a sweep, and read its trials and their states.

        Raises:
            RunError: There is none, or it is damaged.
        """
        sweep = cls(Path(os.path.abspath(folder)), read_record(folder))  # noqa: PTH100  (links stay)
        sweep.refresh()
        return sweep

    def refresh(self) -> None:
        """Read what other processes have added to trials and journal, and the last revision of the record.

        Raises:
            RunError: Another sweep has taken its place, or a file is damaged.
            OSError: The folder cannot be read.
        """
        state = state_of_record(self.folder)
        if state != self._state_of_record:
            record = read_record(self.folder)
            if record.token != self.record.token:
                raise RunError(f"{self.folder} is another sweep now: somebody has replaced it.")
            self.record, self._state_of_record = record, state
        self.trials.refresh()
        self.journal.refresh()

    @property
    def total(self) -> int:
        """Number of trials, with those that a search will still propose."""
        return max(self.expected, len(self.trials))

    @property
    def left(self) -> int:
        """Number of trials that can be claimed, with those that a search will still propose."""
        counts = self.journal.count(range(len(self.trials)))
        return sum(counts[state] for state in CLAIMABLE) + self.total - len(self.trials)

    @property
    def representatives(self) -> list[Trial]:
        """Trials that have all the code and data of the sweep."""
        return [*self.trials, *self.examples]

    def revise(self, change: Callable[[SweepRecord], SweepRecord]) -> None:
        """Write a revision of the record; see `revise_record`."""
        self.record = revise_record(self.folder, change)

    def retry(self, numbers: Iterable[int]) -> None:
        """Let failed trials wait again. They go on from their checkpoints, if they have any."""
        for number in numbers:
            self.journal.append(number, Entry(State.WAITING, reason="tried again"))

    def promote(self, numbers: Iterable[int]) -> None:
        """Let pruned trials wait again. They go on from their checkpoints, and are not pruned again."""
        for number in numbers:
            self.journal.append(number, Entry(State.WAITING, reason="taken further"))

    def remove_leftovers(self) -> None:
        """Remove the temporary files of workers that were killed."""
        values = (folder for folder in (self.folder / VALUES).glob("*") if folder.is_dir())
        own = (self.folder, self.trials.folder, self.workers, self.journal.folder)
        for folder in (*own, *self.journal.blocks(), *values):
            remove_leftovers(folder)

    def run_dir(self, number: int) -> Path:
        """Return the run directory of a trial."""
        return self.folder / self.trials[number].folder


def _has_search(path: Path, search: str | None) -> bool:
    """Create `search.json`. Returns whether the sweep has this search now, and no other one."""
    if search is None:
        return not path.exists()
    return create_once(path, search) or read_bytes(path) == search.encode()
