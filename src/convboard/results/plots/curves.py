"""Curves: the mean over the seeds of each setting, with a band of one standard deviation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from convboard.results.curves import MeanCurve, mean_curve, read_curve
from convboard.results.plots.axes import MetricAxis, metric_axis
from convboard.results.plots.labels import setting_name
from convboard.results.plots.style import COLOURS, OTHERS, new_figure
from convboard.results.setting import Setting
from convboard.results.table import RunTable
from convboard.sweeps.terminal.trial_lines import format_duration

_LABELS = {"epoch": "epoch", "step": "step", "time": "time after the first epoch"}
_BELOW: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0, -0.16)}
_BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
_THIN = 0.8  # points
_LONG = 36  # characters of a name; longer ones are below the axes


@dataclass(frozen=True)
class _Line:
    name: str
    curve: MeanCurve


def draw_curves(table: RunTable, tag: str, at: str = "epoch") -> Figure | None:
    """Draw a curve for each setting that has one: the best ones in colour, the others in grey.

    Args:
        table: Runs.
        tag: The metric, such as `loss/val`.
        at: What it is drawn against.

    Returns:
        None if no run has a curve.

    Raises:
        ConfigError: The curves have no such metric.
    """
    found = [(setting_name(setting.values), _mean(setting, tag, at)) for setting in table.ranking()]
    lines = [_Line(name, curve) for name, curve in found if curve is not None]
    if not lines:
        return None
    values = [value for line in lines for value in line.curve.means if math.isfinite(value)]
    metric = metric_axis(tag, values or [0.0])
    metric = metric.including(end for line in lines[: len(COLOURS)] for end in _near_ends(line.curve, metric))
    is_below = max(len(line.name) for line in lines[: len(COLOURS)]) > _LONG
    legend = 0.2 * min(len(lines), len(COLOURS) + 1) if is_below else 0
    figure = new_figure(8.6, 4.4 + legend, f"{tag} by {at}", _note(lines))
    axes = figure.subplots()
    coloured, others = lines[: len(COLOURS)], lines[len(COLOURS) :]
    if others:
        _draw_others(axes, others)
    for line, colour in reversed(list(zip(coloured, COLOURS))):
        _draw_line(axes, line, colour, metric)
    metric.apply(axes)
    axes.set_ylabel(tag)
    axes.set_xlabel(_LABELS[at])
    _set_places(axes, at)
    _draw_legend(axes, len(others), is_below)
    return figure


def _note(lines: Sequence[_Line]) -> str:
    """Return how to read the figure."""
    numbers, order = {line.curve.n for line in lines}, ", the best settings first" if len(lines) > 1 else ""
    if numbers == {1}:
        return f"a curve for each run{order}" if order else ""
    seeds = f"{min(numbers)} to {max(numbers)}" if len(numbers) > 1 else f"{max(numbers)}"
    return f"mean over {seeds} seeds with a band of one standard deviation{order}"


def _mean(setting: Setting, tag: str, at: str) -> MeanCurve | None:
    """Return the mean of the runs of a setting: of those that have finished, if any has."""
    curves = [curve for row in setting.finished or setting.rows if (curve := read_curve(row.path, tag, at)) is not None]
    return mean_curve(curves) if curves else None


def _near_ends(curve: MeanCurve, metric: MetricAxis) -> list[float]:
    """Return the ends of the band of a curve that the axis is to show: not where a run that has diverged widens it."""
    bands = zip(curve.means, curve.deviations or (), strict=False)
    near = [(m, d) for m, d in bands if not metric.is_beyond(m) and 2 * d <= metric.high - metric.low]
    return [mean + sign * deviation for mean, deviation in near for sign in (-1, 1)]


def _draw_others(axes: Axes, lines: Sequence[_Line]) -> None:
    """Draw curves that are not named."""
    points = [list(zip(line.curve.at, line.curve.means, strict=True)) for line in lines]
    axes.add_collection(LineCollection(points, colors=OTHERS, linewidths=_THIN))


def _draw_line(axes: Axes, line: _Line, colour: str, metric: MetricAxis) -> None:
    """Draw a curve with its name and its band."""
    curve = line.curve
    marker = "o" if len(curve.at) == 1 else ""
    is_shown = not all(map(metric.is_beyond, curve.means))
    label = line.name if is_shown else f"{line.name}  (beyond the axis)"
    axes.plot(curve.at, curve.means, color=colour, linewidth=1.8, marker=marker, label=label)
    if is_shown and curve.deviations is not None:
        low, high = ([metric.possible(m + sign * d) for m, d in zip(curve.means, curve.deviations)] for sign in (-1, 1))
        axes.fill_between(curve.at, low, high, color=colour, alpha=0.15, linewidth=0)


def _set_places(axes: Axes, at: str) -> None:
    """Give the horizontal axis its ticks."""
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=at != "time"))
    if at == "time":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_duration(value) if value >= 0 else ""))


def _draw_legend(axes: Axes, more: int, is_below: bool) -> None:
    """Name the coloured curves, the best setting first, and count the grey ones."""
    handles, labels = axes.get_legend_handles_labels()
    handles, labels = handles[::-1], labels[::-1]
    if more:
        handles.append(axes.plot([], [], color=OTHERS, linewidth=_THIN)[0])
        labels.append(f"{more} more")
    axes.legend(handles, labels, fontsize=8.5, **(_BELOW if is_below else _BESIDE))
