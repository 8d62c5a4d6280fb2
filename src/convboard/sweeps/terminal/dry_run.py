"""What a sweep would run, as a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from convboard.config.command_line import printable
from convboard.experiment.console import counted
from convboard.sweeps.store.trials import Trial

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
        searched: Number of trials that a search would propose, if `trials` are those at the bounds of its space.
        proposed: Number of trials that a search would propose in addition to `trials`.
    """
    if trials:
        console.print(_table(trials))
    what, of_them = counted(len(trials), "trial"), "all are checked" if trials else "nothing is left to run"
    if proposed:
        what = f"{what} and {proposed:,}" if trials else counted(proposed, "trial")
        what += " that the search would propose"
        of_them = "those above are checked" if trials else "nothing is left to check"
    if searched is not None:
        what, of_them = (
            f"{counted(searched, 'trial')} of a search",
            "those above, at the bounds of its space, are checked",
        )
    console.print(f"would run:  {what}, {places} at a time; {of_them}, and none was started")


def _table(trials: Sequence[Trial]) -> Table:
    keys = list(dict.fromkeys(key for trial in trials for key in trial.swept))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("trial", justify="right")
    for title in (*keys, "folder"):
        table.add_column(title, overflow="fold")
    is_long = len(trials) > _MOST
    for trial in trials[:_FIRST] if is_long else trials:
        table.add_row(*_row(trial, keys))
    if is_long:
        table.add_row(*["..."] * len(table.columns))
        for trial in trials[-_LAST:]:
            table.add_row(*_row(trial, keys))
    return table


def _row(trial: Trial, keys: Sequence[str]) -> list[str]:
    return [str(trial.number), *(printable(trial.swept.get(key, "")) for key in keys), printable(trial.folder)]
