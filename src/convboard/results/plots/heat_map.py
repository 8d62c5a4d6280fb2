"""The objective against two keys together: a table of colours, or coloured points where a key has many values."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convboard.results.axis_scale import is_number
from convboard.results.key_effects import KeyEffect, Point, are_pruned, key_effect, summarise_points
from convboard.results.plots.axes import MetricAxis, metric_axis, set_key_ticks
from convboard.results.plots.labels import shown_value
from convboard.results.plots.style import BETTER, COLOURS, INK, crowded, new_figure
from convboard.results.table import RunTable

_DARK = 0.5  # from which colour on a text is white
_WIDE, _HIGH = 0.96, 0.94  # of a cell
Cells = Mapping[tuple[int, int], Sequence[Point]]  # by column and row


def draw_heat_map(table: RunTable, first: str, second: str) -> Figure:
    """Draw the mean objective for each pair of values, or each run if both keys are numbers with many values.

    Args:
        table: Runs with both keys, of which some have an objective.
        first: One of `compared_keys`.
        second: Another one. The key with more values is the horizontal one.
    """
    effects = [key_effect(table, key) for key in (first, second)]
    across, up = sorted(effects, key=lambda effect: -len(effect.scale.values))
    title = f"{table.objective} by {across.key} and {up.key}"
    if up.is_grouped:
        figure = new_figure(6.6, 4.6, title, "a point for each run: the better, the darker")
        axes = figure.subplots()
        _draw_colour_bar(figure, axes, _draw_points(axes, table, across, up))
    else:
        size = 2.4 + 0.95 * len(across.groups), 1.6 + 0.5 * len(up.groups)
        figure = new_figure(
            max(4.6, size[0]), max(2.6, size[1]), title, "mean of each pair of values; orange: the best"
        )
        axes = figure.subplots()
        _draw_cells(axes, table, across, up)
    axes.set_xlabel(across.key)
    axes.set_ylabel(up.key)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _draw_cells(axes: Axes, table: RunTable, across: KeyEffect, up: KeyEffect) -> None:
    """Draw a cell with its mean for each pair of values, with a frame round the best."""
    cells = _cells(across, up)
    summaries = {place: summarise_points(points) for place, points in cells.items()}
    means = {place: summary.mean for place, summary in summaries.items()}
    metric = metric_axis(table.objective, means.values())
    has_numbers = len({summary.n for summary in summaries.values()}) > 1
    finished = {place: mean for place, mean in means.items() if not are_pruned(cells[place])}
    for place, mean in means.items():
        goodness, note = metric.goodness(mean), f"\nn = {summaries[place].n}" if has_numbers else ""
        note = note if place in finished or not finished else "\npruned"
        axes.add_patch(_rectangle(place, facecolor=BETTER(goodness)))
        colour = "white" if goodness > _DARK else INK
        axes.text(*place, metric.text(mean) + note, ha="center", va="center", color=colour, fontsize=9)
    best = (max if table.is_maximised else min)(finished or means, key=means.__getitem__)
    axes.add_patch(_rectangle(best, fill=False, edgecolor=COLOURS[1], linewidth=2.5))
    for axis, effect in ((axes.xaxis, across), (axes.yaxis, up)):
        axis.set_ticks(range(len(effect.groups)), [_label(group.values) for group in effect.groups])
    axes.set_xlim(-0.5, len(across.groups) - 0.5)
    axes.set_ylim(-0.5, len(up.groups) - 0.5)
    if not is_number(up.scale.values[0]):
        axes.invert_yaxis()  # texts are read from top to bottom


def _rectangle(place: tuple[int, int], **style: Any) -> Rectangle:
    column, row = place
    return Rectangle((column - _WIDE / 2, row - _HIGH / 2), _WIDE, _HIGH, **style)


def _label(values: Sequence[Any]) -> str:
    if len(values) == 1:
        return shown_value(values[0])
    return f"{shown_value(values[0], 3)} to\n{shown_value(values[-1], 3)}"


def _cells(across: KeyEffect, up: KeyEffect) -> Cells:
    """Return the runs of each pair of groups, by column and row."""
    columns, rows = (
        {effect.scale.number(value): index for index, group in enumerate(effect.groups) for value in group.values}
        for effect in (across, up)
    )
    cells: dict[tuple[int, int], list[Point]] = {}
    for point in across.points:
        at = point.row.config[up.key]
        cells.setdefault((columns[across.scale.number(point.at)], rows[up.scale.number(at)]), []).append(point)
    return cells


def _draw_points(axes: Axes, table: RunTable, across: KeyEffect, up: KeyEffect) -> MetricAxis:
    """Draw a point for each run, the best ones last, so that they are on top."""
    metric = metric_axis(table.objective, (point.value for point in across.points))
    points = sorted(across.points, key=lambda point: metric.goodness(point.value))
    axes.scatter(
        [across.scale.fraction(point.at) for point in points],
        [up.scale.fraction(point.row.config[up.key]) for point in points],
        s=crowded(7.5, len(points)) ** 2,
        c=[BETTER(metric.goodness(point.value)) for point in points],
        edgecolors="white",
        linewidths=0.6,
    )
    for axis, effect in ((axes.xaxis, across), (axes.yaxis, up)):
        set_key_ticks(axis, effect.scale)
    axes.grid(visible=True)
    return metric


def _draw_colour_bar(figure: Figure, axes: Axes, metric: MetricAxis) -> None:
    """Draw what the colours stand for."""
    colours = BETTER if metric.is_maximised else BETTER.reversed()
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), colours), ax=axes, pad=0.02, fraction=0.05)
    bar.outline.set_visible(False)
    ticks = metric.ticks()
    bar.set_ticks(list(map(metric.fraction, ticks)), labels=[metric.text(tick, short=True) for tick in ticks])
    bar.ax.tick_params(length=0)
