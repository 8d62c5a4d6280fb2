"""Detection of a process that fails, hangs or is lost, so that all processes end soon and one reports the reason.

Every process runs a `Watchdog` thread. It sends heartbeats through torchrun's store, reads those of the others, and
ends its process if the main thread cannot: a collective that waits for a lost process does not return to Python.

torch does not do this. Measured with torch 2.15 over gloo: timeouts and closed connections do not name the rank. They
close the connection, so that `monitored_barrier` cannot find the rank afterwards; called in every step, it takes 3 ms.
A process that saves a checkpoint for longer than the timeout counts as hung. Error files of torchelastic contain only
exceptions.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from torch.distributed.distributed_c10d import Store

from convboard.training.distributed.heartbeats import Activity, Heartbeats, no_progress
from convboard.training.signals import leave

_FAILURE, _LEFT = "convboard/failure", "convboard/left"  # keys in the store
_NEVER_HEARD = "it ended, or was stopped, before it sent a heartbeat."


@dataclass(frozen=True)
class WatchSettings:
    """When a process counts as lost or hung.

    Attributes:
        timeout: Seconds without a heartbeat, or in one activity, after which a process counts as hung.
        compiles: Whether the first activity of a kind compiles, and so may take longer.
        heartbeat: Seconds between two heartbeats.
        grace: Seconds that a process has to end by itself, and in which a live one sends a heartbeat.
    """

    timeout: float = 20.0
    compiles: bool = False
    heartbeat: float = 0.25
    grace: float = 4.0


@dataclass(frozen=True)
class Failure:
    """The failure that ends a run.

    Attributes:
        rank: Rank of the process that failed.
        text: Description of the failure.
        code: Exit code.
        is_lost: Whether the process cannot report the failure itself.
    """

    rank: int
    text: str
    code: int
    is_lost: bool = False


class Watchdog(threading.Thread):
    """The watchdog of one process.

    Args:
        store: A connection to the store, for this thread alone.
        rank: Number of this process.
        world_size: Number of processes.
        settings: When a process counts as lost or hung, until the run replaces them.
        on_failure: Called in the watchdog's thread with the failure of any process; None ends this process.

    Attributes:
        settings: The present settings. They are replaced as a whole.
        activity: The activity of the main thread; None while it has no time limit.
        now: A clock in seconds that stops while this process is stopped, so that it does not suspect the others then.
        failure: The failure that ends the run; None while there is none.
        advice: Returns the remedy for a failure, or an empty string.
    """

    def __init__(
        self,
        store: Store,
        rank: int,
        world_size: int,
        settings: WatchSettings | None = None,
        on_failure: Callable[[Failure], None] | None = None,
    ) -> None:
        super().__init__(name="convboard-watchdog", daemon=True)
        self.settings = settings or WatchSettings()
        self.activity: Activity | None = None
        self.now = 0.0
        self.failure: Failure | None = None
        self.advice: Callable[[], str] = str
        self._on_failure = on_failure or self._end_process
        self._store = store
        self._rank = rank
        self._heartbeats = Heartbeats(store, rank, world_size)
        self._checks = 0
        self._search_began: float | None = None
        self._main = threading.main_thread()
        self._stopped = threading.Event()
        self._failed = threading.Event()
        self._heartbeats.send(self._checks, self.activity)

    def run(self) -> None:
        """Check until the main thread calls `stop` or a process fails."""
        checked = time.monotonic()
        while not self._stopped.wait(self.settings.heartbeat):
            before, checked = checked, time.monotonic()
            self.tick(before, checked)
            self.check()
            if self.failure is not None:
                self._failed.set()
                self._on_failure(self.failure)
                return

    def tick(self, before: float, now: float) -> None:
        """Advance the clock from one check to the next, by no more than a second above the usual pause.

        Args:
            before: `time.monotonic()` at the last check.
            now: The same at this one; much later if this process was stopped or its machine was asleep.
        """
        self.now += min(now - before, self.settings.heartbeat + 1)

    def check(self) -> None:
        """Exchange heartbeats, and set `failure` if a process has failed."""
        try:
            self._heartbeats.send(self._checks, self.activity)
            if self._store.check([_FAILURE]):
                self.failure = Failure(**json.loads(self._store.get(_FAILURE)))
            self._heartbeats.read(self.now, self._checks)
            found = None if self.failure else self._find_lost() or self._find_no_progress()
            if found is not None:
                self.report(found)
        except RuntimeError:  # no connection to the store
            text = "torchrun, or the process with rank 0, is gone: it was killed, or its machine is down."
            self.failure = self.failure or Failure(0, text, 1, is_lost=True)
        self._checks += 1

    def report(self, failure: Failure) -> Failure:
        """Tell all processes that the run ends, from any thread.

        Returns:
            The first failure of all that were reported, which is the cause of the others.
        """
        content = json.dumps(asdict(failure))
        with suppress(RuntimeError):  # the store is gone, and no process can be informed
            content = self._store.clone().compare_set(_FAILURE, "", content).decode()  # a connection of this thread
        self.failure = Failure(**json.loads(content))
        return self.failure

    def find_cause(self) -> Failure | None:
        """Wait until a failure is known or every other process has sent a heartbeat since this call."""
        began, self._search_began = self._checks, self.now
        while self.failure is None and self.is_alive():
            # The heartbeats of the next check may have been sent before this call.
            heard = [heartbeat for heartbeat in self._heartbeats.latest.values() if heartbeat.check > began + 1]
            if len(heard) == len(self._heartbeats.others):
                break
            self._failed.wait(self.settings.heartbeat)
        self._search_began = None
        return self.failure

    def message(self, failure: Failure) -> str:
        """Return the failure and the remedy, for the terminal."""
        advice = self.advice() if failure.code == 1 else ""
        return f"rank {failure.rank}: {failure.text}" + (f"\n{advice}" if advice else "")

    def prints(self, failure: Failure) -> bool:
        """Return whether this process prints the message: rank 0 does, or rank 1 if rank 0 is lost."""
        return self._rank == (1 if failure.is_lost and failure.rank == 0 else 0)

    def stop(self) -> None:
        """Stop the thread, after the other processes could read the last heartbeat.

        Rank 0, whose process may run the store, waits until the others have stopped.
        """
        self._stopped.set()
        grace = self.settings.grace
        self.join(grace)
        lost = self.failure is not None and self.failure.is_lost
        awaited = len(self._heartbeats.others) - lost
        end = time.monotonic() + grace
        with suppress(RuntimeError):
            self._store.add(_LEFT, 1)
            while self._rank == 0 and self._store.add(_LEFT, 0) <= awaited and time.monotonic() < end:
                time.sleep(self.settings.heartbeat / 4)

    def _find_lost(self) -> Failure | None:
        """Return the failure of another process whose heartbeats have stopped, or None."""
        timeout, grace = self.settings.timeout, self.settings.grace
        for rank in self._heartbeats.others:
            last = self._heartbeats.latest.get(rank)
            if last is not None and self.now > last.at + timeout:
                text = f"{last.process} sent no heartbeat for {timeout:.0f} s: it is stopped, or cut off."
                return Failure(rank, text, 1, is_lost=True)
            if self._search_began is not None and self.now > max(self._search_began, last.at if last else 0.0) + grace:
                text = f"{last.process} is gone: it was killed, or its machine is down." if last else _NEVER_HEARD
                return Failure(rank, text, 1, is_lost=True)
        return None

    def _find_no_progress(self) -> Failure | None:
        others = [heartbeat.content["activity"] for heartbeat in self._heartbeats.latest.values()]
        text = no_progress(self.activity, others, self.now)
        if text is None:
            return None
        stack = traceback.format_stack(sys._current_frames().get(self._main.ident or 0))
        return Failure(self._rank, f"{text}\n{''.join(stack[-3:]).rstrip()}", 1)

    def _end_process(self, failure: Failure) -> None:
        """End the process unless the main thread does so in time; at once if the main thread hangs."""
        self._kill_stopped(failure)
        hangs = failure.rank == self._rank and self.activity is not None
        if self._stopped.wait(0 if hangs else self.settings.grace):
            return
        leave(failure.code, self.message(failure), self.prints(failure))

    def _kill_stopped(self, failure: Failure) -> None:
        """Kill a lost process of this machine: torchrun would wait 30 s for the end of a stopped process."""
        last = self._heartbeats.latest.get(failure.rank)
        if failure.is_lost and last is not None and last.is_from_this_machine:
            with suppress(ProcessLookupError):
                os.kill(last.content["pid"], signal.SIGKILL)
