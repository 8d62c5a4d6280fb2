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
from convboard.sweeps.store.liveness import has_begun
from convboard.sweeps.store.stop_requests import is_stopped
from convboard.sweeps.store.submissions import Submission, read_submissions
from convboard.sweeps.store.sweep_folder import WORKERS, Sweep
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
    workers = Workers(sweep, partial(describe_jobs, sweep.folder))
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


def describe_jobs(folder: Path) -> str:
    """Describe the jobs of the workers that were started elsewhere: how many are in each state of their engines.

    Args:
        folder: The folder of the sweep.
    """
    jobs: Counter[str] = Counter()
    lost = ""
    for submission in read_submissions(folder):
        with suppress(RunError):  # the engine is not there: this may be another machine
            backend = backend_of(settings_of(submission))
            found = backend.count(submission)
            jobs.update(found or {})
            if found is not None and not found and _is_lost(folder, submission):
                lost += (
                    f"; all jobs of {submission.name} have ended, and no worker of them has begun: see "
                    f"{shown_path(Path(backend.logs(submission)))}, and whether the nodes see that folder"
                )
    counts = ", ".join(f"{number:,} {state}" for state, number in jobs.items())
    return (f"; jobs: {counts}" if counts else "") + lost


def _is_lost(folder: Path, submission: Submission) -> bool:
    """Return whether no worker of a submission has ever begun, although it was started and not cancelled."""
    if not submission.started or is_stopped(folder, submission.stops):
        return False
    return not has_begun(folder / WORKERS, submission.number)
