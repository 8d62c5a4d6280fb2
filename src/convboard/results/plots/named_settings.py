"""Settings with what figures need of them: their objective over the seeds that count, and a short name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convboard.results.key_effects import FINISHED, Point, measured, summarise_points
from convboard.results.plots.axes import shown_value
from convboard.results.run_row import GROUPS, RunRow
from convboard.results.statistics import Summary
from convboard.results.table import RunTable
from convboard.sweeps.terminal.live_view import short_keys

OPTIONS = (*GROUPS, "dataset")  # keys whose values are names of options


@dataclass(frozen=True)
class NamedSetting:
    """Runs that differ in the seed alone.

    Attributes:
        values: The values in which it differs from the others, by key.
        rows: Its runs.
        summary: The objectives of those that have finished, or else of those that were pruned; None if there are none.
        name: Its values as a short text.
    """

    values: Mapping[str, Any]
    rows: tuple[RunRow, ...]
    summary: Summary | None
    name: str


def named_settings(table: RunTable) -> list[NamedSetting]:
    """Return the settings of runs: first those that have finished, the best first, then pruned ones, then the others."""
    settings = [_named(setting.values, setting.rows) for setting in table.settings()]
    sign = -1 if table.is_maximised else 1

    def place(setting: NamedSetting) -> tuple[bool, bool, float]:
        has_finished = any(row.state == FINISHED for row in setting.rows)
        return setting.summary is None, not has_finished, sign * setting.summary.mean if setting.summary else 0.0

    return sorted(settings, key=place)


def _named(values: Mapping[str, Any], rows: tuple[RunRow, ...]) -> NamedSetting:
    points = [Point(row, None, value) for row, value in measured(rows)]
    return NamedSetting(values, rows, summarise_points(points) if points else None, _name(values))


def _name(values: Mapping[str, Any]) -> str:
    """Return `lenet, lr=0.1`; the name of an option needs no key."""
    short = short_keys(list(values))
    texts = {key: shown_value(value) for key, value in values.items()}
    return ", ".join(text if key in OPTIONS else f"{short[key]}={text}" for key, text in texts.items())
