"""`train -m sweep.cancel=<folder>`: all workers of a sweep save what they train, and end."""

import time
from pathlib import Path

from rich.console import Console

from convboard.cli.sweep_folder import folder_errors, how_to_go_on
from convboard.config.command_line import printable
from convboard.errors import RunError
from convboard.experiment.console import counted
from convboard.sweeps.backends.known import backend_of, settings_of
from convboard.sweeps.store.liveness import Observer
from convboard.sweeps.store.stop_requests import request_stop
from convboard.sweeps.store.submissions import read_submissions
from convboard.sweeps.store.sweep_folder import Sweep

_LONGEST = 60.0  # seconds in which trials that run have usually been saved
_TICK = 0.5  # seconds


def cancel_sweep(folder: Path, console: Console) -> None:
    """Ask all workers of a sweep to stop, end those that have not started, and say what is left.

    Args:
        folder: The folder of the sweep.
        console: Where to.

    Raises:
        RunError: There is no sweep.
    """
    sweep = Sweep.open(folder)
    with folder_errors(sweep.folder):
        request_stop(sweep.folder)
        _wait(sweep)
    for submission in read_submissions(sweep.folder):
        try:
            ended = backend_of(settings_of(submission)).cancel(submission)
        except RunError as error:
            ended = f"not ended: {error}"
        if ended:
            console.print(f"cancelled:  {printable(ended)}")
    _wait(sweep)
    still = len(_running(sweep, Observer(sweep.workers)))
    console.print(f"left:       {counted(sweep.left, 'trial')} to run" + (f", {still} still running" if still else ""))
    console.print(how_to_go_on(sweep.folder))


def _wait(sweep: Sweep) -> None:
    """Wait until no worker that is alive runs a trial, for a while at most."""
    ends, observer = time.monotonic() + _LONGEST, Observer(sweep.workers)
    while time.monotonic() < ends and _running(sweep, observer):
        time.sleep(_TICK)
        sweep.refresh()


def _running(sweep: Sweep, observer: Observer) -> list[int]:
    return [number for number, worker in sweep.journal.running() if not observer.is_dead(worker)]
