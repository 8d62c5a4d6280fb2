"""The journal of a sweep: the state of every trial, kept in files that any number of workers append to.

A trial has a log of its own, of numbered entries, which are in one folder for each hundred trials::

    journal/000/00012.0000.json   {"state": "running", "worker": "box-4711-9f3a0c", ...}
    journal/000/00012.0001.json   {"state": "finished", "value": 0.97, ...}

An entry gives the state that the trial has from then on. The last one counts; a trial without entries waits. An entry
is created once and never changed or removed (`files.create_once`), so that appending is a compare-and-swap: a process
that knows k entries can add entry k only if no other process has done so. Therefore at most one worker claims a trial,
a trial has one state at every moment whoever is killed, and a worker that was taken for dead cannot end a trial that
another one has claimed since.

A process that reads the journal again lists only folders that have changed, by their modification times, of which each
is compared with an earlier one of the same folder only. Without that, the readers of a large sweep would keep its file
server busy.
"""

import errno
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from convboard.files import create_once, read_text, sync
from convboard.sweeps.store.listings import Listings

_PER_BLOCK = 100  # trials in a folder
_BLOCK, _NAME = re.compile(r"\d{3,}"), re.compile(r"(\d{5,})\.(\d{4,})\.json")
_LONGEST = 1_000_000  # bytes of an entry
_MOST_DOUBLED = 10


