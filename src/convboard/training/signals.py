"""SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2: one handler for a whole command.

The first signal counts, further ones change nothing.

What the first signal does depends on what the command is doing:

- While it starts, the signal ends the process immediately (`exit_at_once`). An exception could be lost: libraries
  import one another from C, or try an import and continue without it, so that a run would train on with half of numpy.
- While a run is set up, the signal raises KeyboardInterrupt (`raising`), so that locks and folders are released.
- While a run trains, the signal is only noted (`StopRequest`): the trainer saves after the current step and ends.

SIGHUP comes when a terminal is closed; `nohup` ignores it, and so do these handlers then. Batch systems send SIGUSR1 or
SIGUSR2 some time before they end a job.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

EXIT_BY_SIGNAL = 128  # the exit code is this plus the signal's number, as in shells
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_actions: list[Callable[[int], None]] = []  # the last one is in force
_repeated: list[Callable[[int], None]] = []  # those that every signal calls
_received: int | None = None  # the first signal


class Interrupted(BaseException):
    """The run was asked to end, and has saved itself. Not an Exception, like KeyboardInterrupt.

    Attributes:
        signal: What asked for it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.signal = signal.Signals(number)


def received() -> int | None:
    """The number of the first signal that came while one of this module's handlers was in force."""
    return _received


def leave(code: int, text: str, prints: bool | None = None) -> NoReturn:
    """End the process with one sentence on stderr, and without the exit hooks of any library.

    Args:
        code: The exit code.
        text: The sentence.
        prints: Whether this process prints it; None: the first one of several does.
    """
    with suppress(Exception):  # the signal may have come in the middle of a write
        sys.stdout.flush()
    if os.environ.get("RANK", "0") == "0" if prints is None else prints:
        with suppress(OSError):
            os.write(2, f"convboard: {text}\n".encode(errors="backslashreplace"))
    os._exit(code)


def exit_at_once() -> None:
    """From here on, a signal ends the process; for the very start of a command."""
    _actions.append(lambda number: leave(EXIT_BY_SIGNAL + number, "interrupted."))
    _install()


@contextmanager
def handling(action: Callable[[int], None], all_of_them: bool = False) -> Iterator[None]:
    """Within, the first signal calls `action` with its number; with `all_of_them`, so do the further ones.

    Afterwards the handlers are what they were. Only the main thread can receive signals; elsewhere this does nothing.
    """
    global _received
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    _actions.append(action)
    if all_of_them:
        _repeated.append(action)
    _install()
    try:
        yield
    finally:
        if all_of_them:
            _repeated.remove(action)
        for number, handler in before.items():
            if handler is not None:  # None: it was installed from C
                signal.signal(number, handler)
        _actions.pop()
        if not _actions:  # no command, but a notebook, say: its next run starts anew
            _received = None


@contextmanager
def raising() -> Iterator[None]:
    """Within, a signal raises KeyboardInterrupt with its number.

    Where the exception is lost on its way, the run still ends, at its first step.
    """
    with handling(_raise):
        yield


@contextmanager
def suspending(action: Callable[[], None]) -> Iterator[None]:
    """Within, Ctrl-Z (SIGTSTP) calls `action`, which calls `suspend` some time; unless the signal is ignored."""
    before = signal.getsignal(signal.SIGTSTP)
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTSTP, lambda *_: action())
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


def suspend() -> None:
    """Suspend this process until it gets SIGCONT, as Ctrl-Z does without `suspending`. Only for the main thread."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTSTP)  # unlike SIGSTOP, it does nothing where no shell could send SIGCONT
    signal.signal(signal.SIGTSTP, handler)


class StopRequest:
    """While entered, a signal only sets the attribute `signal`, also if it came before."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __enter__(self) -> "StopRequest":
        self._handling = handling(self._note)
        self._handling.__enter__()
        self.signal = self.signal or _received
        return self

    def __exit__(self, *error: Any) -> None:
        self._handling.__exit__(*error)

    def _note(self, number: int) -> None:
        self.signal = number


def _install() -> None:
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def _handle(number: int, _frame: FrameType | None) -> None:
    global _received
    if _received is None or _actions[-1] in _repeated:
        _received = _received or number
        _actions[-1](number)


def _raise(number: int) -> None:
    raise KeyboardInterrupt(number)
