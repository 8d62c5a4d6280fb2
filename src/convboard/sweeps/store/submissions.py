"""The workers that were started elsewhere for a sweep: `submissions/` in its folder.

`submissions/0003.json` says what was asked for, and is written before any worker starts: a worker gets this number, and
proves by the file that it sees the folder. `submissions/0003.started.json` has what the engine calls them.
"""

import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from convboard.config.command_line import assignment
from convboard.errors import RunError
from convboard.files import create_once, make_folder, read_text
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import read_record

SUBMISSIONS = "submissions"
_LONGEST = 1_000_000  # bytes of a file


@dataclass(frozen=True)
class Submission:
    """Workers that one command has started elsewhere.

    Attributes:
        number: Its number in the sweep, from 0.
        folder: The folder of the sweep, as the command saw it.
        token: The token of the sweep, see `SweepRecord`.
        directory: The current folder of the command, in which the workers start.
        workers: Number of runs at the same time.
        stops: Number of requests to stop that the sweep had then; a later one is meant for these workers too.
        settings: The keys `sweep.backend.*`, with the name of the backend.
        started: What the engine calls the workers; empty until it has started them.
    """

    number: int
    folder: str
    token: str
    directory: str
    workers: int
    stops: int
    settings: Mapping[str, Any]
    started: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The name by which an engine can find the workers again."""
        return f"convboard-{self.token}-{self.number}"

    @property
    def path(self) -> Path:
        """The file that describes it."""
        return Path(self.folder) / SUBMISSIONS / f"{self.number:04}.json"

    def groups(self) -> list[int]:
        """Return the number of runs at the same time of each process: one process for each node."""
        per_node, workers = self.settings["workers_per_node"], self.workers
        return [min(per_node, workers - first) for first in range(0, workers, per_node)]

    def command(self, workers: int) -> list[str]:
        """Return the command of one process of workers.

        Args:
            workers: Number of runs that it trains at the same time.
        """
        python = self.settings["python"]
        return [*(shlex.split(python) if python else [sys.executable]), *self.arguments(workers)]

    def arguments(self, workers: int) -> list[str]:
        """Return the arguments of Python in that command.

        Args:
            workers: See `command`.
        """
        keys = [assignment("sweep.join", self.folder), f"sweep.workers={workers}", f"sweep.submission={self.number}"]
        return ["-m", "convboard", "train", "-m", *(shlex.split(key)[0] for key in keys)]


def submit(sweep: Sweep, settings: Mapping[str, Any], workers: int, stops: int) -> Submission:
    """Write down that workers are about to be started.

    Args:
        sweep: The sweep.
        settings: See `Submission`.
        workers: See `Submission`.
        stops: See `Submission`.

    Raises:
        OSError: The folder cannot be written.
    """
    folder = sweep.folder / SUBMISSIONS
    make_folder(folder)
    number = sum(1 for _ in read_submissions(sweep.folder))
    while True:
        submission = Submission(
            number,
            str(sweep.folder),
            sweep.record.token,
            str(Path.cwd()),
            workers,
            stops,
            dict(settings),
        )
        if create_once(folder / f"{number:04}.json", json.dumps(asdict(submission)) + "\n"):
            return submission
        number += 1


def note_started(submission: Submission, started: Sequence[str]) -> None:
    """Write down what the engine calls the workers of a submission.

    Raises:
        OSError: The folder cannot be written.
    """
    create_once(submission.path.with_suffix(".started.json"), json.dumps(list(started)) + "\n")


def read_submissions(folder: Path) -> Iterator[Submission]:
    """Yield the submissions of a sweep, the first one first; those whose files are damaged are left out.

    Args:
        folder: The folder of the sweep.
    """
    number = 0
    while (path := folder / SUBMISSIONS / f"{number:04}.json").exists():
        with suppress(OSError, ValueError, TypeError, RecursionError):
            started = path.with_suffix(".started.json")
            names = json.loads(read_text(started, _LONGEST)) if started.exists() else []
            yield Submission(**{**json.loads(read_text(path, _LONGEST)), "started": tuple(map(str, names))})
        number += 1


def submission_of(folder: Path, number: int) -> Submission | None:
    """Return a submission; None if this process does not see it.

    Args:
        folder: The folder of the sweep.
        number: The number of the submission.
    """
    return next((one for one in read_submissions(folder) if one.number == number), None)


def prove_folder(folder: Path, number: int) -> None:
    """Check that a worker that was started elsewhere sees the folder of its sweep.

    Args:
        folder: The folder, as it was given to the worker.
        number: The number of its submission.

    Raises:
        RunError: This node does not see it, or sees another one.
    """
    with suppress(OSError):  # a client of NFS that has looked in vain asks its server again after a listing
        os.listdir(folder)  # noqa: PTH208
        os.listdir(folder / SUBMISSIONS)  # noqa: PTH208
    found, host = submission_of(folder, number), socket.gethostname()
    if found is None:
        sees = "a folder without it" if folder.is_dir() else "no such folder"
        raise RunError(
            f"{host} was started for the sweep in {folder}, and sees {sees}. Put the sweep into a folder that all "
            "nodes see by the same path: hydra.sweep.dir=<folder>."
        )
    if found.token != read_record(folder).token:
        raise RunError(f"{host} sees another sweep in {folder} than the one that it was started for.")
