"""The columns of a table of runs or settings, as texts."""

import time
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from convboard.cli.runs.selection import INTERVAL, N, Selected
from convboard.cli.runs.text_table import one_line
from convboard.config.command_line import format_value
from convboard.config.objectives import format_metric, test_metric
from convboard.results.durations import age_text
from convboard.results.metric_text import summary_text
from convboard.results.run_row import RunRow
from convboard.results.setting import Setting, value_text
from convboard.results.statistics import summarise
from convboard.results.table import FACTS, RunTable
from convboard.sweeps.store.entries import State
from convboard.sweeps.terminal.live_view import short_keys

_NAMED = 3  # runs of a setting that are named, or one more if that is the last
_LONGEST, _LONGEST_NUMBER = 40, 8  # characters of a value of a config


def column_names(found: Selected) -> list[str]:
    """Return the columns that are shown unless others are asked for."""
    table, keys = found.table, list(found.table.differing)
    figures = [table.objective, *([table.tested] if table.tested != table.objective else [])]
    if len(table.objectives) > 1:  # each result is shown with its metric
        figures, keys = ["objective", "test"], [key for key in keys if key != "objective"]
    if found.settings is not None:
        keys = [key for key in keys if key in found.settings[0].values]
        figures = [N, figures[0], INTERVAL, *figures[1:]]
    reason = ["reason"] if any(row.reason for row in table) else []
    return ["run", "state", *keys, *figures, "epochs", "seconds", "age", *reason]


def text_columns(found: Selected, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the cells of columns by their heads, which are the names, or of keys only their last parts.

    Args:
        found: The runs. There is a cell for each of them, or for each setting.
        names: The columns: those that a condition can name, and `n` and `95 %`.

    Raises:
        ConfigError: A column does not exist.
    """
    table = found.table
    names = [name if name in (N, INTERVAL) else table.column(name) for name in names]
    groups = [Setting({}, (row,)) for row in table] if found.settings is None else found.settings
    heads = column_heads(table, names)
    return {heads.get(name, name): [_cell(table, group, name) for group in groups] for name in names}


def column_heads(table: RunTable, names: Sequence[str]) -> dict[str, str]:
    """Return the heads of columns of keys: their last parts, where that is clear and is no other column."""
    short = short_keys([name for name in names if name in table.keys and name not in FACTS])
    return {name: name if head in FACTS or head in (N, INTERVAL) else head for name, head in short.items()}


def _cell(table: RunTable, setting: Setting, name: str) -> str:
    """Return what is shown of a setting, or of a run as a setting of its own, in a column."""
    objective = setting.task.objective or table.objective
    tag = {N: objective, INTERVAL: objective, "objective": objective, "test": test_metric(objective)}.get(name, name)
    if table.is_metric(tag):
        text = _figure(setting, tag, name)
        has_name = name in ("objective", "test") and len(table.objectives) > 1
        return f"{tag} {text}" if has_name and text else text
    if name in FACTS:
        return _fact(setting.rows, name)
    return ", ".join(dict.fromkeys(_value(row, name) for row in setting.rows if name in row.config))


def _figure(setting: Setting, tag: str, name: str) -> str:
    """Return the mean of a metric over the runs that count, with its deviation; its interval; or their number."""
    summary = summarise([row.metrics[tag] for row in setting.results if tag in row.metrics])
    if name == N:
        return str(summary.n if summary else 0)
    if name == INTERVAL:
        return f"± {format_metric(tag, summary.interval)}" if summary and summary.interval is not None else ""
    return summary_text(tag, summary)


def _fact(rows: Sequence[RunRow], name: str) -> str:
    values: list[Any] = [value for row in rows if (value := FACTS[name](row)) is not None]
    if name == "run":
        return _named(rows)
    if name == "state":
        states = Counter(values)
        return str(values[0]) if len(states) == 1 else ", ".join(f"{n} {state}" for state, n in states.items())
    if name == "epochs":
        return _epochs(rows)
    if not values:
        return ""
    if name == "age":
        return age_text(min(values))
    if name in ("started", "ended"):
        return format_time(min(values) if name == "started" else max(values))
    if name == "seconds":
        mean = fmean(values)
        return f"{mean:.1f}" if mean < 100 else f"{mean:,.0f}"
    return ", ".join(dict.fromkeys(one_line(format_value(value)) for value in values if value != ""))


def _named(rows: Sequence[RunRow]) -> str:
    """Return names of runs: of those of one sweep the first few, with its name once; else the first one."""
    first, numbers = rows[0], [row.number for row in rows]
    if any(row.sweep != first.sweep for row in rows) or None in numbers:
        numbers = numbers[:1]
    else:
        numbers = numbers[: _NAMED + (len(rows) == _NAMED + 1)]
    names = " ".join([first.address, *(f"#{number}" for number in numbers[1:])])
    hidden = len(rows) - len(numbers)
    return one_line(names) + (f" and {hidden} more" if hidden else "")


def _epochs(rows: Sequence[RunRow]) -> str:
    """Return how many epochs were trained, and of runs that have not finished, of how many."""
    texts: dict[str, None] = {}
    for row in rows:
        is_whole = row.state == State.FINISHED or row.max_epochs is None
        if row.epochs is not None:
            texts[str(row.epochs) if is_whole else f"{row.epochs}/{row.max_epochs}"] = None
    return ", ".join(texts)


def _value(row: RunRow, key: str) -> str:
    """Return a value of a config for people: a number that was drawn at random with four digits."""
    value, text = row.config[key], one_line(value_text(row, key))
    if isinstance(value, float) and len(text) > _LONGEST_NUMBER:
        return f"{value:.4g}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def format_time(seconds: float) -> str:
    """Return a time in seconds since 1970 as the local date and time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
