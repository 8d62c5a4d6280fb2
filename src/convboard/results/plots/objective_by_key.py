"""The objective against each key: the runs as points, and their mean and spread."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convboard.experiment.console import counted
from convboard.results.key_effects import KeyEffect, ValueGroup, key_effect, measured, measured_settings
from convboard.results.plots.axes import MetricAxis, metric_axis, set_key_ticks
from convboard.results.plots.labels import wrapped_key
from convboard.results.plots.style import COLOURS, HALO, OTHERS, crowded, new_figure
from convboard.results.run_row import RunRow
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State

_WIDTH, _HEIGHT = 3.7, 3.0  # inches of a panel
_COLUMNS = 3
_ROOM = 44  # characters below a panel
_BOLD = 0.75  # characters of a title that take as much room as one below a panel
_STEP, _WIDEST = 0.025, 0.12  # between runs with the same value, and of all of them; shares of the width of a panel
_MARGIN = 0.12  # beside the first and the last value, as a share of the axis
_FEW = 6  # means whose values are written beside them
_WIDEST_SPREAD = 2  # of a mean that the axis is to show, in lengths of the axis


def draw_objective_by_key(table: RunTable, keys: Sequence[str]) -> Figure:
    """Draw a panel for each key.

    Args:
        table: Runs, of which some have an objective.
        keys: Some of `compared_keys`.
    """
    runs = measured(table)
    metric = metric_axis(table.objective, [value for _, value in runs])
    columns = min(_COLUMNS, len(keys))
    rows = -(-len(keys) // columns)
    size = max(columns, 2) * _WIDTH, rows * _HEIGHT + 0.7
    figure = new_figure(*size, f"{table.objective} against each key", _note(runs, metric))
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    effects = [key_effect(table, key) for key in keys]
    metric = metric.including(
        [end for effect in effects for group in effect.groups for end in _near_ends(group, metric)]
    )
    settings, room = len(measured_settings(table)), _ROOM * max(columns, 2) // columns
    for axes, effect in zip(panels, effects):
        # Where most values have one setting, what differs between them is not this key alone.
        is_line = len(keys) == 1 or settings >= 2 * len(effect.groups)
        _draw_panel(axes, effect, metric, room, is_line)
    metric.apply(panels[0])
    for axes in panels[::columns]:
        axes.set_ylabel(table.objective)
    for axes in panels[len(keys) :]:
        axes.remove()
    return figure


def _note(runs: Sequence[tuple[RunRow, float]], metric: MetricAxis) -> str:
    """Return how to read the figure."""
    parts = ["grey: runs", "blue: mean and standard deviation"]
    if any(row.state != State.FINISHED for row, _ in runs):
        parts[0] += " (hollow: pruned, in no mean of runs that finished)"
    if beyond := sum(metric.is_beyond(value) for _, value in runs):
        sign = "▼" if metric.is_maximised else "▲"
        parts.append(f"{sign} {counted(beyond, 'run')} beyond the axis")
    return "    ".join(parts)


def _draw_panel(axes: Axes, effect: KeyEffect, metric: MetricAxis, room: int, is_line: bool) -> None:
    """Draw the runs, and their means.

    Args:
        axes: The panel.
        effect: What is drawn.
        metric: The vertical axis.
        room: Characters that there is room for below the panel.
        is_line: Whether means are joined if the key is a number.
    """
    axes.grid(visible=True, axis="y")
    _draw_points(axes, effect, metric)
    if effect.is_grouped:
        places, means = [_middle(effect, group) for group in effect.groups], [g.summary.mean for g in effect.groups]
        lows, highs = ([_ends(group)[end] for group in effect.groups] for end in (0, 1))
        axes.fill_between(places, lows, highs, color=COLOURS[0], alpha=0.25, linewidth=0, zorder=2)
        axes.plot(places, means, color=COLOURS[0], linewidth=2)
    else:
        _draw_means(axes, effect, metric, is_line and effect.scale.kind != "category")
    set_key_ticks(axes.xaxis, effect.scale, room)
    margin = 0.5 / len(effect.scale.values) if effect.scale.kind == "category" else _MARGIN
    axes.set_xlim(-margin, 1 + margin)
    axes.set_title(wrapped_key(effect.key, int(_BOLD * room)))


def _draw_means(axes: Axes, effect: KeyEffect, metric: MetricAxis, is_line: bool) -> None:
    """Draw a mean with its spread for each value; hollow where all runs are pruned, a triangle beyond the axis."""
    style: dict[str, Any] = {"color": COLOURS[0], "linestyle": "none", "marker": "o", "markersize": 6, "capsize": 4}
    shown = [group for group in effect.groups if not metric.is_beyond(group.summary.mean)]
    for is_pruned in (True, False):
        groups = [group for group in shown if group.is_pruned == is_pruned]
        places, means = [_middle(effect, group) for group in groups], [group.summary.mean for group in groups]
        spreads = [math.nan if (deviation := group.summary.deviation) is None else deviation for group in groups]
        style |= {"markerfacecolor": "white"} if is_pruned else {"markerfacecolor": COLOURS[0]}
        axes.errorbar(places, means, spreads, **style)
        if is_line and not is_pruned:
            _join(axes, effect, metric)
    beyond = [(_middle(effect, each), metric.clipped(each.summary.mean)) for each in effect.groups if each not in shown]
    if beyond:
        axes.plot(*zip(*beyond, strict=True), "v" if metric.is_maximised else "^", color=COLOURS[0], markersize=9)
    if len(effect.groups) <= _FEW:
        _write_means(axes, effect, metric)


def _join(axes: Axes, effect: KeyEffect, metric: MetricAxis) -> None:
    """Draw lines between the means of runs that have finished, as far as both ends are within the axis."""
    finished = [group for group in effect.groups if not group.is_pruned]
    means = [math.nan if metric.is_beyond(mean := group.summary.mean) else mean for group in finished]
    axes.plot([_middle(effect, group) for group in finished], means, color=COLOURS[0])


def _ends(group: ValueGroup) -> tuple[float, float]:
    """Return the mean of a group minus and plus its standard deviation."""
    spread = group.summary.deviation or 0.0
    return group.summary.mean - spread, group.summary.mean + spread


def _near_ends(group: ValueGroup, metric: MetricAxis) -> tuple[float, ...]:
    """Return these two if the axis is to show them: not where a run that has diverged makes the spread large."""
    low, high = _ends(group)
    is_far = high - low > _WIDEST_SPREAD * (metric.high - metric.low)
    return () if is_far or metric.is_beyond(group.summary.mean) else (low, high)


def _write_means(axes: Axes, effect: KeyEffect, metric: MetricAxis) -> None:
    for group in effect.groups:
        axes.annotate(
            metric.text(group.summary.mean),
            (_middle(effect, group), metric.clipped(group.summary.mean)),
            (6, 5),
            textcoords="offset points",
            fontsize=8,
            color=COLOURS[0],
            path_effects=[HALO],
        )


def _draw_points(axes: Axes, effect: KeyEffect, metric: MetricAxis) -> None:
    """Draw a point for each run: hollow if it was pruned, and a triangle at the edge if it is beyond the limits."""
    worse, edge = ("v", 0.02) if metric.is_maximised else ("^", 0.98)
    at_edge, size = axes.get_xaxis_transform(), crowded(5, len(effect.points))
    groups: dict[tuple[bool, bool], list[tuple[float, float]]] = {}
    for point, place in zip(effect.points, _side_by_side(effect)):
        is_beyond, is_finished = metric.is_beyond(point.value), point.row.state == State.FINISHED
        groups.setdefault((is_beyond, is_finished), []).append((place, edge if is_beyond else point.value))
    for (is_beyond, is_finished), points in groups.items():
        (drawn,) = axes.plot(*zip(*points, strict=True), worse if is_beyond else "o", color=OTHERS, markersize=size)
        drawn.set(markerfacecolor=OTHERS if is_finished else "none", clip_on=False)
        if is_beyond:
            drawn.set_transform(at_edge)


def _side_by_side(effect: KeyEffect) -> list[float]:
    """Return where each run is drawn: those with the same value beside each other."""
    places = [effect.scale.fraction(point.at) for point in effect.points]
    numbers, seen = Counter(places), Counter[float]()
    shifted = []
    for place in places:
        step = min(_STEP, _WIDEST / numbers[place])
        shifted.append(place + (seen[place] - (numbers[place] - 1) / 2) * step)
        seen[place] += 1
    return shifted


def _middle(effect: KeyEffect, group: ValueGroup) -> float:
    """Return where the mean of a group is drawn: in the middle of its runs."""
    places = [effect.scale.fraction(value) for value in group.values]
    return sum(places) / len(places)
