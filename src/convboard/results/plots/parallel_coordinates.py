"""Parallel coordinates: an axis for each key and one for the objective, and a line for each setting."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from convboard.results.axis_scale import AxisScale, axis_scale
from convboard.results.plots.axes import key_ticks, metric_axis, shown_value
from convboard.results.plots.named_settings import NamedSetting, named_settings
from convboard.results.plots.style import BETTER, COLOURS, FAINT, HALO, new_figure
from convboard.results.table import RunTable

_WIDTH, _HEIGHT = 1.7, 4.2  # inches between two axes, and of the figure
_SPREAD = 0.06  # of an axis, over which the lines through the same value are spread


def draw_parallel_coordinates(table: RunTable, keys: Sequence[str]) -> Figure:
    """Draw a line for each setting that has an objective, the better the darker; the best one is orange.

    Args:
        table: Runs, of which some have an objective.
        keys: Some of `compared_keys`.
    """
    settings = [setting for setting in named_settings(table) if setting.summary is not None]
    metric = metric_axis(table.objective, (setting.summary.mean for setting in settings), table.is_maximised)
    scales = [axis_scale(setting.values.get(key) for setting in settings) for key in keys]
    note = "a line for each setting: the better its rank, the darker; orange: the best"
    figure = new_figure(max(5.0, 1.6 + _WIDTH * len(keys)), _HEIGHT, f"Settings by {table.objective}", note)
    axes = figure.subplots()
    lines = [
        [*places, metric.fraction(setting.summary.mean)]
        for setting, *places in zip(settings, *(_spread(scale, settings, key) for scale, key in zip(scales, keys)))
    ]
    for rank in reversed(range(len(settings))):
        colour, width = (COLOURS[1], 2.5) if rank == 0 else (BETTER(1 - rank / len(settings)), 1.1)
        axes.add_patch(PathPatch(_curve(lines[rank]), fill=False, edgecolor=colour, linewidth=width, alpha=0.9))
    for index, scale in enumerate(scales):
        _draw_axis(axes, index, [(_height(scale, tick), shown_value(tick)) for tick in key_ticks(scale)])
    _draw_axis(axes, len(keys), [(metric.fraction(tick), metric.text(tick, short=True)) for tick in metric.ticks()])
    axes.set_xticks(range(len(keys) + 1), [*keys, table.objective])
    axes.set_xlim(-0.4, len(keys) + 0.15)
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.spines[:].set_visible(False)
    return figure


def _height(scale: AxisScale, value: Any) -> float:
    """Return where a value is on a vertical axis, on which categories go from top to bottom."""
    return 1 - scale.fraction(value) if scale.kind == "category" else scale.fraction(value)


def _spread(scale: AxisScale, settings: Sequence[NamedSetting], key: str) -> list[float]:
    """Return where the lines cross the axis of a key. Those through the same value are set apart, the best on top."""
    places = [_height(scale, setting.values.get(key)) for setting in settings]
    numbers, seen = Counter(places), Counter[float]()
    spread = []
    for place in places:
        spread.append(place + _SPREAD * (0.5 - (seen[place] + 0.5) / numbers[place]))
        seen[place] += 1
    return spread


def _curve(heights: Sequence[float]) -> Path:
    """Return a curve through points at 0, 1, 2, ..., which crosses the axes at right angles."""
    points, codes = [(0.0, heights[0])], [Path.MOVETO]
    for index, (left, right) in enumerate(zip(heights[:-1], heights[1:])):
        points += [(index + 0.4, left), (index + 0.6, right), (index + 1.0, right)]
        codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _draw_axis(axes: Axes, at: int, ticks: Sequence[tuple[float, str]]) -> None:
    axes.plot([at, at], [0, 1], color=FAINT, linewidth=1, zorder=3)
    for place, label in ticks:
        axes.plot([at - 0.02, at], [place, place], color=FAINT, linewidth=1, zorder=3)
        axes.text(at - 0.04, place, label, ha="right", va="center", fontsize=8.5, zorder=4, path_effects=[HALO])
