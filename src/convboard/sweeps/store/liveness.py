"""Which workers are alive.

A worker describes itself once in `workers/<id>.json` and gives a sign of life every few seconds in `workers/<id>.beat`.
On the machine of a worker its process id tells at once whether it is alive. Elsewhere it counts as dead if its sign of
life has not changed for some time by the clock of the *observer*: the clocks of two machines are never compared. Time
in which the observer itself was stopped, or its file server was away, does not count: nobody could give a sign then.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import psutil

from convboard.files import atomic_write_text, create_once, machine, read_text

LOST_AFTER = 120.0  # seconds; NFS clients show the files of others up to 60 s late
_INTERVAL = 5.0  # seconds between two signs of life
_LONGEST_GAP = 3 * _INTERVAL  # seconds between two looks of an observer that count
_TOLERANCE = 2.0  # seconds to which the start of a process is known: the start of its machine has no fractions
_LONGEST = 100_000  # bytes of a file


@dataclass(frozen=True)
class Worker:
    """A process that claims trials.

    Attributes:
        id: Its name in the journal.
        host: The name of its machine, as it is shown.
        machine: What tells its machine, and the processes that it can see, from all others.
        pid: Its process id.
        started: When the process started, in seconds since the machine did: ids of processes are used again.
        folder: The folder of the workers as it sees it.
        submission: The number of the submission that has started it; None for a command of the user's.
    """

    id: str
    host: str
    machine: str
    pid: int
    started: float
    folder: str = ""
    submission: int | None = None


def this_worker(submission: int | None = None) -> Worker:
    """Return a new worker, which is this process.

    Args:
        submission: See `Worker`.
    """
    host, pid = socket.gethostname(), os.getpid()
    return Worker(
        f"{host}-{pid}-{secrets.token_hex(3)}", host, machine(), pid, process_started(pid) or 0.0, "", submission
    )


def host_of(worker_id: str) -> str:
    """Return the name of the machine of a worker, by its id."""
    return worker_id.rsplit("-", 2)[0]


class SignOfLife:
    """While entered, a thread gives the signs of life of a worker.

    Args:
        folder: The `workers` folder of a sweep.
        worker: The worker, which is this process.
    """

    def __init__(self, folder: Path, worker: Worker) -> None:
        self._path = folder / f"{worker.id}.beat"
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="sign of life")
        create_once(
            folder / f"{worker.id}.json", json.dumps({**asdict(worker), "folder": str(folder.absolute())}) + "\n"
        )

    def __enter__(self) -> "SignOfLife":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        with suppress(OSError):
            self._path.unlink()

    def _beat(self) -> None:
        count = 0
        while True:
            count += 1
            with suppress(OSError):  # a full disk, or a server that is away for a while: the next one may succeed
                atomic_write_text(self._path, f"{count}\n")
            if self._ends.wait(_INTERVAL):
                return


@dataclass
class _Sign:
    """The last sign of life of a worker, when an observer looked for it, and for how long it has seen no other."""

    sign: str
    looked: float
    unchanged: float = 0.0


class Observer:
    """Tells which workers are dead, as this process sees them.

    Args:
        folder: The `workers` folder of a sweep.
        lost_after: Seconds without a new sign of life after which a worker of another machine counts as dead.
        clock: Gives seconds, from any start.
    """

    def __init__(
        self, folder: Path, lost_after: float = LOST_AFTER, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._lost_after, self._clock = folder, lost_after, clock
        self._workers: dict[str, Worker] = {}
        self._seen: dict[str, _Sign] = {}

    def is_dead(self, worker_id: str) -> bool:
        """Return whether a worker has ended, or has given no sign of life for too long."""
        worker = self.worker(worker_id)
        if worker is not None and worker.machine == machine():
            started = process_started(worker.pid)
            return started is None or abs(started - worker.started) > _TOLERANCE
        sign, now = _text(self._folder / f"{worker_id}.beat"), self._clock()
        seen = self._seen.setdefault(worker_id, _Sign(sign, now))
        seen.unchanged = seen.unchanged + min(now - seen.looked, _LONGEST_GAP) if sign == seen.sign else 0.0
        seen.sign, seen.looked = sign, now
        return seen.unchanged > self._lost_after

    def worker(self, worker_id: str) -> Worker | None:
        """Return what a worker says of itself; None if its file is missing or damaged."""
        if worker_id not in self._workers:
            try:
                self._workers[worker_id] = Worker(**json.loads(_text(self._folder / f"{worker_id}.json")))
            except (ValueError, TypeError, RecursionError):
                return None
        return self._workers[worker_id]


def _text(path: Path) -> str:
    """Return the content of a file; an empty text if it cannot be read, as a server may be away for a while."""
    try:
        return read_text(path, _LONGEST)
    except (OSError, UnicodeDecodeError):
        return ""


def process_started(pid: int) -> float | None:
    """Return when a process started, in seconds since the machine did; None if it has ended, also as a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time() - psutil.boot_time(), 2)
    except psutil.Error:
        return None
