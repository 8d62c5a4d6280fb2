"""The table of a folder of runs, as the tab shows it: all of its figures are those of `results`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from convboard.results.axis_scale import axis_scale
from convboard.results.importance import importance, importance_method
from convboard.results.ranking import rank
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import Setting
from convboard.results.statistics import Summary
from convboard.results.table import RunTable

NameOf = Callable[[RunRow], str]  # the name of a run in TensorBoard


def table_of(rows: Sequence[RunRow], name_of: NameOf) -> dict[str, Any]:
    """Return the runs of a folder as settings, the best first.

    Args:
        rows: The runs.
        name_of: Gives the name of a run in TensorBoard.
    """
    table = RunTable(rows)
    settings = rank(table.settings())
    keys = [key for key in table.differing if key != SEED]
    return {
        "objective": table.objective,
        "tested": table.tested,
        "is_maximised": table.is_maximised,
        "keys": keys,
        "scales": {key: axis_scale(setting.values[key] for setting in settings).kind for key in keys},
        "settings": [_setting(setting, name_of) for setting in settings],
    }


def importance_of(rows: Sequence[RunRow]) -> dict[str, Any]:
    """Return how much each key matters for the objective: the `shares` by key, and the `method` that computes them."""
    settings = RunTable(rows).settings()
    return {"shares": importance(settings), "method": importance_method(settings)}


def _setting(setting: Setting, name_of: NameOf) -> dict[str, Any]:
    runs = sorted(setting.rows, key=lambda row: (row.number or 0, row.name))
    return {
        # Of the first run, so that it stays the same when others are added: links contain it.
        "id": name_of(runs[0]) if runs[0].number is None else str(runs[0].number),
        "values": {key: _plain(value) for key, value in setting.values.items()},
        **_figures(setting.objective),
        "test": _figures(setting.test),
        "runs": [_run(row, name_of) for row in runs],
    }


def _figures(summary: Summary | None) -> dict[str, Any]:
    if summary is None:
        return {"n": 0, "mean": None, "deviation": None, "interval": None}
    return {
        "n": summary.n,
        "mean": _plain(summary.mean),
        "deviation": _plain(summary.deviation),
        "interval": _plain(summary.interval),
    }


def _run(row: RunRow, name_of: NameOf) -> dict[str, Any]:
    return {
        "run": name_of(row),
        "number": row.number,
        "state": str(row.state),
        "reason": row.reason,
        "seed": row.config.get(SEED),
        "value": _plain(row.value),
        "test": _plain(row.test),
        "epochs": row.epochs,
        "max_epochs": row.max_epochs,
        "seconds": _plain(row.seconds),
        "started": row.started,
        "command": row.command if row.config else "",
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: null in place of numbers that are not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
