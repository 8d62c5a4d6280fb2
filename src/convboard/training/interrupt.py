"""A polite end: SIGINT and SIGTERM are noted, and the trainer stops where it can be resumed."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """The run was asked to end, and has saved itself. Not an Exception, like KeyboardInterrupt.

    Attributes:
        signal: What asked for it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.signal = signal.Signals(number)


class StopRequest:
    """While entered, SIGINT and SIGTERM only set `signal`; a further one, also during the save, changes nothing.

    Only the main thread can receive signals; elsewhere entering does nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = number
