"""How the objective depends on one key: the values of the runs, and their mean and spread where the key has a value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from convboard.results.axis_scale import AxisScale, axis_scale
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import Setting
from convboard.results.statistics import Summary, summarise
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State

_MOST_VALUES = 12  # of a number, each of which has a mean of its own
_GROUPS = 6  # of a number that has more values


@dataclass(frozen=True)
class Point:
    """A run that has an objective.

    Attributes:
        row: The run.
        at: Its value of the key.
        value: Its objective.
    """

    row: RunRow
    at: Any
    value: float


@dataclass(frozen=True)
class ValueGroup:
    """Runs with the same value of a key, or with neighbouring ones.

    Attributes:
        values: Their values of the key, in the order of the axis.
        summary: Their objectives. Pruned runs do not count unless all of them are pruned.
        is_pruned: Whether all of them are pruned.
    """

    values: tuple[Any, ...]
    summary: Summary
    is_pruned: bool = False


@dataclass(frozen=True)
class KeyEffect:
    """The objective against one key.

    Attributes:
        key: The key.
        scale: Its axis.
        points: The runs.
        groups: Mean and spread along the axis: for each value, or for groups of equal size of a number with many.
        is_grouped: Whether groups have several values.
    """

    key: str
    scale: AxisScale
    points: tuple[Point, ...]
    groups: tuple[ValueGroup, ...]
    is_grouped: bool


def compared_keys(table: RunTable) -> list[str]:
    """Return the keys but the seed in which runs that have an objective differ, the most important ones first."""
    values = {key: {row.config.get(key) for row, _ in measured(table)} for key in table.differing if key != SEED}
    shares = table.importance()
    return sorted((key for key in values if len(values[key]) > 1), key=lambda key: -shares.get(key, 0))


def key_effect(table: RunTable, key: str) -> KeyEffect:
    """Return how the objective depends on a key.

    Args:
        table: Runs, of which at least one has both an objective and the key.
        key: One of `compared_keys`.
    """
    points = [Point(row, row.config[key], value) for row, value in measured(table) if key in row.config]
    scale = axis_scale(point.at for point in points)
    points.sort(key=lambda point: scale.number(point.at))
    is_grouped = scale.kind != "category" and len(scale.values) > _MOST_VALUES
    parts = _equal_parts(points) if is_grouped else _by_value(points, scale)
    return KeyEffect(key, scale, tuple(points), tuple(map(_group, parts)), is_grouped)


def _group(points: Sequence[Point]) -> ValueGroup:
    values = tuple(dict.fromkeys(point.at for point in points))
    return ValueGroup(values, summarise_points(points), are_pruned(points))


def measured(table: Iterable[RunRow]) -> list[tuple[RunRow, float]]:
    """Return the runs that have an objective, with it."""
    return [(row, row.value) for row in table if row.value is not None]


def measured_settings(table: RunTable) -> list[tuple[Setting, Summary]]:
    """Return the settings that have an objective, with it, the best first."""
    return [(setting, setting.objective) for setting in table.ranking() if setting.objective is not None]


def _by_value(points: Sequence[Point], scale: AxisScale) -> list[list[Point]]:
    groups: dict[float, list[Point]] = {}
    for point in points:
        groups.setdefault(scale.number(point.at), []).append(point)
    return list(groups.values())


def _equal_parts(points: Sequence[Point]) -> list[list[Point]]:
    """Divide sorted points into groups of equal size; runs with the same value stay together."""
    groups: dict[int, list[Point]] = {}
    first = 0
    for index, point in enumerate(points):
        first = index if point.at != points[first].at else first
        groups.setdefault(first * _GROUPS // len(points), []).append(point)
    return list(groups.values())


def are_pruned(points: Iterable[Point]) -> bool:
    """Return whether none of some runs has finished."""
    return not any(point.row.state == State.FINISHED for point in points)


def summarise_points(points: Sequence[Point]) -> Summary:
    """Return mean and spread of the objectives of at least one run: of those that have finished, if any has."""
    counted = [point for point in points if point.row.state == State.FINISHED] or points
    summary = summarise([point.value for point in counted])
    assert summary is not None
    return summary
