"""What is said where there are no runs, or none for which a condition holds."""

from collections.abc import Sequence

from convboard.config.command_line import format_value, printable
from convboard.experiment.console import counted
from convboard.results.axis_scale import is_number
from convboard.results.table import RunTable
from convboard.results.where import parse_where

_TOLD = 6  # values of a column


def no_such_runs(paths: Sequence[str], where: str | None, table: RunTable) -> str:
    """Return that there are no runs; for a condition, which values the runs have in its columns.

    Args:
        paths: The folders.
        where: The condition; None for all runs.
        table: The runs that are there, for none of which it holds.
    """
    place = ", ".join(paths) or "outputs"
    if where is None or not len(table):
        return printable(f"There are no runs in {place}.")
    columns = parse_where(where).columns
    width = max(map(len, columns), default=0) + 1
    lines = [f"  {column + ':':<{width}} {_values(table, column)}" for column in columns]
    its = f"Its {counted(len(table), 'run')} have" if len(table) > 1 else "Its run has"
    return printable("\n".join([f"No run in {place} fulfils {where}. {its}", *lines]))


def _values(table: RunTable, column: str) -> str:
    """Return the values of a column: some of them, or of many numbers the smallest and the largest."""
    values = {table.value(row, column) for row in table}
    if column == "objective":  # whose name can be compared too
        values |= {row.objective for row in table}
    numbers = sorted(value for value in values if is_number(value))
    texts = sorted(format_value(value) or "''" for value in values if not is_number(value))
    shown = [format_value(number) for number in numbers]
    if len(numbers) > _TOLD:
        shown = [f"{numbers[0]:.10g} to {numbers[-1]:.10g}"]
    shown += texts
    more = f", and {len(shown) - _TOLD:,} more" if len(shown) > _TOLD else ""
    return ", ".join(shown[:_TOLD]) + more
