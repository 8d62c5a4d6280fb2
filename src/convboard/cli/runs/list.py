"""The runs of a folder as a table: `python scripts/runs.py list outputs`."""

import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from convboard.cli.runs.columns import column_heads, column_names, text_columns
from convboard.cli.runs.selection import INTERVAL, N, NoRunsError, Selected, Selection, selected
from convboard.cli.runs.text_table import GAP, text_lines, width_of
from convboard.experiment.console import counted

_LEFT = ("run", "state", "reason", "path")
_DISPENSABLE = ("seconds", "epochs", "age", INTERVAL)  # columns that are left out first
_LEAST = 16  # columns of the terminal for a reason
_STYLES = {"failed": "red", "unreadable": "red", "running": "cyan", "interrupted": "magenta", "pruned": "yellow"}


@dataclass
class Arguments(Selection):
    """List the runs of a folder: a row for each, or where runs differ in the seed alone, for each setting.

    A setting has the mean over its n seeds ± standard deviation, and half the width of the 95 % interval of the mean.
    Only small files are read, never those of TensorBoard.

    Attributes:
        columns: The columns to show instead, separated by commas: keys of the config such as optimizer.lr, metrics such
            as loss/val, and run, state, reason, objective, test, epochs, seconds, age, started, ended, number, path.
    """

    columns: str | None = None


def main(paths: list[str], arguments: Arguments) -> None:
    """Print the table."""
    try:
        found = selected(paths, arguments)
    except NoRunsError as none:  # an answer, and no mistake
        print(none)
        return
    names = column_names(found) if arguments.columns is None else [*map(str.strip, arguments.columns.split(","))]
    columns = text_columns(found, names)
    keys = [*column_heads(found.table, found.table.differing).values()]
    spare = [*_DISPENSABLE, found.table.tested, "test", N, *reversed(keys)]
    hidden = _fit(columns, [each for each in spare if each != found.table.objective]) if not arguments.columns else []
    console = Console(highlight=False, soft_wrap=True)
    right = [head for head, cells in columns.items() if head not in _LEFT and _are_numbers(cells)]
    for at, line in enumerate(text_lines(columns, right)):
        console.print(_styled(line, columns.get("state", [])[at - 2 : at - 1])) if console.is_terminal else print(line)
    print(f"\n{_summary(found)}")
    if found.table.has_several_tasks and (arguments.sort or "").removeprefix("-") == "objective":
        print("Results on different data sets, or by different objectives, are not compared: each has its own order.")
    if hidden:
        print(f"There is no room here for {', '.join(hidden)}; columns= chooses the columns.")


def _styled(line: str, states: list[str]) -> Text:
    """Return a line in the colour of the state, if that calls for attention."""
    return Text(line, next((style for name, style in _STYLES.items() if name in "".join(states)), ""))


def _are_numbers(cells: list[str]) -> bool:
    return any(cells) and all(not cell or cell[0].isdigit() or cell[0] in "-±." for cell in cells)


def _fit(columns: dict[str, list[str]], spare: Sequence[str]) -> list[str]:
    """Make a table fit into the terminal: the reasons are cut, and columns are left out.

    Args:
        columns: The columns, which are changed.
        spare: The heads of those that can be left out, in this order.

    Returns:
        The heads of those that were left out.
    """
    if not sys.stdout.isatty():
        return []
    width, reasons = shutil.get_terminal_size().columns, columns.pop("reason", None)
    room = width - (_LEAST + GAP if reasons else 0) + GAP
    widths = {head: width_of(head, cells) + GAP for head, cells in columns.items()}
    hidden = []
    for head in spare:
        if head in columns and sum(widths.values()) > room:
            del columns[head], widths[head]
            hidden.append(head)
    if reasons:
        most = max(_LEAST, width - sum(widths.values()))
        columns["reason"] = [text if len(text) <= most else f"{text[: most - 1]}…" for text in reasons]
    return hidden


def _summary(found: Selected) -> str:
    """Return how many runs there are, by state."""
    counts = Counter(str(row.state) for row in found.table)
    states = ", ".join(f"{count:,} {state}" for state, count in counts.items())
    if found.settings is None:
        return f"{counted(len(found.table), 'run')}: {states}"
    of = f"{counted(len(found.settings), 'setting')} with {counted(len(found.table), 'run')}: {states}"
    return (
        f"{of}. {N} seeds: mean ± standard deviation; {INTERVAL}: the interval of the mean. group=none shows each run."
    )
