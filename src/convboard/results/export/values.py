"""The columns of a table of runs or settings as values, for programs: no number is rounded or made a text."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from convboard.results.run_row import RunRow
from convboard.results.setting import Setting
from convboard.results.statistics import summarise
from convboard.results.table import RunTable

N = "n"  # a column of settings alone: the number of runs that count
_FIGURES = ("mean", "std", "interval")  # of a metric of a setting
_AVERAGED = ("epochs", "seconds", "age")


def value_names(table: RunTable, settings: Sequence[Setting] | None) -> list[str]:
    """Return the columns that a program gets unless others are asked for: what differs, and all metrics.

    Args:
        table: The runs.
        settings: The same grouped over seeds; None for a row for each run.
    """
    tags = list(dict.fromkeys(tag for row in table for tag in row.metrics))
    if settings is None:
        return ["run", "state", "reason", *table.differing, *tags, "epochs", "seconds"]
    keys = [key for key in table.differing if key in settings[0].values]
    return [*keys, N, *tags, "epochs", "seconds"]


def value_columns(table: RunTable, settings: Sequence[Setting] | None, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of columns by their heads.

    A metric of settings has three columns, such as `accuracy/val_mean`, `accuracy/val_std` (n - 1 in the denominator)
    and `accuracy/val_interval` (half the width of the 95 % interval of the mean). They are over the runs that count:
    those that finished, or the pruned ones if none has.

    Args:
        table: The runs.
        settings: The same grouped over seeds; None for a row for each run.
        names: The columns: those that a condition can name, and for settings `n`.

    Returns:
        A value for each run or setting: a number, text, bool, or None where there is none.

    Raises:
        ConfigError: A column does not exist.
    """
    columns: dict[str, list[Any]] = {}
    for name in names:
        if settings is None:
            whole = table.column(name)
            columns[_tag(table, whole)] = [table.value(row, whole) for row in table]
        elif name == N:
            columns[N] = [len(setting.results) for setting in settings]
        else:
            whole = table.column(name)
            tag = _tag(table, whole)
            if table.is_metric(tag):
                columns |= _figures(settings, tag)
            else:
                columns[whole] = [_common(table, setting.rows, whole) for setting in settings]
    return columns


def _tag(table: RunTable, name: str) -> str:
    """Return the metric that `objective` or `test` stands for; another name as it is."""
    return {"objective": table.objective, "test": table.tested}.get(name, name)


def _figures(settings: Sequence[Setting], tag: str) -> dict[str, list[Any]]:
    samples = [[row.metrics[tag] for row in setting.results if tag in row.metrics] for setting in settings]
    summaries = [summarise(sample) for sample in samples]
    rows = [(None,) * 3 if one is None else (one.mean, one.deviation, one.interval) for one in summaries]
    return {f"{tag}_{figure}": [row[at] for row in rows] for at, figure in enumerate(_FIGURES)}


def _common(table: RunTable, rows: Sequence[RunRow], name: str) -> Any:
    """Return the value that the runs of a setting have in common, the mean of times, or else all values as a text."""
    values = [value for row in rows if (value := table.value(row, name)) is not None and value != ""]
    if name in _AVERAGED and values:
        return fmean(values)
    distinct = list(dict.fromkeys(values))
    if len(distinct) < 2:
        return distinct[0] if distinct else None
    return ", ".join(map(str, distinct))
