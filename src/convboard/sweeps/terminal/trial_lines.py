"""What is printed of a trial of a sweep that has ended."""

from collections.abc import Iterator

from rich.text import Text

from convboard.config.command_line import printable
from convboard.config.objectives import format_metric
from convboard.experiment.console import shown_path
from convboard.sweeps.store.entries import OVER, Entry, State
from convboard.sweeps.store.sweep_folder import LOG, Sweep
from convboard.sweeps.store.trials import Trial

STYLES = {
    State.FINISHED: "green",
    State.PRUNED: "yellow",
    State.FAILED: "red",
    State.INTERRUPTED: "magenta",
    State.RUNNING: "cyan",
    State.WAITING: "dim",
}


def format_duration(seconds: float) -> str:
    """Return a time as `12 s`, `3:05 min` or `2:10 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def trial_lines(sweep: Sweep, trial: Trial, end: Entry, over: int, total: int, is_own: bool) -> Iterator[Text]:
    """Yield the lines for a trial that has ended: what is equally long first, so that columns stand in line.

    Args:
        sweep: The sweep.
        trial: The trial.
        end: How it has ended.
        over: Number of trials that have ended for good, with this one.
        total: Number of all trials.
        is_own: Whether this process has trained it. Those of other workers are dim, with the name of the worker.
    """
    width, objective = len(f"{total:,}"), sweep.record.objective
    place = f"{over:>{width},}/{total:,}" if end.state in OVER else ""
    value = "" if end.value is None else format_metric(objective, end.value)
    seconds = "" if end.seconds is None else format_duration(end.seconds)
    indent = " " * (2 * width + 3)
    yield Text.assemble(
        f"{place:<{2 * width + 1}}  ",
        (f"{end.state:<11}", STYLES[end.state]),
        f"  {f'#{trial.number}':>{width + 1}}  {value:>7}  ",
        (f"{seconds:>9}", "dim"),
        f"  {printable(trial.name)}",
        "" if is_own else f"   by {printable(end.worker)}",
        style="" if is_own else "dim",
    )
    if end.state is State.PRUNED:
        yield Text(f"{indent}{printable(end.reason)}", "dim")
    if end.state is State.FAILED:
        yield Text(f"{indent}{printable(end.reason)}", "red")
        yield Text(f"{indent}log:   {printable(shown_path(sweep.run_dir(trial.number) / LOG))}", "dim")
        yield Text(f"{indent}alone: {printable(trial.command)}", "dim")