class State(StrEnum):
    """The state of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


CLAIMABLE = (State.WAITING, State.INTERRUPTED)
OVER = (State.FINISHED, State.PRUNED, State.FAILED)
_FOLLOWS = {
    State.WAITING: (State.RUNNING, State.PRUNED),  # pruned: a further seed of a setting that is worse than another
    State.RUNNING: (State.FINISHED, State.PRUNED, State.FAILED, State.INTERRUPTED),
    State.INTERRUPTED: (State.RUNNING, State.WAITING),
    State.FAILED: (State.WAITING,),  # it is tried again
    State.PRUNED: (State.WAITING,),  # it is taken further
    State.FINISHED: (),
}


@dataclass(frozen=True)
class Entry:
    """An entry of the log of a trial.

    Attributes:
        state: The state of the trial from here on.
        worker: Who has claimed it, or has ended it.
        reason: Why it failed, was pruned or was interrupted.
        value: The objective of a trial that finished or was pruned.
        seconds: Wall time of the trial, if it has ended.
        epochs: Number of epochs that a pruned trial has done.
        time: When the entry was made, in seconds since 1970 by the clock of its worker. It is shown and never compared:
            clocks differ.
    """

    state: State
    worker: str = ""
    reason: str = ""
    value: float | None = None
    seconds: float | None = None
    epochs: int | None = None
    time: float = 0.0


class Journal:
    """The journal of one sweep, as far as this process has read it.

    Args:
        folder: Its folder, which must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[int, list[Entry]] = {}
        self._blocks: set[str] = set()
        self._over: dict[int, bool] = {}  # by folder, as far as it is known
        self._listings = Listings()

    def refresh(self) -> None:
        """Read the entries that other processes have added.

        Raises:
            OSError: The folder cannot be read.
        """
        self._blocks |= {name for name in self._listings.names(self.folder) if _BLOCK.fullmatch(name)}
        for block in self.blocks():
            for number in self._extended(self._listings.names(block, self._is_over(int(block.name)))):
                self.refresh_trial(number)

    def blocks(self) -> list[Path]:
        """Return the known folders of entries."""
        return [self.folder / block for block in sorted(self._blocks, key=int)]

    def _extended(self, names: Iterable[str]) -> list[int]:
        """Return the trials that have entries, by the names of their files, which are not known here."""
        found = (match for name in names if (match := _NAME.fullmatch(name)))
        return sorted({int(one[1]) for one in found if int(one[2]) >= len(self.entries(int(one[1])))})

    def _is_over(self, block: int) -> bool:
        """Return whether all trials of a folder have ended, so that only somebody who tries one again adds entries."""
        if block not in self._over:
            numbers = range(block * _PER_BLOCK, (block + 1) * _PER_BLOCK)
            self._over[block] = all(self.state(number) in OVER for number in numbers)
        return self._over[block]

    def refresh_trial(self, number: int) -> None:
        """Read the entries of one trial that other processes have added."""
        while (entry := _read(self._path(number, len(self.entries(number))))) is not None:
            self._add(number, entry)

    def _add(self, number: int, entry: Entry) -> None:
        self._entries.setdefault(number, []).append(entry)
        self._over.pop(number // _PER_BLOCK, None)

    def entries(self, number: int) -> list[Entry]:
        """Return the known entries of a trial, the first one first."""
        return self._entries.get(number, [])

    def state(self, number: int) -> State:
        """Return the state of a trial."""
        entries = self.entries(number)
        return entries[-1].state if entries else State.WAITING

    def count(self, numbers: Iterable[int]) -> Counter[State]:
        """Return how many of these trials are in each state."""
        return Counter(dict.fromkeys(State, 0) | Counter(map(self.state, numbers)))

    def in_state(self, state: State, numbers: Iterable[int]) -> list[int]:
        """Return those of these trials that are in a state."""
        return [number for number in numbers if self.state(number) is state]

    def failed(self, numbers: Iterable[int]) -> list[int]:
        """Return those of these trials that have failed."""
        return self.in_state(State.FAILED, numbers)

    def append(self, number: int, entry: Entry) -> bool:
        """Add an entry to the log of a trial, after those that are known here.

        Returns:
            Whether it was added. If not, another process has added one; it is known from now on.

        Raises:
            OSError: The folder cannot be written.
        """
        assert entry.state in _FOLLOWS[self.state(number)], f"trial {number}: {self.state(number)} to {entry.state}"
        stamped = Entry(**asdict(entry) | {"time": time.time()})
        is_added = self._create(self._path(number, len(self.entries(number))), json.dumps(asdict(stamped)) + "\n")
        if is_added:
            self._add(number, stamped)
        else:
            self.refresh_trial(number)
        return is_added

    def end(self, number: int, entry: Entry) -> bool:
        """End a trial that `entry.worker` runs.

        Returns:
            Whether it has ended so. If not, others have taken this worker for dead, and the trial is no longer its own.

        Raises:
            OSError: The folder cannot be written.
        """
        return self.holder(number) == entry.worker and self.append(number, entry)

    def holder(self, number: int) -> str | None:
        """Return the worker that runs a trial; None if it does not run."""
        entries = self.entries(number)
        return entries[-1].worker if entries and entries[-1].state is State.RUNNING else None

    def claim(self, worker: str, numbers: Iterable[int]) -> int | None:
        """Claim one of these trials for a worker.

        Args:
            worker: The id of the worker.
            numbers: Trials, the first choice first. Those that cannot be claimed are passed over. Where others are
                claiming the same ones, some are skipped at random, so that not all try the same one again and again.

        Returns:
            The trial; None if there is none to claim.
        """
        skipped, taken, skip = [], 0, 0
        for number in numbers:
            if self.state(number) not in CLAIMABLE:
                continue
            if skip:
                skipped.append(number)
                skip -= 1
            elif self._try_to_claim(worker, number):
                return number
            else:
                taken += 1
                skip = random.randrange(2 ** min(taken, _MOST_DOUBLED))
        return next((number for number in skipped if self._try_to_claim(worker, number)), None)

    def _try_to_claim(self, worker: str, number: int) -> bool:
        self.refresh_trial(number)  # costs less than an entry that is refused
        return self.state(number) in CLAIMABLE and self.append(number, Entry(State.RUNNING, worker))

    def running(self) -> Iterator[tuple[int, str]]:
        """Return the trials that run, each with its worker."""
        for number, entries in self._entries.items():
            if entries and entries[-1].state is State.RUNNING:
                yield number, entries[-1].worker

    def _path(self, number: int, index: int) -> Path:
        return self.folder / f"{number // _PER_BLOCK:03}" / f"{number:05}.{index:04}.json"

    def _create(self, path: Path, text: str) -> bool:
        """Create an entry, and its folder if it is the first one in it."""
        try:
            return create_once(path, text)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            sync(self.folder)
            return create_once(path, text)


def _read(path: Path) -> Entry | None:
    """Read an entry; None if there is none. One that a crash has damaged is taken as the loss of its worker."""
    try:
        content = json.loads(read_text(path, _LONGEST))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        content = None
    except (ValueError, RecursionError):
        content = None
    match content:
        case {
            "state": str(state),
            "worker": str(worker),
            "reason": str(reason),
            "value": None | int() | float() as value,
            "seconds": None | int() | float() as seconds,
            "epochs": None | int() as epochs,
            "time": int() | float() as written,
        } if state in list(State):
            return Entry(State(state), worker, reason, value, seconds, epochs, written)
    return Entry(State.INTERRUPTED, reason=f"{path.name} of the journal is damaged")
