"""A pool of processes that runs the trials of a sweep side by side.

Each trial has a process of its own, forked from a server that has imported torch once (`multiprocessing`'s
forkserver): it starts in hundredths of a second, and whatever happens in it costs this trial alone. The pool itself
imports no torch. It claims trials, watches their processes, and writes into the journal how they end.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait

from convboard.sweeps.forked_process import GRACE, call_first_to_kill, connected
from convboard.sweeps.pruning.racing import Seeds
from convboard.sweeps.slots import Slot
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import SignOfLife, Worker
from convboard.sweeps.store.losses import STOPPED, loss
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers.death_calls import DeathCalls
from convboard.sweeps.workers.limits import NO_LIMITS, Limits
from convboard.sweeps.workers.listener import Listener
from convboard.sweeps.workers.others import Others
from convboard.sweeps.workers.reports import End
from convboard.sweeps.workers.running_trial import SERVER_ENDED, RunningTrial, death
from convboard.training import signals

CANCELLED = "the sweep was cancelled"
_TICK = 1.0  # seconds between two looks at the journal
_QUICK_TICK = 0.1  # the same while trials are ended
CALL_SECONDS = 20.0  # that `on_death` may take
_LAST_SECONDS = 5.0  # the same once the pool is to end
_SIGNAL_SECONDS = 0.2  # within which a signal to all processes of a job reaches each of them
_SAVED = (State.FINISHED, State.PRUNED)  # ends that a trial reports when nothing is left for it to do


class Pool:
    """Runs the trials of a sweep that can be claimed, until none is left to wait for.

    Args:
        sweep: The sweep.
        worker: This process, as it signs in the journal.
        slots: The places for trials that run at the same time.
        target: The function that runs a trial, as `module:name`. It gets the folder of the sweep, the trial, and where
            to report a `Progress` for each epoch and an `End`. The pool does not import its module, since that imports
            torch: the server does (`forked_process.preload`).
        on_death: The function that is called, in a process of its own, for a trial that has failed without a word, as
            `module:name`. It gets the folder of the sweep, the trial, and the reason. None: no function.
        limits: What ends trials, or the pool, early.
        listener: Is told what happens.
        propose: Is asked for further trials while a slot is free and no trial can be claimed. It adds them to the
            sweep, and returns whether there are any.
        stops: Number of requests to stop that are not meant for this worker, see `stop_requests`; None: those so far.

    Attributes:
        ended_by: The limit that has ended it; empty if none has.
    """

    def __init__(
        self,
        sweep: Sweep,
        worker: Worker,
        slots: Sequence[Slot],
        target: str,
        listener: Listener,
        on_death: str | None = None,
        limits: Limits = NO_LIMITS,
        propose: Callable[[], bool] = lambda: False,
        stops: int | None = None,
    ) -> None:
        self.ended_by = ""
        self._sweep, self._worker, self._listener = sweep, worker, listener
        self._target, self._limits = target, limits
        self._deaths = DeathCalls(on_death, sweep.folder)
        self._propose = propose
        self._seeds = Seeds(sweep)
        self._others = Others(sweep, worker.id, stops, _TICK)
        self._free = list(slots)
        self._running: list[RunningTrial] = []
        self._leaving: list[RunningTrial] = []  # their trials have ended, and their processes are about to
        self._woken, self._wakes = os.pipe()
        self._began = self._was_busy = time.monotonic()
        self._failed_before = len(self._failed())
        self._signals, self._is_told, self._is_to_suspend = 0, False, False

    def stop(self) -> None:
        """Start no further trial, let those that run save, and return from `run`; may be called by a signal handler.

        The second call ends the running trials at once.
        """
        self._signals += 1
        os.write(self._wakes, b"!")

    def suspend(self) -> None:
        """Suspend the trials and this process soon, until it gets SIGCONT; may be called by a signal handler."""
        self._is_to_suspend = True
        os.write(self._wakes, b"!")

    def run(self) -> None:
        """Run trials until all are done, here or by other workers, or until `stop` is called or a limit is reached.

        Raises:
            OSError: The folder of the sweep cannot be read or written.
        """
        with SignOfLife(self._sweep.workers, self._worker):
            try:
                while self._go_on():
                    self._wait()
                    self._listener.on_tick()
                self._sweep.journal.compact(self._worker.id)
            finally:
                self._end_all()
                os.close(self._woken)
                os.close(self._wakes)

    @property
    def _is_stopping(self) -> bool:
        return bool(self._signals or self.ended_by)

    def _failed(self) -> list[int]:
        return self._sweep.journal.failed(range(len(self._sweep.trials)))

    def _go_on(self) -> bool:
        """Start what can be started. Returns whether there is something to wait for."""
        if not self._is_stopping:
            self._look()
        if not self._is_stopping:
            self._fill()
        elif not self._is_told:
            self._is_told = True
            self._listener.on_stop(self.ended_by or "interrupted")
        is_busy = bool(self._running or self._leaving or self._deaths)
        return is_busy or (not self._is_stopping and any(self._sweep.journal.running()))

    def _look(self) -> None:
        """Read the journal, interrupt in it the trials of workers that have ended, and end if a limit is reached."""
        for number in self._others.look():
            trial, entry = self._sweep.trials[number], self._sweep.journal.entries(number)[-1]
            if entry.state is State.FAILED:  # it was lost too often
                self._deaths.begin(trial, entry.reason, partial(self._listener.on_end, trial, entry))
        seconds, failed = time.monotonic() - self._began, len(self._failed()) - self._failed_before
        idle = 0.0 if self._running else time.monotonic() - self._was_busy
        self.ended_by = CANCELLED if self._others.have_cancelled else self._limits.end_of_sweep(seconds, failed, idle)

    def _fill(self) -> None:
        while self._free and not self._is_stopping:
            for spared in self._seeds.spare(self._worker.id):
                self._listener.on_end(self._sweep.trials[spared], self._sweep.journal.entries(spared)[-1])
            number = self._sweep.journal.claim(self._worker.id, self._seeds.claimable())
            if number is None:
                if self._propose():
                    continue
                return
            self._start(self._sweep.trials[number], self._free.pop(0))

    def _start(self, trial: Trial, slot: Slot) -> None:
        environment, name = {**os.environ, **slot.environment}, f"trial {trial.number}"
        arguments = (self._target, environment, self._sweep.folder, trial)
        process, reports = connected(*arguments, run=call_first_to_kill, name=name)
        self._running.append(RunningTrial(trial, slot, process, reports))
        self._listener.on_start(trial)

    def _wait(self) -> None:
        """Wait until something happens, at most for a tick, and handle it."""
        if self._running:
            self._was_busy = time.monotonic()
        open_reports = [one.reports for one in self._running if not one.reports.closed]
        processes = [*self._running, *self._leaving]
        sentinels = [one.process.sentinel for one in processes]
        tick = _QUICK_TICK if any(one.is_stopping for one in processes) else _TICK
        ready = wait([self._woken, *sentinels, *self._deaths.sentinels, *open_reports], timeout=tick)
        if self._woken in ready:
            os.read(self._woken, 100)
        if self._is_to_suspend:
            self._suspend()
        for one in list(self._running):
            self._read(one)
            if one.has_ended():
                self._read(one)
                self._close(one)
            elif one.end is not None and one.end.state in _SAVED:
                self._let_leave(one)
            else:
                self._limit(one)
        self._reap()
        self._end_death_calls()

    def _suspend(self) -> None:
        """Suspend the trials too: they have process groups of their own, which Ctrl-Z does not reach."""
        self._is_to_suspend, began = False, time.monotonic()
        processes = [*self._running, *self._leaving]
        for one in processes:
            one.suspend()
        signals.suspend()
        for one in processes:
            one.go_on(time.monotonic() - began)

    def _read(self, one: RunningTrial) -> None:
        for progress in one.read_reports():
            self._listener.on_progress(one.trial, progress)

    def _limit(self, one: RunningTrial) -> None:
        """Let a trial end that has reached a limit, or that is to end with the pool."""
        now = time.monotonic()
        if self._signals > 1 or not self._is_ours(one.trial):
            one.kill()
        if self._is_stopping:
            one.stop(End(State.INTERRUPTED, STOPPED), GRACE)
        if reason := self._limits.overtime(now - one.began):
            one.stop(End(State.FAILED, reason), GRACE)
        if reason := self._limits.hang(now - one.heard, one.activity):
            one.stop(End(State.FAILED, reason), grace=0.0)
        if one.end is not None and one.end.state is State.FAILED:
            one.leave(GRACE)  # a thread of the user's own code may keep its process alive
        one.insist()

    def _is_ours(self, trial: Trial) -> bool:
        """Return whether this worker still holds a trial: others may have taken it for dead, and go on with it."""
        return self._sweep.journal.holder(trial.number) == self._worker.id

    def _close(self, one: RunningTrial) -> None:
        """Write into the journal how a trial has ended; if it has failed without a word, after the call for that."""
        code = one.close()
        if not self._is_stopping and one.is_ended_by_signal(code):
            time.sleep(_SIGNAL_SECONDS)
        self._running.remove(one)
        self._sweep.journal.refresh_trial(one.trial.number)  # this process may have been suspended
        entry = self._entry(one, code)
        end = partial(self._end, one.trial, one.slot, entry)
        if entry.state is State.FAILED and one.end is None and self._is_ours(one.trial):
            self._deaths.begin(one.trial, entry.reason, end)
        else:
            end()

    def _let_leave(self, one: RunningTrial) -> None:
        """End a trial that has saved all it has, before its process has given its memory back.

        On a CPU the next trial starts meanwhile. On a GPU there may be no room for it.
        """
        self._running.remove(one)
        self._leaving.append(one)
        one.leave(GRACE)
        self._sweep.journal.refresh_trial(one.trial.number)  # this process may have been suspended
        entry = self._entry(one, code=None)
        self._end(one.trial, None if one.slot.environment else one.slot, entry)

    def _reap(self) -> None:
        """Release what belongs to processes that have left, and end those that do not leave."""
        for one in list(self._leaving):
            if one.has_ended():
                one.close()
                self._leaving.remove(one)
                if one.slot.environment:
                    self._free.append(one.slot)
            elif self._signals > 1:
                one.kill()
            else:
                one.insist()

    def _end(self, trial: Trial, slot: Slot | None, entry: Entry) -> None:
        if slot is not None:
            self._free.append(slot)
        is_ended = self._sweep.journal.end(trial.number, entry)
        elsewhere = Entry(State.INTERRUPTED, reason="another worker goes on with it")
        self._listener.on_end(trial, entry if is_ended else elsewhere)

    def _end_death_calls(self) -> None:
        seconds = 0.0 if self._signals > 1 else _LAST_SECONDS if self._is_stopping else CALL_SECONDS
        self._deaths.end(seconds)

    def _entry(self, one: RunningTrial, code: int | None) -> Entry:
        """Return how a trial has ended, by its last report and the exit code of its process."""
        end = one.end or End(State.FAILED, death(code))
        is_open = one.end is None or one.end.state is State.INTERRUPTED
        if is_open and one.forced_end is not None:
            end = one.forced_end
        elif is_open and self._signals:
            end = End(State.INTERRUPTED, STOPPED)  # it got the signal itself
        elif is_open and code == SERVER_ENDED:
            reason = "the server that its process was forked from has ended"
            return loss(self._sweep.journal.entries(one.trial.number), self._worker.id, reason)
        elif end.state is State.INTERRUPTED:
            end = End(State.FAILED, end.reason)  # from outside: the next worker would only be interrupted again
        seconds = time.monotonic() - one.began if end.seconds is None else end.seconds
        return Entry(end.state, self._worker.id, end.reason, end.value, seconds, end.epochs)

    def _end_all(self) -> None:
        """Leave no process behind, also after an error."""
        self._signals = max(self._signals, 1)
        while self._running or self._leaving or self._deaths:
            # Others go on with a trial whose end cannot be written, as if this worker had died.
            with suppress(OSError):
                self._wait()
