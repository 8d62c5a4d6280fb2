"""The folder of a sweep: what it holds, and where.

========================  ===============================================================================
`sweep.yaml`              what was asked for: the command, the swept keys, the objective, versions
`trials/`                 the config of every trial, see `trials`
`journal/`                the state of every trial, see `journal`
`workers/`                who claims trials, see `liveness`
`<values of the trial>/`  a run directory for each trial, with TensorBoard's event file and its own `log.txt`
========================  ===============================================================================
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from convboard.config.yaml_limits import LOADER, read_yaml_text
from convboard.errors import RunError
from convboard.files import create_once, make_folder
from convboard.sweeps.journal import Entry, Journal, State
from convboard.sweeps.trials import Trial, Trials

SWEEP, TRIALS, JOURNAL, WORKERS = "sweep.yaml", "trials", "journal", "workers"
LOG = "log.txt"  # in the run directory of a trial


@dataclass(frozen=True)
class SweepRecord:
    """What a sweep was asked for.

    Attributes:
        command: The command line that made it.
        swept: The keys with several values.
        objective: The metric by which its trials are compared.
        token: Random characters by which a worker knows that it sees this folder and no other.
        environment: Versions and git commit, by name.
    """

    command: str
    swept: tuple[str, ...]
    objective: str
    token: str
    environment: dict[str, str]

    @property
    def is_maximised(self) -> bool:
        """Whether a larger objective is better."""
        return self.objective.startswith("accuracy")


class Sweep:
    """A sweep on the disk.

    Attributes:
        folder: Its folder.
        record: What it was asked for.
        trials: Its trials.
        journal: Their states.
        workers: The folder of its workers.
    """

    def __init__(self, folder: Path, record: SweepRecord) -> None:
        self.folder, self.record = folder, record
        self.trials = Trials(folder / TRIALS)
        self.journal = Journal(folder / JOURNAL)
        self.workers = folder / WORKERS

    @classmethod
    def create(cls, folder: Path, record: SweepRecord, trials: Sequence[Trial]) -> "Sweep":
        """Create a sweep. `sweep.yaml` is last: a folder that has it is whole.

        Raises:
            RunError: The folder has a sweep.
            OSError: It cannot be written.
        """
        for name in (TRIALS, JOURNAL, WORKERS):
            make_folder(folder / name)
        sweep = cls(folder, record)
        sweep.trials.add(trials)
        plain = asdict(record) | {"swept": list(record.swept)}
        if not create_once(folder / SWEEP, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)):
            raise RunError(f"{folder} already has a sweep. Go on with it: sweep.resume={folder}.")
        return sweep

    @classmethod
    def open(cls, folder: Path) -> "Sweep":
        """Open a sweep, and read its trials and their states.

        Raises:
            RunError: There is none, or it is damaged.
        """
        path = folder / SWEEP
        if not path.exists():
            raise RunError(f"{folder} has no sweep: the folder of a sweep has a {SWEEP} in it.")
        try:
            plain = yaml.load(read_yaml_text(path, has_aliases=False), Loader=LOADER)  # a safe loader
            record = _record(plain)
        except (OSError, yaml.YAMLError, ValueError, TypeError) as error:
            raise RunError(f"{path} cannot be read: {' '.join(str(error).split())}.") from error
        sweep = cls(folder, record)
        sweep.refresh()
        return sweep

    def refresh(self) -> None:
        """Read what other processes have added to trials and journal."""
        self.trials.refresh()
        self.journal.refresh()

    def retry(self, numbers: Iterable[int]) -> None:
        """Let failed trials wait again. They go on from their checkpoints, if they have any."""
        for number in numbers:
            self.journal.append(number, Entry(State.WAITING, reason="tried again"))

    def run_dir(self, number: int) -> Path:
        """Return the run directory of a trial."""
        return self.folder / self.trials[number].folder


def _record(plain: Any) -> SweepRecord:
    """Check what was read from `sweep.yaml`."""
    match plain:
        case {
            "command": str(),
            "swept": [*swept],
            "objective": str(),
            "token": str(),
            "environment": {**environment},
        } if len(plain) == len(fields(SweepRecord)):
            texts = [*swept, *environment, *environment.values()]
            if all(isinstance(text, str) for text in texts):
                return SweepRecord(**plain | {"swept": tuple(swept)})
    raise ValueError(f"it must hold {', '.join(field.name for field in fields(SweepRecord))}")
