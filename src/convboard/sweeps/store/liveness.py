"""Which workers are alive.

A worker describes itself once in `workers/<id>.json` and gives a sign of life every few seconds in `workers/<id>.beat`.
On the machine of a worker its process id tells at once whether it is alive. Elsewhere it counts as dead if its sign of
life has not changed for some time by the clock of the *observer*: the clocks of two machines are never compared. Time
in which the observer itself was stopped, or its file server was away, does not count: nobody could give a sign then.

If each of 1,000 workers looked for all others, their file server would have to answer a million times every few
seconds. So a worker looks for some of them only, see `Observer.dead`.
"""

import hashlib
import json
import os
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import TracebackType

import psutil

from convboard.files import create_once, machine, read_text

LOST_AFTER = 120.0  # seconds; NFS clients show the files of others up to 60 s late
_INTERVAL = 5.0  # seconds between two signs of life
_LONGEST_GAP = 3 * _INTERVAL  # seconds between two looks of an observer that count
_CLOCK_TOLERANCE = 600.0  # seconds by which clocks may differ without a word
_TOLERANCE = 2.0  # seconds to which the start of a process is known: the start of its machine has no fractions
_LONGEST = 100_000  # bytes of a file
_WATCHED = 8  # workers that each looks for at least
_DOUBTFUL = 30.0  # seconds without a new sign of life after which it looks for others as well


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


def clock_remark(folder: Path, clock: Callable[[], float] = time.time) -> str:
    """Return what to say of a clock of this machine that is far from that of the file server; empty if it is not.

    Args:
        folder: A folder of the sweep, in which a file without a name is written.
        clock: The time of this machine, in seconds since 1970.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())
            ahead = clock() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return ""
    if abs(ahead) < _CLOCK_TOLERANCE:
        return ""
    where = "ahead of" if ahead > 0 else "behind"
    return (
        f"the clock of {socket.gethostname()} is {abs(ahead) / 3600:.1f} hours {where} that of the folder: the times "
        "of its runs are shifted in TensorBoard; nothing else depends on it"
    )


def has_begun(folder: Path, submission: int) -> bool:
    """Return whether a worker that a submission has started was ever there.

    Args:
        folder: The `workers` folder of a sweep.
        submission: The number of the submission.
    """
    for path in folder.glob("*.json"):
        with suppress(ValueError, AttributeError, RecursionError):
            if json.loads(_text(path)).get("submission") == submission:
                return True
    return False


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
            with suppress(OSError):  # a server that is away for a while: the next one may succeed
                self._give_sign(count)
            if self._ends.wait(_INTERVAL):
                return

    def _give_sign(self, count: int) -> None:
        """Write over the last sign, so that it needs no place on a full disk. Whatever else is read is new as well."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.pwrite(descriptor, f"{count:010}\n".encode(), 0)
        finally:
            os.close(descriptor)


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
        seen, now = self._seen.get(worker_id), self._clock()
        if seen is not None and now - seen.looked < _INTERVAL:
            return seen.unchanged > self._lost_after
        sign = _text(self._folder / f"{worker_id}.beat")
        seen = seen or self._seen.setdefault(worker_id, _Sign(sign, now))
        seen.unchanged = seen.unchanged + min(now - seen.looked, _LONGEST_GAP) if sign == seen.sign else 0.0
        seen.sign, seen.looked = sign, now
        return seen.unchanged > self._lost_after

    def dead(self, worker_ids: Collection[str], own: str = "") -> set[str]:
        """Return which workers are dead, of those that this one looks for.

        These are the workers that follow it in an order that is random, and the same for all. If some of them seem to
        be dead, it looks for as many more: so all who are dead are found, however few are alive.

        Args:
            worker_ids: The workers.
            own: The worker that looks for them; empty: it looks for all.
        """
        if not own:
            return set(filter(self.is_dead, worker_ids))
        dead, alive, doubtful = set(), 0, 0
        for worker_id in sorted({*worker_ids} - {own}, key=lambda other: (_place(other) < _place(own), _place(other))):
            if self.is_dead(worker_id):
                dead.add(worker_id)
            seen = self._seen.get(worker_id)
            is_doubtful = worker_id in dead or (seen is not None and seen.unchanged > _DOUBTFUL)
            alive, doubtful = alive + (not is_doubtful), doubtful + is_doubtful
            if alive >= max(_WATCHED, doubtful):
                break
        return dead

    def worker(self, worker_id: str) -> Worker | None:
        """Return what a worker says of itself; None if its file is missing or damaged."""
        if worker_id not in self._workers:
            try:
                self._workers[worker_id] = Worker(**json.loads(_text(self._folder / f"{worker_id}.json")))
            except (ValueError, TypeError, RecursionError):
                return None
        return self._workers[worker_id]


@cache
def _place(worker_id: str) -> str:
    """Return the place of a worker among all, at random: neighbours seldom end together, as those of one machine do."""
    return hashlib.sha256(worker_id.encode()).hexdigest()


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
