"""What the processes of a run agree on through torchrun's store, before they are connected and when one fails.

Here it is told what a process does and what has happened; `watch` looks after it.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Hashable, Iterator

from torch.distributed.distributed_c10d import Store

from convboard.errors import RankError
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.failures import Doing, Failure
from convboard.training.distributed.watchdog import Watchdog

_POLL = 0.02  # seconds
_SLOWER = 5  # times that something may take as long as the longest of its kind so far
_COMPILING = 15  # times that the first of its kind may take as long as later ones where it compiles


class StoreCommunicator(Communicator):
    """One of several processes that know of each other.

    Args:
        store: Where they leave each other notes.
        rank: This process's number.
        size: How many there are.
    """

    def __init__(self, store: Store, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size
        self.compiles = False  # the first step, which then takes its time
        self._store = store
        self._meetings = 0
        self._kinds: dict[Hashable, float] = {}  # the longest of each
        self._number = 0  # of what is watched
        self._works = False  # and is not only waiting for the others
        self._ends = False
        self._watch = Watchdog(store.clone(), rank, size)
        self._watch.start()

    @property
    def is_ending(self) -> bool:
        """See `Communicator`."""
        return self._ends or self._watch.failure is not None

    def broadcast(self, text: str) -> str:
        """See `Communicator`."""
        self._meetings += 1
        name = f"convboard/agreed/{self._meetings}"
        if self.is_main:
            self._store.set(name, text)
        self._wait_for(name)
        return str(self._store.get(name), "utf-8")

    def barrier(self) -> None:
        """See `Communicator`."""
        self._meetings += 1
        name = f"convboard/met/{self._meetings}"
        if self._store.add(f"{name}/count", 1) == self.size:
            self._store.set(name, "")
        self._wait_for(name)

    def local_main_first(self) -> contextlib.AbstractContextManager[None]:
        """See `Communicator`."""
        return self._ahead(os.environ.get("GROUP_RANK", "0"), os.environ.get("LOCAL_RANK", "0") == "0")

    def main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """See `Communicator`."""
        return self._ahead("all", self.is_main)

    @contextlib.contextmanager
    def _ahead(self, of: str, is_main: bool) -> Iterator[None]:
        self._meetings += 1
        name = f"convboard/ahead/{of}/{self._meetings}"
        if is_main:
            yield
            self._store.set(name, "")
        else:
            self._wait_for(name)
            yield

    def _wait_for(self, name: str) -> None:
        """Wait for a note, or for the failure of a process."""
        while not self._store.check([name]):
            if self._watch.failure is not None:
                raise self._error(self._watch.failure)
            time.sleep(_POLL)

    @contextlib.contextmanager
    def watched(self, doing: str, kind: Hashable = None) -> Iterator[None]:
        """See `Communicator`."""
        self._number += 1
        self._works = True
        longest = self._kinds.get(kind, 0.0)
        began = time.monotonic()
        usual = self._watch.seconds
        first = usual * (_COMPILING if self.compiles else 1)
        limit = max(usual, _SLOWER * longest) if kind in self._kinds else first
        self._watch.doing = Doing(doing, self._number, began, limit)
        try:
            yield
            self._works = False
            self._kinds[kind] = max(longest, time.monotonic() - began)
        finally:
            self._watch.doing = None

    def begin_waiting(self) -> None:
        """See `Communicator`."""
        self._set_waiting(True)

    def _set_waiting(self, waits: bool) -> None:
        self._works = not waits
        if self._watch.doing is not None:
            self._watch.doing = self._watch.doing._replace(waits=waits, since=time.monotonic())

    def set_advice(self, advice: Callable[[], str]) -> None:
        """See `Communicator`."""
        self._watch.advice = advice

    def root_cause(self, error: BaseException) -> BaseException:
        """See `Communicator`: where a connection broke, what happened at its other end is found out.

        So is what made torchrun send SIGTERM, as it does when one of its processes has ended.
        """
        failure = self._watch.failure
        terminated = isinstance(error, KeyboardInterrupt) and error.args == (signal.SIGTERM,)
        if not (terminated or isinstance(error, Exception)) or isinstance(error, RankError):
            return error
        if failure is None and (terminated or (isinstance(error, RuntimeError) and not self._works)):
            failure = self._watch.settle()
        if failure is None or failure.rank == self.rank or (terminated and failure.code == 128 + signal.SIGTERM):
            return error
        return self._error(failure)

    def _error(self, failure: Failure) -> RankError:
        return RankError(self._watch.told(failure), failure.code)

    def report_failure(self, text: str, code: int) -> bool:
        """See `Communicator`: the first process says what was wrong, once."""
        self._ends = True
        self._watch.say_no_more()
        failure = self._watch.failure or self._watch.fail(Failure(self.rank, text, code))
        self._watch.leave()
        return self._watch.is_speaker(failure)
