"""train.py that kills itself with SIGKILL at the place and the count that $KILL_AT names, such as `a step:7`.

`any moment:7` is 140 ms after the training has begun, whatever happens then. $SIGNAL names another signal to send; a
second one follows at the next call of $THEN, a place too. $CLOCK, in seconds since 1970, is what a clock shows that has
stopped, in a container whose host is always called "box" and whose process id is always 1. `the import of MODULE:1` is
a place too, where $AGAIN says how often the signal is sent again, 10 ms apart.
"""

import functools
import importlib
import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

MOMENT = 0.02  # seconds
PROCESS = os.getpid()


def die(*_: Any) -> None:
    """Be gone at once, unless the signal is another one."""
    if "THEN" in os.environ:
        die_at(os.environ.pop("THEN"), 1)
    os.kill(PROCESS, signal.Signals[os.environ.get("SIGNAL", "SIGKILL")])


def die_in_a_write(events: Any) -> None:
    """Be gone when half of what waits for the event file has been written: most often in the middle of a record."""
    data = b"".join(events._pending)
    events._file.write(data[: len(data) // 2])
    die()


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
        die()


# The owner of a function, the function, and whether to die after it rather than before.
PLACES = {
    "the data's loading": ("convboard.experiment.dataset", "load_dataset", False),
    "the board's beginning": ("convboard.board:Board", "on_fit_start", True),
    # Not the TrainStep's `take`, by which the plan is measured as well.
    "a step": ("convboard.training.metrics:EpochMetrics", "add", False),
    "the end of a step": ("convboard.board:Board", "on_step", True),
    "an evaluation": ("convboard.training.trainer", "evaluate", False),
    "the end of an evaluation": ("convboard.training.trainer", "evaluate", True),
    "an epoch's end": ("convboard.board:Board", "on_epoch_end", True),
    "the test": ("convboard.training.trainer:Trainer", "_test_best", False),
    "the end of the run": ("convboard.board:Board", "on_fit_end", False),
    "after the end of the run": ("convboard.board:Board", "on_fit_end", True),
    "a file not yet in place": ("pathlib:Path", "replace", False),
    "a file in place": ("pathlib:Path", "replace", True),
    "a checkpoint set aside": ("os", "link", True),
    "half of the events written": ("convboard.board.event_file:EventFile", "flush", False),
    "the run's own files": ("convboard.experiment.run", "atomic_write_text", False),
    "any moment": ("convboard.training.trainer:Trainer", "fit", False),
    "events not yet on the disk": ("convboard.board.event_file:EventFile", "state", False),
    "events on the disk": ("convboard.board.event_file:EventFile", "state", True),
}


def die_at(place: str, count: int) -> None:
    """Replace the function of `place` by one that kills the process at its `count`-th call."""
    owner_name, name, after = PLACES[place]
    module, _, attribute = owner_name.partition(":")
    owner: Any = importlib.import_module(module)
    if attribute:
        owner = getattr(owner, attribute)
    function: Callable[..., Any] = getattr(owner, name)
    calls = 0

    @functools.wraps(function)
    def counted(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if place == "any moment":
            threading.Timer(count * MOMENT, die).start()
        elif calls == count and not after:
            (die_in_a_write if place == "half of the events written" else die)(*arguments)
        result = function(*arguments, **more)
        if calls == count and after:
            die()
        return result

    setattr(owner, name, counted)


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
            die_at(place, int(count))
    runpy.run_path(str(Path(__file__).parents[1] / "train.py"), run_name="__main__")
