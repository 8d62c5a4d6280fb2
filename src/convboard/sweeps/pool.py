"""A pool of processes that runs the trials of a sweep side by side.

Each trial has a process of its own, forked from a server that has imported torch once (`multiprocessing`'s
forkserver): it starts in hundredths of a second, and whatever happens in it costs this trial alone. The pool itself
imports no torch. It claims trials, watches their processes, and writes into the journal how they end.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

import psutil

from convboard.sweeps.forked_process import run_trial, safe_path
from convboard.sweeps.journal import Entry, State
from convboard.sweeps.liveness import Observer, SignOfLife, Worker
from convboard.sweeps.losses import STOPPED, interrupt_lost, loss
from convboard.sweeps.reports import End, Progress
from convboard.sweeps.slots import Slot
from convboard.sweeps.sweep_folder import Sweep
from convboard.sweeps.trials import Trial

GRACE = 10.0  # seconds in which a trial that is asked to stop has to save
_SERVER_ENDED = 255  # the exit code that multiprocessing gives to a process whose server has ended
_GLANCE = 0.05  # seconds between two looks at the parent of a process
_TICK = 1.0  # seconds between two looks at the journal


class Listener(Protocol):
    """Who is told what the pool does."""

    def on_start(self, trial: Trial) -> None:
        """A trial has been started here."""

    def on_progress(self, trial: Trial, progress: Progress) -> None:
        """A trial that runs here has done an epoch."""

    def on_end(self, trial: Trial, end: Entry) -> None:
        """A trial that ran here has ended."""

    def on_tick(self) -> None:
        """Some time has passed, or something has happened."""


@dataclass
class _Running:
    trial: Trial
    slot: Slot
    process: BaseProcess
    reports: Connection
    began: float
    end: End | None = None
    stops_since: float | None = None


class Pool:
    """Runs the trials of a sweep that can be claimed, until none is left to wait for.

    Args:
        sweep: The sweep.
        worker: This process, as it signs in the journal.
        slots: The places for trials that run at the same time.
        target: The function that runs a trial, as `module:name`. It gets the folder of the sweep, the trial, and where
            to report a `Progress` for each epoch and an `End`. The server imports its module, and with it all that a
            trial needs; the pool does not.
        listener: Is told what happens.
        propose: Is asked for further trials while a slot is free and no trial can be claimed. It adds them to the
            sweep, and returns whether there are any.
    """

    def __init__(
        self,
        sweep: Sweep,
        worker: Worker,
        slots: Sequence[Slot],
        target: str,
        listener: Listener,
        propose: Callable[[], bool] = lambda: False,
    ) -> None:
        self._sweep, self._worker, self._target, self._listener = sweep, worker, target, listener
        self._propose = propose
        self._observer = Observer(sweep.workers)
        self._free = list(slots)
        self._running: list[_Running] = []
        self._woken, self._wakes = os.pipe()
        self._looked = 0.0
        self._is_stopping = self._ends_at_once = False
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([target.partition(":")[0]])

    def stop(self) -> None:
        """Start no further trial, let those that run save, and return from `run`; may be called by a signal handler.

        The second call ends the running trials at once.
        """
        self._ends_at_once, self._is_stopping = self._is_stopping, True
        os.write(self._wakes, b"!")

    def run(self) -> None:
        """Run trials until all are done, here or by other workers, or until `stop` is called.

        Raises:
            OSError: The folder of the sweep cannot be read or written.
        """
        with SignOfLife(self._sweep.workers, self._worker):
            try:
                while self._go_on():
                    self._wait()
                    self._listener.on_tick()
            finally:
                self._end_all()
                os.close(self._woken)
                os.close(self._wakes)

    def _go_on(self) -> bool:
        """Start what can be started. Returns whether there is something to wait for."""
        if not self._is_stopping:
            self._look()
            self._fill()
        return bool(self._running) or (not self._is_stopping and any(self._sweep.journal.running()))

    def _look(self) -> None:
        """Read the journal, and interrupt in it the trials of workers that have ended."""
        if time.monotonic() - self._looked < _TICK:
            return
        self._sweep.refresh()
        interrupt_lost(self._sweep.journal, self._observer, self._worker.id)
        self._looked = time.monotonic()

    def _fill(self) -> None:
        while self._free:
            number = self._sweep.journal.claim(self._worker.id, range(len(self._sweep.trials)))
            if number is None:
                if self._propose():
                    continue
                return
            self._start(self._sweep.trials[number], self._free.pop(0))

    def _start(self, trial: Trial, slot: Slot) -> None:
        reports, theirs = self._context.Pipe(duplex=False)
        arguments = (self._target, self._sweep.folder, trial, theirs, {**os.environ, **slot.environment})
        process = self._context.Process(target=run_trial, args=arguments, name=f"trial {trial.number}")
        with safe_path():
            process.start()
        theirs.close()
        self._running.append(_Running(trial, slot, process, reports, time.monotonic()))
        self._listener.on_start(trial)

    def _wait(self) -> None:
        """Wait until something happens, at most for a tick, and handle it."""
        ready = wait([self._woken, *(one.process.sentinel for one in self._running), *self._reports()], timeout=_TICK)
        if self._woken in ready:
            os.read(self._woken, 100)
        for one in list(self._running):
            self._read_reports(one)
            if not one.process.is_alive() and not self._outlives_server(one):
                self._read_reports(one)
                self._close(one)
        if self._is_stopping:
            self._stop_trials()

    def _outlives_server(self, one: _Running) -> bool:
        """Return whether a process still runs although the server that it was forked from has ended.

        multiprocessing then takes it for ended. It notices by itself, and saves.
        """
        if one.process.exitcode != _SERVER_ENDED or one.process.pid is None or not psutil.pid_exists(one.process.pid):
            return False
        time.sleep(_GLANCE)  # its sentinel is ready from now on
        return True

    def _reports(self) -> list[Connection]:
        return [one.reports for one in self._running if not one.reports.closed]

    def _read_reports(self, one: _Running) -> None:
        with suppress(EOFError, OSError):
            while not one.reports.closed and one.reports.poll():
                report = one.reports.recv()
                if isinstance(report, Progress):
                    self._listener.on_progress(one.trial, report)
                else:
                    one.end = report
            return
        one.reports.close()

    def _close(self, one: _Running) -> None:
        """Write into the journal how a trial has ended."""
        one.process.join()
        self._running.remove(one)
        self._free.append(one.slot)
        code = one.process.exitcode
        one.process.close()
        one.reports.close()
        entry = self._entry(one, code)
        if self._sweep.journal.end(one.trial.number, entry):
            self._listener.on_end(one.trial, entry)

    def _entry(self, one: _Running, code: int | None) -> Entry:
        """Return how a trial has ended, by its last report and the exit code of its process."""
        end = one.end or End(State.FAILED, _death(code))
        is_open = one.end is None or one.end.state is State.INTERRUPTED
        if is_open and one.stops_since is not None:
            end = End(State.INTERRUPTED, STOPPED)
        elif is_open and code == _SERVER_ENDED:
            reason = "the server that its process was forked from has ended"
            return loss(self._sweep.journal.entries(one.trial.number), self._worker.id, reason)
        elif end.state is State.INTERRUPTED:
            end = End(State.FAILED, end.reason)  # from outside: the next worker would only be interrupted again
        seconds = time.monotonic() - one.began if end.seconds is None else end.seconds
        return Entry(end.state, self._worker.id, end.reason, end.value, seconds)

    def _stop_trials(self) -> None:
        now = time.monotonic()
        for one in self._running:
            if self._ends_at_once or (one.stops_since is not None and now - one.stops_since > GRACE):
                one.process.kill()
            elif one.stops_since is None:
                one.process.terminate()
            one.stops_since = one.stops_since or now

    def _end_all(self) -> None:
        """Leave no process behind, also after an error."""
        self._is_stopping = True
        while self._running:
            self._stop_trials()
            self._wait()


def _death(code: int | None) -> str:
    """Return what to say of a process that has reported no end."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        memory = "; the usual reason is that memory ran out" if -code == signal.SIGKILL else ""
        return f"its process was killed by {name}{memory}"
    return f"its process ended with exit code {code} and without a word"
