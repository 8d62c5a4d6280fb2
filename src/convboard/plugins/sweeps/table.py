"""The table of a folder of runs, as the tab shows it: all of its figures are those of `results`."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

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
    settings = _ranked(table)
    return {
        "objective": table.objective,
        "tested": f"{table.objective.partition('/')[0]}/test",
        "is_maximised": table.is_maximised,
        "keys": [key for key in table.differing if key != SEED],
        "settings": [_setting(setting, name_of) for setting in settings],
        "importance": {},
    }


def _ranked(table: RunTable) -> list[Setting]:
    sign = -1 if table.is_maximised else 1

    def place(setting: Setting) -> tuple[bool, float]:
        mean = None if setting.objective is None else setting.objective.mean
        return (True, 0.0) if mean is None or math.isnan(mean) else (False, sign * mean)

    return sorted(table.settings(), key=place)


def _setting(setting: Setting, name_of: NameOf) -> dict[str, Any]:
    first = setting.rows[0]
    return {
        # Of the first run, so that it is the same when others are added: links contain it.
        "id": first.name if first.number is None else str(first.number),
        "values": {key: _plain(value) for key, value in setting.values.items()},
        **_figures(setting.objective),
        "test": _figures(setting.test),
        "runs": [_run(row, name_of) for row in setting.rows],
    }


def _figures(summary: Summary | None) -> dict[str, Any]:
    if summary is None:
        return {"n": 0, "mean": None, "deviation": None, "interval": None}
    return {name: _plain(value) for name, value in asdict(summary).items()}


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
        "command": "",
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: null in place of numbers that are not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
