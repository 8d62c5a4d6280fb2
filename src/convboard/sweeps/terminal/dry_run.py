"""What a sweep would run, as a table."""

from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from convboard.config.command_line import printable
from convboard.experiment.console import counted
from convboard.sweeps.store.trials import Trial

_WIDEST = 10_000  # columns of a table in a file
_MOST = 20  # trials that are all shown
_FIRST, _LAST = 10, 3  # of more


def report_dry_run(
    console: Console, trials: Sequence[Trial], places: int, searched: int | None = None, proposed: int = 0
) -> None:
    """Print a table of trials with the values that differ, of many the first and the last ones; and what would be run.

    Args:
        console: Where to.
        trials: The trials, which have been checked.
        places: Number of trials that would run at a time.
        searched: Number of trials that a search would propose, if `trials` are only examples of them, to be checked.
        proposed: Number of trials that a search would propose in addition to `trials`.
    """
    if trials:
        _print_table(console, _table(trials, is_search=searched is not None))
    what, of_them = counted(len(trials), "trial"), "all are checked" if trials else "nothing is left to run"
    if proposed:
        what = f"{what} and {proposed:,}" if trials else counted(proposed, "trial")
        what += " that the search would propose"
        of_them = "those above are checked" if trials else "nothing is left to check"
    if searched is not None:
        what, of_them = f"{counted(searched, 'trial')} of a search", "the combinations above are checked"
    console.print(f"would run:  {what}, {places} at a time; {of_them}, and none was started")


def _table(trials: Sequence[Trial], is_search: bool) -> Table:
    """Return a table of trials; those of a search are examples, which have no numbers and no folders."""
    keys = list(dict.fromkeys(key for trial in trials for key in trial.swept))
    columns: dict[str, Callable[[Trial], str]] = {key: partial(_value, key) for key in keys}
    if not is_search:
        columns = {"trial": lambda trial: str(trial.number), **columns}
    if not is_search and any(trial.folder != _usual_folder(trial) for trial in trials):
        columns["folder"] = lambda trial: printable(trial.folder)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in columns:
        table.add_column(title, overflow="fold", justify="right" if title == "trial" else "left")
    is_long = len(trials) > _MOST
    for trial in trials[:_FIRST] if is_long else trials:
        table.add_row(*(text(trial) for text in columns.values()))
    if is_long:
        table.add_row(*["..."] * len(columns))
        for trial in trials[-_LAST:]:
            table.add_row(*(text(trial) for text in columns.values()))
    return table


def _value(key: str, trial: Trial) -> str:
    return printable(trial.swept.get(key, ""))


def _usual_folder(trial: Trial) -> str:
    """Return the folder that a reader of the values of a trial would expect."""
    return ",".join(f"{key}={value}" for key, value in trial.swept.items())


def _print_table(console: Console, table: Table) -> None:
    """Print a table, with one line for each trial where the output is no terminal."""
    if not console.is_terminal:
        table.width = Measurement.get(console, console.options.update(width=_WIDEST), table).maximum
    console.print(table, crop=False)
