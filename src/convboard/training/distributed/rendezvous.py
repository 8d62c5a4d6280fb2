"""Communication through the store of torchrun: before the processes are connected, and after one of them failed."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Hashable, Iterator

from torch.distributed.distributed_c10d import Store

from convboard.errors import RankError
from convboard.training.distributed.communicator import Communicator
from convboard.training.distributed.heartbeats import Activity
from convboard.training.distributed.watchdog import Failure, Watchdog
from convboard.training.signals import EXIT_BY_SIGNAL

_POLL = 0.02  # seconds
_SLOWER = 5  # an activity may take this many times the longest of its kind so far
_COMPILING = 15  # the first activity of its kind may take this many times the timeout if it compiles


class StoreCommunicator(Communicator):
    """One of several processes that share a store.

    Args:
        store: The key-value store of all processes.
        rank: Number of this process.
        world_size: Number of processes.
        watchdog: Of this process, not started yet; None makes one.
    """

    def __init__(self, store: Store, rank: int, world_size: int, watchdog: Watchdog | None = None) -> None:
        self.rank = rank
        self.world_size = world_size
        self._store = store
        self._calls = 0  # of collectives through the store: all processes make the same ones in the same order
        self._longest: dict[Hashable, float] = {}  # seconds, by kind of activity
        self._activities = 0
        self._works = False  # within an activity, and not waiting for the others
        self._ends = False
        self._watchdog = watchdog or Watchdog(store.clone(), rank, world_size)
        self._watchdog.start()

    @property
    def is_ending(self) -> bool:
        """See `Communicator`."""
        return self._ends or self._watchdog.failure is not None

    def broadcast(self, text: str) -> str:
        """See `Communicator`."""
        key = self._next_key()
        if self.is_main:
            self._store.set(key, text)
        self._wait_for(key)
        return str(self._store.get(key), "utf-8")

    def barrier(self) -> None:
        """See `Communicator`."""
        key = self._next_key()
        if self._store.add(f"{key}/count", 1) == self.world_size:
            self._store.set(key, "")
        self._wait_for(key)

    def local_main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """See `Communicator`."""
        return self._first(os.environ.get("GROUP_RANK", "0"), os.environ.get("LOCAL_RANK", "0") == "0")

    def main_process_first(self) -> contextlib.AbstractContextManager[None]:
        """See `Communicator`."""
        return self._first("all", self.is_main)

    @contextlib.contextmanager
    def _first(self, group: str, is_first: bool) -> Iterator[None]:
        key = f"{self._next_key()}/{group}"
        if not is_first:
            self._wait_for(key)
        yield
        if is_first:
            self._store.set(key, "")

    def _next_key(self) -> str:
        self._calls += 1
        return f"convboard/call/{self._calls}"

    def _wait_for(self, key: str) -> None:
        """Wait until a key is set. Raise an error if a process fails."""
        while not self._store.check([key]):
            if self._watchdog.failure is not None:
                raise self._error(self._watchdog.failure)
            time.sleep(_POLL)

    @contextlib.contextmanager
    def watched(self, activity: str, kind: Hashable = None) -> Iterator[None]:
        """See `Communicator`."""
        settings = self._watchdog.settings
        if kind in self._longest:
            limit = max(settings.timeout, _SLOWER * self._longest[kind])
        else:
            limit = settings.timeout * (_COMPILING if settings.compiles else 1)
        self._activities += 1
        self._works = True
        began = time.monotonic()
        self._watchdog.activity = Activity(activity, self._activities, self._watchdog.now, limit)
        try:
            yield
            self._works = False
            self._longest[kind] = max(self._longest.get(kind, 0.0), time.monotonic() - began)
        finally:
            self._watchdog.activity = None

    def begin_waiting(self) -> None:
        """See `Communicator`."""
        self._set_waiting(True)

    def _set_waiting(self, waits: bool) -> None:
        self._works = not waits
        if self._watchdog.activity is not None:
            self._watchdog.activity = self._watchdog.activity._replace(waits=waits, since=self._watchdog.now)

    def set_advice(self, advice: Callable[[], str]) -> None:
        """See `Communicator`."""
        self._watchdog.advice = advice

    def root_cause(self, error: BaseException) -> BaseException:
        """See `Communicator`.

        Two errors may have a cause elsewhere: a RuntimeError of a collective, whose connection broke; and SIGTERM,
        which torchrun sends when another process has ended.
        """
        terminated = isinstance(error, KeyboardInterrupt) and error.args == (signal.SIGTERM,)
        if not (terminated or isinstance(error, Exception)) or isinstance(error, RankError):
            return error
        failure = self._watchdog.failure
        if failure is None and (terminated or (isinstance(error, RuntimeError) and not self._works)):
            failure = self._watchdog.find_cause()
        if (
            failure is None
            or failure.rank == self.rank
            or (terminated and failure.code == EXIT_BY_SIGNAL + signal.SIGTERM)
        ):
            return error
        return self._error(failure)

    def _error(self, failure: Failure) -> RankError:
        return RankError(self._watchdog.message(failure), failure.code)

    def report_failure(self, text: str, code: int) -> bool:
        """See `Communicator`."""
        self._ends = True
        failure = self._watchdog.failure or self._watchdog.report(Failure(self.rank, text, code))
        self._watchdog.stop()
        return self._watchdog.prints(failure)

    def shutdown(self) -> None:
        """See `Communicator`."""
        self._ends = True
        self.barrier()
        self._watchdog.stop()
