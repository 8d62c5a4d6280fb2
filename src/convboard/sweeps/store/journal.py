"""The journal of a sweep: the state of every trial, kept in files that any number of workers append to.

A trial has a log of its own, of numbered entries, which are in one folder for each hundred trials::

    journal/000/00012.0000.json   {"state": "running", "worker": "box-4711-9f3a0c", ...}
    journal/000/00012.0001.json   {"state": "finished", "value": 0.97, ...}
    journal/000.jsonl             the entries of the trials 0 to 99, once they are all over, see `compaction`

An entry gives the state that the trial has from then on. The last one counts; a trial without entries waits. An entry
is created once and never changed or removed (`files.create_once`), so that appending is a compare-and-swap: a process
that knows k entries can add entry k only if no other process has done so. Therefore at most one worker claims a trial,
a trial has one state at every moment whoever is killed, and a worker that was taken for dead cannot end a trial that
another one has claimed since.

A process that reads the journal again lists only folders that have changed, by their modification times, of which each
is compared with an earlier one of the same folder only; and those whose trials are all over only from time to time.
Without that, the readers of a large sweep would keep its file server busy.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from convboard.files import create_once, sync
from convboard.sweeps.store.compaction import read_compacted, write_compacted
from convboard.sweeps.store.entries import CLAIMABLE, FOLLOWS, OVER, Entry, State, entry_of, read_entry
from convboard.sweeps.store.listings import Listings

_PER_BLOCK = 100  # trials in a folder
_BLOCK, _NAME = re.compile(r"(\d{3,})(\.jsonl)?"), re.compile(r"(\d{5,})\.(\d{4,})\.json")
_FEW = 10  # trials whose entries are read one by one although there is a file with all of them
_RARELY = 30.0  # seconds between two looks at a folder whose trials are all over
_SHARE_OF_LOOKS = 0.2  # the same for each such folder, where that is longer: five looks a second
_MOST_DOUBLED = 10


class Journal:
    """The journal of one sweep, as far as this process has read it.

    Args:
        folder: Its folder, which must exist.
        clock: Gives seconds, from any start.

    Attributes:
        known: The trial of each entry that is known, in the order in which this process has got to know them.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.known: list[int] = []
        self._entries: dict[int, list[Entry]] = {}
        self._in_state: dict[State, set[int]] = {state: set() for state in State}  # trials that have entries
        self._first = 0  # no trial before it can be claimed
        self._blocks: dict[int, Path] = {}  # with their folders
        self._compacted: set[int] = set()  # blocks whose entries are in one file
        self._to_compact: set[int] = set()  # blocks that may be over now
        self._over: dict[int, bool] = {}  # by block, as far as it is known
        self._listings = Listings(clock)

    def refresh(self) -> None:
        """Read the entries that other processes have added.

        Raises:
            OSError: The folder cannot be read.
        """
        for match in filter(None, map(_BLOCK.fullmatch, self._listings.names(self.folder))):
            if match[2]:
                self._compacted.add(int(match[1]))
            else:
                self._blocks.setdefault(int(match[1]), self.folder / match[1])
        rarely = max(_RARELY, _SHARE_OF_LOOKS * len(self._blocks))
        for block, folder in self._blocks.items():
            if names := self._listings.names(folder, rarely if self._is_over(block) else 0.0):
                self._read_block(block, names)

    def blocks(self) -> list[Path]:
        """Return the known folders of entries."""
        return list(self._blocks.values())

    def _read_block(self, block: int, names: Sequence[str]) -> None:
        """Read the entries of a block that are not known here, by the names of their files."""
        numbers = self._extended(names)
        if len(numbers) > _FEW and block in self._compacted:
            self._read_compacted(block)
            numbers = self._extended(names)
        for number in numbers:
            self.refresh_trial(number)

    def _extended(self, names: Iterable[str]) -> list[int]:
        """Return the trials that have entries, by the names of their files, which are not known here."""
        found = (match for name in names if (match := _NAME.fullmatch(name)))
        return sorted({int(one[1]) for one in found if int(one[2]) >= len(self.entries(int(one[1])))})

    def _is_over(self, block: int) -> bool:
        """Return whether all trials of a block have ended, so that only somebody who tries one again adds entries."""
        if block not in self._over:
            self._over[block] = all(self.state(number) in OVER for number in _numbers(block))
        return self._over[block]

    def refresh_trial(self, number: int) -> None:
        """Read the entries of one trial that other processes have added."""
        while (entry := read_entry(self._path(number, len(self.entries(number))))) is not None:
            self._add(number, entry)

    def _read_compacted(self, block: int) -> None:
        """Read the file with the entries of a block."""
        path = self._compacted_path(block)
        name = path.name
        for number, log in read_compacted(path, _numbers(block)).items():
            for content in log[len(self.entries(number)) :]:
                self._add(number, entry_of(content, name))

    def compact(self, worker: str | None = None) -> None:
        """Write the entries of blocks whose trials are all over into one file each.

        Args:
            worker: Only those of which this worker has ended the last trial, so that not all workers write the same
                file; None: all.
        """
        candidates, self._to_compact = self._to_compact, set()
        for block in candidates - self._compacted:
            logs = {number: self.entries(number) for number in _numbers(block)}
            if self._is_over(block) and worker in (None, _last_worker(logs.values())):
                plain = {number: [asdict(entry) for entry in log] for number, log in logs.items()}
                with suppress(OSError):  # a full disk: the entries are read one by one
                    write_compacted(self._compacted_path(block), plain)
                    self._compacted.add(block)

    def _compacted_path(self, block: int) -> Path:
        return self.folder / f"{block:03}.jsonl"

    def _add(self, number: int, entry: Entry) -> None:
        if number in self._entries:
            self._in_state[self.state(number)].discard(number)
        self._entries.setdefault(number, []).append(entry)
        self._in_state[entry.state].add(number)
        self.known.append(number)
        self._over.pop(number // _PER_BLOCK, None)
        if entry.state in OVER:
            self._to_compact.add(number // _PER_BLOCK)
        if entry.state in CLAIMABLE:
            self._first = min(self._first, number)

    def entries(self, number: int) -> list[Entry]:
        """Return the known entries of a trial, the first one first."""
        return self._entries.get(number, [])

    def state(self, number: int) -> State:
        """Return the state of a trial."""
        entries = self._entries.get(number)
        return entries[-1].state if entries else State.WAITING

    def count(self, numbers: range) -> Counter[State]:
        """Return how many of these trials are in each state."""
        counts = Counter({state: sum(number in numbers for number in found) for state, found in self._in_state.items()})
        counts[State.WAITING] += len(numbers) - counts.total()  # those without entries
        return counts

    def in_state(self, state: State, numbers: range) -> list[int]:
        """Return those of these trials that are in a state."""
        if state is State.WAITING:
            return [number for number in numbers if self.state(number) is state]
        return sorted(number for number in self._in_state[state] if number in numbers)

    def failed(self, numbers: range) -> list[int]:
        """Return those of these trials that have failed."""
        return self.in_state(State.FAILED, numbers)

    def append(self, number: int, entry: Entry) -> bool:
        """Add an entry to the log of a trial, after those that are known here.

        Returns:
            Whether it was added. If not, another process has added one; it is known from now on.

        Raises:
            OSError: The folder cannot be written.
        """
        assert entry.state in FOLLOWS[self.state(number)], f"trial {number}: {self.state(number)} to {entry.state}"
        stamped = replace(entry, time=time.time())
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

    def claimable(self, numbers: range) -> Iterator[int]:
        """Yield those of these trials that can be claimed."""
        while self._first in numbers and self.state(self._first) not in CLAIMABLE:
            self._first += 1
        for number in range(max(self._first, numbers.start), numbers.stop):
            if self.state(number) in CLAIMABLE:
                yield number

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
        for number in sorted(self._in_state[State.RUNNING]):
            yield number, self._entries[number][-1].worker

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


def _numbers(block: int) -> range:
    """Return the trials of a block."""
    return range(block * _PER_BLOCK, (block + 1) * _PER_BLOCK)


def _last_worker(logs: Iterable[Sequence[Entry]]) -> str:
    """Return the worker that has made the last entry of some trials, by its clock."""
    return max((log[-1] for log in logs), key=lambda entry: entry.time).worker
