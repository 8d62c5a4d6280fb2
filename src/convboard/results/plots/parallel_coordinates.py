"""Parallel coordinates: an axis for each key and one for the objective, and a line for each setting."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path

from convboard.experiment.console import counted
from convboard.results.axis_scale import AxisScale, axis_scale, is_number
from convboard.results.key_effects import measured_settings
from convboard.results.plots.axes import key_ticks, metric_axis
from convboard.results.plots.labels import shown_value, wrapped_key
from convboard.results.plots.style import BETTER, COLOURS, FAINT, HALO, crowded, new_figure
from convboard.results.table import RunTable

_WIDTH, _HEIGHT = 1.7, 4.2  # inches between two axes, and of the figure
_LINE = 0.04  # of an axis, for a line of text
_ROOM = 18  # characters of a key
_SPREAD = 0.06  # of an axis, over which the lines through the same value are spread


def draw_parallel_coordinates(table: RunTable, keys: Sequence[str]) -> Figure:
    """Draw a line for each setting that has an objective, the better the darker; the best one is orange.

    Args:
        table: Runs, of which some have an objective.
        keys: Some of `compared_keys`.
    """
    settings = [(setting.rows[0].config, objective.mean) for setting, objective in measured_settings(table)]
    metric = metric_axis(table.objective, [mean for _, mean in settings])
    note = "a line for each setting: the better its rank, the darker; orange: the first"
    if beyond := sum(metric.is_beyond(mean) for _, mean in settings):
        note += f"    {counted(beyond, 'setting')} beyond the end of the last axis"
    figure = new_figure(max(5.0, 1.6 + _WIDTH * len(keys)), _HEIGHT, f"Settings by {table.objective}", note)
    axes = figure.subplots()
    crossings = []
    for index, key in enumerate(keys):
        scale = axis_scale(config.get(key) for config, _ in settings)
        ticks = [(_height(scale, tick), shown_value(tick)) for tick in key_ticks(scale)]
        _draw_axis(axes, index, _apart(ticks))
        crossings.append(_spread([_height(scale, config.get(key)) for config, _ in settings]))
    ticks = [(metric.fraction(tick), metric.text(tick, short=True)) for tick in metric.ticks()]
    _draw_axis(axes, len(keys), ticks, is_last=True)
    crossings.append([metric.fraction(mean) for _, mean in settings])
    curves = [_curve(heights) for heights in zip(*crossings, strict=True)]
    colours = [COLOURS[1], *(BETTER(1 - place / len(curves)) for place in range(1, len(curves)))]
    widths = [2.5, *[crowded(1.2, len(curves))] * (len(curves) - 1)]
    # The best is drawn last, on top of the others.
    lines = PathCollection(curves[::-1], edgecolors=colours[::-1], linewidths=widths[::-1], facecolors="none")
    axes.add_collection(lines, autolim=False)
    axes.set_xticks(range(len(keys) + 1), [*(wrapped_key(key, _ROOM) for key in keys), table.objective])
    axes.set_xlim(-0.4, len(keys) + 0.4)
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
    return figure


def _height(scale: AxisScale, value: Any) -> float:
    """Return where a value is on a vertical axis, on which texts are read from top to bottom."""
    return scale.fraction(value) if is_number(scale.values[0]) else 1 - scale.fraction(value)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the ticks without those whose labels would cover the one before."""
    kept: list[tuple[float, str]] = []
    for tick in sorted(ticks):
        if not kept or tick[0] - kept[-1][0] > _LINE:
            kept.append(tick)
    return kept


def _spread(places: Sequence[float]) -> list[float]:
    """Return where lines cross an axis: those through the same place are set apart, the first one on top."""
    numbers, seen = Counter(places), Counter[float]()
    spread = []
    for place in places:
        spread.append(place + _SPREAD * (0.5 - (seen[place] + 0.5) / numbers[place]))
        seen[place] += 1
    return spread


def _curve(heights: Sequence[float]) -> Path:
    """Return a curve through points at 0, 1, 2, ..., which crosses the axes at right angles."""
    points, codes = [(0.0, heights[0])], [Path.MOVETO]
    for index, (left, right) in enumerate(pairwise(heights)):
        points += [(index + 0.4, left), (index + 0.6, right), (index + 1.0, right)]
        codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _draw_axis(axes: Axes, at: int, ticks: Sequence[tuple[float, str]], is_last: bool = False) -> None:
    """Draw an axis with its labels, which are left of it unless it is the last one."""
    side, aligned = (1, "left") if is_last else (-1, "right")
    axes.plot([at, at], [0, 1], color=FAINT, linewidth=1, zorder=3)
    for place, label in ticks:
        axes.plot([at + side * 0.02, at], [place, place], color=FAINT, linewidth=1, zorder=3)
        axes.text(at + side * 0.04, place, label, ha=aligned, va="center", fontsize=8.5, zorder=4, path_effects=[HALO])
