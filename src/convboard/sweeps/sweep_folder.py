"""The folder of a sweep: what it holds, and where.

========================  ===============================================================================
`sweep.yaml`              what was asked for: the command, the swept keys, the objective, versions; the revisions
                          that later commands write are `sweep.0001.yaml`, ...
`sources/`                the source files that its trials run, see `provenance`
`trials/`                 the config of every trial, see `trials`
`journal/`                the state of every trial, see `journal`
`search.json`             what a search chooses from, see `search_plan`
`workers/`                who claims trials, see `liveness`
`values/`                 the values of trials by epoch, where trials are pruned, see `pruning`
`<values of the trial>/`  a run directory for each trial, with TensorBoard's event file and its own `log.txt`
========================  ===============================================================================
"""

import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from convboard.config.command_line import assignment
from convboard.config.yaml_limits import LOADER, read_yaml_text
from convboard.errors import RunError
from convboard.files import create_once, make_folder, read_bytes, remove_leftovers
from convboard.sweeps.journal import Entry, Journal, State
from convboard.sweeps.trials import Trial, Trials

SWEEP, TRIALS, JOURNAL, WORKERS, VALUES = "sweep.yaml", "trials", "journal", "workers", "values"
SEARCH = "search.json"
LOG = "log.txt"  # in the run directory of a trial


@dataclass(frozen=True)
class SweepRecord:
    """What a sweep was asked for, and the code and data that it was started with.

    Attributes:
        command: The command line that made it.
        swept: The keys with several values.
        objective: The metric by which its trials are compared.
        token: Random characters by which a worker knows that it sees this folder and no other.
        environment: Versions, machine and git commit, by name.
        options: The keys of the sweep itself, see `SweepOptions.shared`.
        sources: The name of the list of its source files, see `provenance`.
        data: The fingerprint of each data set, by its name and folder.
    """

    command: str
    swept: tuple[str, ...]
    objective: str
    token: str
    environment: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    sources: str = ""
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_maximised(self) -> bool:
        """Whether a larger objective is better."""
        return self.objective.startswith("accuracy")

    def to_yaml(self) -> str:
        """Return it as YAML, what is of most interest first."""
        plain = {name: getattr(self, name) for name in _KINDS} | {"swept": list(self.swept)}
        return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=1000))

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`."""
        return "maximize" if self.is_maximised else "minimize"


_KINDS: dict[str, type] = {  # of the fields, in the order of the file
    "command": str,
    "swept": list,
    "objective": str,
    "direction": str,
    "options": dict,
    "environment": dict,
    "sources": str,
    "data": dict,
    "token": str,
}


def read_record(folder: Path) -> SweepRecord:
    """Read what a sweep was asked for, of its last revision.

    Raises:
        RunError: There is no sweep, or its record is damaged.
    """
    if not (folder / SWEEP).exists():
        raise RunError(f"{folder} has no sweep: the folder of a sweep has a {SWEEP} in it.")
    return _read_revision(folder, _last_index(folder))


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


def _last_index(folder: Path) -> int:
    return next(index for index in itertools.count() if not (folder / _revision(index + 1)).exists())


def _revision(index: int) -> str:
    """Return the name of the file of a revision of the record."""
    return f"sweep.{index:04}.yaml" if index else SWEEP


def _read_revision(folder: Path, index: int) -> SweepRecord:
    path = folder / _revision(index)
    try:
        plain = yaml.load(read_yaml_text(path, has_aliases=False), Loader=LOADER)  # a safe loader
        return _record(plain)
    except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
        advice = f" Remove it, and the sweep goes on as {_revision(index - 1)} has it." if index else ""
        raise RunError(f"{path} cannot be read: {' '.join(str(error).split())}.{advice}") from error


def _record(plain: Any) -> SweepRecord:
    """Check what was read from `sweep.yaml`."""
    if not isinstance(plain, dict) or plain.keys() != _KINDS.keys():
        raise ValueError(f"it must hold {', '.join(_KINDS)}")
    for name, kind in _KINDS.items():
        if not isinstance(plain[name], kind):
            raise ValueError(f"{name} cannot be {plain[name]!r}")
    texts = list(plain["swept"])
    for name in ("environment", "data"):
        texts += [*plain[name], *plain[name].values()]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("swept, environment and data must hold texts")
    del plain["direction"]
    return SweepRecord(**plain | {"swept": tuple(plain["swept"])})


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
        for name in (TRIALS, JOURNAL, WORKERS):
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
        record = read_record(self.folder)
        if record.token != self.record.token:
            raise RunError(f"{self.folder} is another sweep now: somebody has replaced it.")
        self.record = record
        self.trials.refresh()
        self.journal.refresh()

    @property
    def total(self) -> int:
        """Number of trials, with those that a search will still propose."""
        return max(self.expected, len(self.trials))

    @property
    def representatives(self) -> list[Trial]:
        """Trials that have all the code and data of the sweep."""
        return [*self.trials, *self.examples]

    def revise(self, change: Callable[[SweepRecord], SweepRecord]) -> None:
        """Write a revision of the record, unless nothing in it would change but its command.

        Args:
            change: Returns the record as it should be, from what it is; is called again if another process has written
                a revision meanwhile.

        Raises:
            OSError: The folder cannot be written.
        """
        while True:
            index = _last_index(self.folder)
            record = _read_revision(self.folder, index)
            revised = change(record)
            if replace(revised, command=record.command) == record:
                return
            if create_once(self.folder / _revision(index + 1), revised.to_yaml()):
                self.record = revised
                return

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
        for folder in (self.folder, self.trials.folder, self.workers, self.journal.folder, *self.journal.blocks()):
            remove_leftovers(folder)

    def run_dir(self, number: int) -> Path:
        """Return the run directory of a trial."""
        return self.folder / self.trials[number].folder


def _has_search(path: Path, search: str | None) -> bool:
    """Create `search.json`. Returns whether the sweep has this search now, and no other one."""
    if search is None:
        return not path.exists()
    return create_once(path, search) or read_bytes(path) == search.encode()
