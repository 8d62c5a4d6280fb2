"""A trial that runs: its process, what that reports, and how it is made to end."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from convboard.sweeps.forked_process import DUMP
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.liveness import process_started
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers.reports import Activity, End, Progress
from convboard.training.signals import EXIT_BY_SIGNAL

SERVER_ENDED = 255  # the exit code that multiprocessing gives to a process whose server has ended
_GLANCE = 0.05  # seconds between two looks at the parent of a process


@dataclass
class _Stop:
    """The request that a trial ends.

    Attributes:
        end: How it has ended then.
        dumps_at: When a process that has not ended yet prints where it is, by `time.monotonic`.
        is_dumped: Whether it was asked to.
    """

    end: End
    dumps_at: float
    is_dumped: bool = False


class RunningTrial:
    """A trial and its process.

    Args:
        trial: The trial.
        slot: Its place.
        process: Its process, which has been started.
        reports: What the process reports.

    Attributes:
        activity: What it did when something was last heard of it.
        began: When it was started, by `time.monotonic`.
        heard: When something was last heard of it.
        end: The end that it has reported.
    """

    def __init__(self, trial: Trial, slot: Slot, process: BaseProcess, reports: Connection) -> None:
        self.trial, self.slot, self.process, self.reports = trial, slot, process, reports
        self.activity = "its start"
        self.began = self.heard = time.monotonic()
        self.end: End | None = None
        self._stop: _Stop | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether it was made to end."""
        return self._stop is not None

    @property
    def forced_end(self) -> End | None:
        """How it has ended if it was made to."""
        return None if self._stop is None else self._stop.end

    def read_reports(self) -> Iterator[Progress]:
        """Read what the process has reported. Yields the epochs."""
        with suppress(EOFError, OSError):
            while not self.reports.closed and self.reports.poll():
                report = self.reports.recv()
                self.heard = time.monotonic()
                match report:
                    case Progress():
                        yield report
                    case Activity():
                        self.activity = report.name
                    case End():
                        self.end = report
            return
        self.reports.close()

    def has_ended(self) -> bool:
        """Return whether the process has ended.

        multiprocessing takes it for ended when the server has ended that it was forked from. It notices that by
        itself, and saves.
        """
        process = self.process
        if process.is_alive():
            return False
        if process.exitcode != SERVER_ENDED or process.pid is None or process_started(process.pid) is None:
            return True
        time.sleep(_GLANCE)  # its sentinel is ready from now on
        return False

    def is_ended_by_signal(self, code: int | None) -> bool:
        """Return whether a signal has ended it, which the pool may be about to get too.

        Args:
            code: The exit code of its process.
        """
        if self.end is not None:
            return self.end.state is State.INTERRUPTED
        return code is not None and (code < 0 or code > EXIT_BY_SIGNAL) and code != SERVER_ENDED

    def stop(self, end: End, grace: float) -> None:
        """Let it save and end; a further call changes nothing.

        Args:
            end: How it has ended then.
            grace: Seconds in which it has to. A process that is taken to hang gets none.
        """
        if self._stop is None:
            self._stop = _Stop(end, time.monotonic() + grace)
            if grace:
                self._send(signal.SIGTERM)

    def leave(self, grace: float) -> None:
        """Let the process of a trial that has reported its end exit by itself within so many seconds."""
        if self._stop is None and self.end is not None:
            self._stop = _Stop(self.end, time.monotonic() + grace)

    def insist(self) -> None:
        """Kill a process that did not end within its grace, after it has printed where it is."""
        stop, now = self._stop, time.monotonic()
        if stop is None or now < stop.dumps_at:
            return
        if not stop.is_dumped:
            stop.is_dumped = True
            self._send(signal.SIGQUIT)
        elif now > stop.dumps_at + DUMP:
            self.kill()

    def kill(self) -> None:
        """Kill the process, and those that it has started."""
        self._send_group(signal.SIGKILL)
        self._send(signal.SIGKILL)  # one that has no group of its own yet

    def suspend(self) -> None:
        """Suspend the process, and those that it has started."""
        self._send_group(signal.SIGSTOP)

    def go_on(self, seconds: float) -> None:
        """Let them go on after so many seconds, which count for no limit."""
        self._send_group(signal.SIGCONT)
        self.began, self.heard = self.began + seconds, self.heard + seconds
        if self._stop is not None:
            self._stop.dumps_at += seconds

    def close(self) -> int | None:
        """Release what belongs to a process that has ended. Returns its exit code."""
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        self.reports.close()
        return code

    def _send_group(self, number: int) -> None:
        assert self.process.pid is not None
        with suppress(ProcessLookupError, PermissionError):  # the latter on macOS, of zombies
            os.killpg(self.process.pid, number)

    def _send(self, number: int) -> None:
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)


def death(code: int | None) -> str:
    """Return what to say of a process that has reported no end."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        memory = "; the usual reason is that memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was killed by {name}{memory}"
    return f"its process ended with exit code {code} and without a word"
