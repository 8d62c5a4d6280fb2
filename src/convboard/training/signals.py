"""A polite end: what SIGINT and SIGTERM do while a command starts, and while a run trains.

While it starts, they end the process there and then. An exception could be lost: libraries import one another from C,
or try it and go on without, so that a run would train on with half of numpy.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

_ENDS = (signal.SIGINT, signal.SIGTERM)
_came: ContextVar[int | None] = ContextVar("came", default=None)  # the first of them
_unwinds: ContextVar[bool] = ContextVar("unwinds", default=False)


class Interrupted(BaseException):
    """The run was asked to end, and has saved itself. Not an Exception, like KeyboardInterrupt.

    Attributes:
        signal: What asked for it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.signal = signal.Signals(number)


def end_at_once(
    end: Callable[[int], None] = lambda number: leave(128 + number, "interrupted."),
) -> None:
    """Let the first SIGINT or SIGTERM end the command from here on; further ones change nothing.

    Args:
        end: Called with the signal's number where nothing is to be undone, to end the process by `leave`.
    """

    def first(number: int, _frame: FrameType | None) -> None:
        for each in _ENDS:
            signal.signal(each, lambda *_: None)
        _came.set(number)
        if _unwinds.get():
            raise KeyboardInterrupt(number)
        end(number)

    for each in _ENDS:
        signal.signal(each, first)


@contextmanager
def unwinding() -> Iterator[None]:
    """Within, what `end_at_once` has set up raises KeyboardInterrupt instead, so that what is begun is undone.

    Should that get lost on its way, the run still ends, at its first step.
    """
    before = _unwinds.set(True)
    try:
        yield
    finally:
        _unwinds.reset(before)


def ignore_signals() -> None:
    """The process ends already; Python at its end would let a further signal kill it."""
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)


def leave(code: int, text: str) -> NoReturn:
    """End the process because of a signal, with one sentence, and no word from any library's exit hooks.

    Args:
        code: The exit code: 128 more than the signal's number, as shells have it.
        text: The sentence; of several processes, the first says it.
    """
    with suppress(Exception):  # the signal may have come in the middle of a write
        sys.stdout.flush()
    if os.environ.get("RANK", "0") == "0":
        os.write(2, f"convboard: {text}\n".encode())
    os._exit(code)


class StopRequest:
    """While entered, SIGINT and SIGTERM only set `signal`; a further one, also during the save, changes nothing.

    Only the main thread can receive signals; elsewhere entering does nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in _ENDS:
                self._before[number] = signal.signal(number, self._note)
            self.signal = self.signal or _came.get()
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = number
