"""`train -m sweep.watch=<folder>`: the live view of a sweep that others train."""

import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

from rich.console import Console

from convboard.cli import streams
from convboard.cli.frame import RunEnded
from convboard.config.command_line import printable
from convboard.errors import RunError
from convboard.experiment.console import counted, shown_path
from convboard.results.sweep_report import print_report
from convboard.sweeps.backends.known import backend_of, settings_of
from convboard.sweeps.store.entries import OVER
from convboard.sweeps.store.submissions import read_submissions
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.terminal.live_view import LiveView
from convboard.sweeps.terminal.progress_elsewhere import Workers
from convboard.training import signals

_TICK = 0.5  # seconds


def watch_sweep(folder: Path, console: Console) -> None:
    """Show a sweep until all its trials have ended, or until a signal comes. Nothing is written.

    Args:
        folder: The folder of the sweep.
        console: Where to.

    Raises:
        RunError: There is no sweep.
        RunEnded: A signal has ended it.
    """
    sweep = Sweep.open(folder)
    console.print(f"watching:   {printable(shown_path(sweep.folder))}, {counted(sweep.total, 'trial')}")
    streams.go_on_without_output()
    workers = Workers(sweep, partial(_jobs, sweep.folder))
    with signals.StopRequest() as request, LiveView(console, sweep, 0, workers=workers.describe) as view:
        while request.signal is None and not _is_over(sweep):
            time.sleep(_TICK)
            sweep.refresh()
            view.on_tick()
    if request.signal is not None:
        raise RunEnded(KeyboardInterrupt(request.signal), "no longer watching; the sweep goes on.")
    print_report(sweep, console)


def _is_over(sweep: Sweep) -> bool:
    states = sweep.journal.count(range(len(sweep.trials)))
    return sum(states[state] for state in OVER) >= sweep.total


def _jobs(folder: Path) -> dict[str, int]:
    """Count the jobs of the workers that were started elsewhere, by the state that their engines give them."""
    jobs: Counter[str] = Counter()
    for submission in read_submissions(folder):
        with suppress(RunError):  # the engine is not there: this may be another machine
            jobs.update(backend_of(settings_of(submission)).count(submission))
    return dict(jobs)
