"""What is called for trials whose processes have ended without a word, while the pool goes on."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from convboard.sweeps.forked_process import call, start
from convboard.sweeps.store.trials import Trial


@dataclass(frozen=True)
class _Call:
    process: BaseProcess
    began: float
    then: Callable[[], None]


class DeathCalls:
    """Calls a function for trials, each time in a process of its own.

    Args:
        target: The function, as `module:name`. It gets the folder of the sweep, the trial, and why that has failed.
            None: no function.
        folder: The folder of the sweep.
    """

    def __init__(self, target: str | None, folder: Path) -> None:
        self._target, self._folder = target, folder
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        """Return whether a call has not returned yet."""
        return bool(self._calls)

    @property
    def sentinels(self) -> list[int]:
        """What becomes ready when a call has returned."""
        return [one.process.sentinel for one in self._calls]

    def begin(self, trial: Trial, reason: str, then: Callable[[], None]) -> None:
        """Begin a call.

        Args:
            trial: The trial.
            reason: Why it has failed.
            then: Is called by `end` when the call has returned, or at once if it cannot be made.
        """
        if self._target is not None:
            arguments = (self._target, dict(os.environ), self._folder, trial, reason)
            process = get_context("forkserver").Process(target=call, args=arguments, name=f"end of {trial.number}")
            with suppress(OSError, EOFError):
                start(process)
                self._calls.append(_Call(process, time.monotonic(), then))
                return
        then()

    def end(self, seconds: float) -> None:
        """End the calls that have returned, or that have taken longer than `seconds`."""
        for one in list(self._calls):
            if one.process.is_alive() and time.monotonic() < one.began + seconds:
                continue
            self._calls.remove(one)
            one.process.kill()
            one.process.join()
            one.process.close()
            one.then()
