"""train.py that kills itself with SIGKILL at the place and the count that $KILL_AT names, such as `a step:7`.

`any moment:7` is 140 ms after the training has begun, whatever happens then. $SIGNAL names another signal to send; a
second one follows the next time that the run passes $THEN, a place too. $CLOCK, in seconds since 1970, is what a clock
shows that has stopped, in a container whose host is always called "box" and whose process id is always 1.
`the import of MODULE:1` is a place too, where $AGAIN says how often the signal is sent again, 10 ms apart.

A run passes its places where the board is called, where the network is evaluated, and where files are written. All of
that is public: the methods of a Callback, torch's global hook on forward passes, and the functions of `os` and
`pathlib`.
"""

import io
import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

MOMENT = 0.02  # seconds
PROCESS = os.getpid()
BEFORE_AND_AFTER = {  # of each method of the board, the place before it and the place after it
    "on_fit_start": ("any moment", "the board's beginning"),
    "on_step": ("a step", "the end of a step"),
    "on_epoch_end": ("the end of an evaluation", "an epoch's end"),
    "on_fit_end": ("the end of the run", "after the end of the run"),
    "state_dict": ("events not yet on the disk", "events on the disk"),
}
PLACES = (  # in the order in which a run passes them
    "the data's loading",
    "the run's own files",
    "any moment",
    "the board's beginning",
    "a file not yet in place",
    "a file in place",
    "a checkpoint set aside",
    "half of the events written",
    "a step",
    "events not yet on the disk",
    "events on the disk",
    "the end of a step",
    "an evaluation",
    "the end of an evaluation",
    "an epoch's end",
    "the test",
    "the end of the run",
    "after the end of the run",
)


def send_signal() -> None:
    os.kill(PROCESS, signal.Signals[os.environ.get("SIGNAL", "SIGKILL")])


class Killer:
    """Sends the signal when the run passes a place for the given time, and once more at the place after that."""

    def __init__(self, place: str, count: int, then: str | None) -> None:
        assert {place, then or place} <= set(PLACES)
        self._place = place
        self._count = count
        self._then = then
        self._passed: Counter[str] = Counter()

    def is_next(self, place: str) -> bool:
        """Whether the signal is sent when `place` is passed the next time."""
        return place == self._place and self._passed[place] + 1 == self._count

    def passes(self, place: str) -> None:
        is_it = self.is_next(place)
        self._passed[place] += 1
        if place == self._place == "any moment":
            threading.Timer(self._count * MOMENT, send_signal).start()
        elif is_it:
            if self._then:
                self._place, self._count, self._then = self._then, self._passed[self._then] + 1, None
            send_signal()


def wrap(owner: Any, name: str, before: Callable[..., object], after: Callable[..., object]) -> None:
    """Call `before` and `after` with the arguments of a function of `owner`, around it."""
    function: Callable[..., Any] = getattr(owner, name)

    def wrapped(*arguments: Any, **more: Any) -> Any:
        before(*arguments)
        result = function(*arguments, **more)
        after(*arguments)
        return result

    setattr(owner, name, wrapped)


def nothing(*_: Any) -> None:
    """Where only the other side of a function is a place."""


def watch_files(killer: Killer) -> None:
    """Files that are put in place, checkpoints that are set aside, and what is written to an event file."""

    def before_replace(temporary: Path, target: Path) -> None:
        killer.passes("a file not yet in place")
        if target.suffix in (".json", ".yaml"):
            killer.passes("the run's own files")

    wrap(Path, "replace", before_replace, lambda *_: killer.passes("a file in place"))
    wrap(os, "link", nothing, lambda *_: killer.passes("a checkpoint set aside"))

    class EventFile(io.FileIO):
        """Half of the last write is on the disk: most often a file that ends in the middle of a record."""

        def write(self, data: Any) -> int:
            if killer.is_next("half of the events written"):
                super().write(data[: len(data) // 2])
            killer.passes("half of the events written")
            return super().write(data)

    open_file = Path.open

    def open_path(path: Path, mode: str = "r", buffering: int = -1, **more: Any) -> Any:
        if "tfevents" in path.name and "a" in mode and buffering == 0:
            return EventFile(path, mode)
        return open_file(path, mode, buffering, **more)

    Path.open = open_path  # type: ignore[method-assign, assignment]


def watch_training(killer: Killer) -> None:
    """The reading of the digits, the board, and the network's evaluations on the validation and the test split."""
    import numpy as np
    from torch.nn.modules.module import register_module_forward_pre_hook

    from convboard.board import Board

    is_training, has_stepped = False, False  # and not within the board, which looks at the network too

    def before(place: str) -> Callable[..., None]:
        def passes(*_: Any) -> None:
            nonlocal is_training
            killer.passes(place)
            is_training = False

        return passes

    def after(place: str) -> Callable[..., None]:
        def passes(*_: Any) -> None:
            nonlocal is_training, has_stepped
            is_training = True
            if place in ("the end of a step", "an epoch's end"):
                has_stepped = place == "the end of a step"
            killer.passes(place)

        return passes

    def evaluates(module: Any, images: Any) -> None:
        nonlocal is_training
        if is_training and not module.training:
            is_training = False  # once: until the board is called again
            killer.passes("an evaluation" if has_stepped else "the test")

    wrap(np, "loadtxt", lambda *_: killer.passes("the data's loading"), nothing)
    for name, (first, second) in BEFORE_AND_AFTER.items():
        wrap(Board, name, before(first), after(second))
    register_module_forward_pre_hook(evaluates)


class DieAtImport(MetaPathFinder):
    """Sends the signal when a module is first imported: one that did not get in is imported again."""

    def __init__(self, module: str) -> None:
        self.module = module

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> None:
        if fullname != self.module:
            return
        sys.meta_path.remove(self)
        again = int(os.environ["AGAIN"])
        if again and os.fork() == 0:
            for _ in range(again):
                time.sleep(0.01)
                os.kill(PROCESS, signal.Signals[os.environ["SIGNAL"]])
            os._exit(0)
        send_signal()


if __name__ == "__main__":
    if "CLOCK" in os.environ:
        time.time = lambda: float(os.environ["CLOCK"])
        socket.gethostname = lambda: "box"
        os.getpid = lambda: 1
    if "KILL_AT" in os.environ:
        place, _, count = os.environ["KILL_AT"].partition(":")
        if place.startswith("the import of "):
            sys.meta_path.insert(0, DieAtImport(place.removeprefix("the import of ")))
        else:
            killer = Killer(place, int(count), os.environ.get("THEN"))
            watch_files(killer)
            watch_training(killer)
    runpy.run_path(str(Path(__file__).parents[1] / "train.py"), run_name="__main__")
