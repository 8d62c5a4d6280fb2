"""The objective against each key: the runs as points, and their mean and spread."""

import math
from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convboard.experiment.console import counted
from convboard.results.key_effects import KeyEffect, ValueGroup, key_effect, measured
from convboard.results.plots.axes import MetricAxis, metric_axis, set_key_ticks
from convboard.results.plots.style import COLOURS, HALO, OTHERS, crowded, new_figure
from convboard.results.run_row import RunRow
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State

_WIDTH, _HEIGHT = 3.7, 3.0  # inches of a panel
_COLUMNS = 3
_ROOM = 44  # characters below a panel
_STEP, _WIDEST = 0.025, 0.12  # between runs with the same value, and of all of them; shares of the width of a panel
_MARGIN = 0.12  # beside the first and the last value, as a share of the axis
_FEW = 6  # means whose values are written beside them


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
    for axes, effect in zip(panels, effects):
        _draw_panel(axes, effect, metric)
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
        parts[0] += " (hollow: pruned, not in a mean)"
    if beyond := sum(metric.is_beyond(value) for _, value in runs):
        sign = "▼" if metric.is_maximised else "▲"
        parts.append(f"{sign} {counted(beyond, 'run')} beyond the axis")
    return "    ".join(parts)


def _draw_panel(axes: Axes, effect: KeyEffect, metric: MetricAxis) -> None:
    axes.grid(visible=True, axis="y")
    _draw_points(axes, effect, metric)
    places = [_middle(effect, group) for group in effect.groups]
    means = [group.summary.mean for group in effect.groups]
    if effect.is_grouped:
        lows, highs = ([_ends(group)[end] for group in effect.groups] for end in (0, 1))
        axes.fill_between(places, lows, highs, color=COLOURS[0], alpha=0.25, linewidth=0, zorder=2)
        axes.plot(places, means, color=COLOURS[0], linewidth=2)
    else:
        line = "-" if effect.scale.kind != "category" else "none"
        far = [metric.is_beyond(mean) for mean in means]
        spreads = [
            math.nan if is_far or group.summary.deviation is None else group.summary.deviation
            for group, is_far in zip(effect.groups, far)
        ]
        axes.errorbar(places, means, spreads, color=COLOURS[0], linestyle=line, marker="o", markersize=6, capsize=4)
        if any(far):
            at_edge = [(place, metric.clipped(mean)) for place, mean, is_far in zip(places, means, far) if is_far]
            axes.plot(*zip(*at_edge, strict=True), "v" if metric.is_maximised else "^", color=COLOURS[0], markersize=9)
        if len(places) <= _FEW:
            _write_means(axes, places, means, metric)
    set_key_ticks(axes.xaxis, effect.scale, _ROOM)
    margin = 0.5 / len(effect.scale.values) if effect.scale.kind == "category" else _MARGIN
    axes.set_xlim(-margin, 1 + margin)
    axes.set_title(effect.key)


def _ends(group: ValueGroup) -> tuple[float, float]:
    """Return the mean of a group minus and plus its standard deviation."""
    spread = group.summary.deviation or 0.0
    return group.summary.mean - spread, group.summary.mean + spread


def _near_ends(group: ValueGroup, metric: MetricAxis) -> tuple[float, ...]:
    """Return these two if the axis is to show them: not where a run that has diverged makes the spread large."""
    low, high = _ends(group)
    is_far = metric.is_beyond(group.summary.mean) or high - low > metric.high - metric.low
    return () if is_far else (low, high)


def _write_means(axes: Axes, places: Sequence[float], means: Sequence[float], metric: MetricAxis) -> None:
    for place, mean in zip(places, means):
        axes.annotate(
            metric.text(mean),
            (place, metric.clipped(mean)),
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
