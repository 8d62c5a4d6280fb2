"""The axes of figures: that of a key of the config, and that of the objective."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from convboard.config.objectives import format_metric, is_maximised
from convboard.results.axis_scale import AxisScale
from convboard.results.plots.labels import shown_value

_MOST_TICKS = 7  # values of a number that each get a tick
_MARGIN = 0.07  # of the axis of a metric, above and below
_FAR = 8  # a value is far from the best if it is so many times as far as the median
_KEPT = 4  # so many times the distance of the median is shown where values are far
_LARGE = 20  # the ratio of losses from which their axis is logarithmic


def key_ticks(scale: AxisScale) -> list[Any]:
    """Return the values at which the axis of a key has ticks."""
    if scale.kind == "category" or len(scale.values) <= _MOST_TICKS:
        return list(scale.values)
    low, high = scale.values[0], scale.values[-1]
    locator = LogLocator(subs=(1, 3)) if scale.kind == "log" else MaxNLocator(5)
    return [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]


def set_key_ticks(axis: Axis, scale: AxisScale, room: float = math.inf) -> None:
    """Give an axis that goes from 0 to 1 the ticks of a key.

    Args:
        axis: The x or the y axis of axes.
        scale: The scale of the key.
        room: Characters that there is room for along the axis. Of texts that need more, the labels are turned; of
            numbers, those that would cover the one before are left out.
    """
    ticks = [(scale.fraction(tick), shown_value(tick)) for tick in key_ticks(scale)]
    if scale.kind != "category":
        ticks = _apart(ticks, room)
    places, labels = zip(*ticks, strict=True)
    is_turned = scale.kind == "category" and sum(map(len, labels)) + 2 * len(labels) > room
    turned: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if is_turned else {}
    axis.set_ticks(places, labels, **turned)


def _apart(ticks: Sequence[tuple[float, str]], room: float) -> list[tuple[float, str]]:
    kept: list[tuple[float, str]] = []
    for place, label in ticks:
        if not kept or (place - kept[-1][0]) * room > (len(label) + len(kept[-1][1])) / 2 + 1:
            kept.append((place, label))
    return kept


@dataclass(frozen=True)
class MetricAxis:
    """The axis of a metric.

    Attributes:
        metric: Its tag, such as `accuracy/val`.
        low: The smallest value that is shown.
        high: The largest one.
        is_log: Whether it is logarithmic.
    """

    metric: str
    low: float
    high: float
    is_log: bool

    @property
    def is_maximised(self) -> bool:
        """Whether larger values are better."""
        return is_maximised(self.metric)

    def apply(self, axes: Axes) -> None:
        """Give the y axis of axes its scale, its ticks and its limits, with a margin."""
        if self.is_log:
            axes.set_yscale("log")
        axes.set_yticks(self.ticks(), [self.text(tick, short=True) for tick in self.ticks()])
        axes.yaxis.set_minor_locator(NullLocator())
        low, high = self.even(self.low), self.even(self.high)
        margin = _MARGIN * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_ylim(self._uneven(low - margin), self._uneven(high + margin))
        axes.grid(visible=True, axis="y")

    def ticks(self) -> list[float]:
        """Return round values between the limits."""
        locator = LogLocator(subs=(1, 2, 5)) if self.is_log else MaxNLocator(6)
        found = [float(tick) for tick in locator.tick_values(self.low, self.high) if self.low <= tick <= self.high]
        return found if len(found) > 1 else sorted({self.low, self.high})

    def including(self, values: Iterable[float]) -> "MetricAxis":
        """Return this axis with wider limits, so that values are shown, as far as the axis has them."""
        shown = [value for value in values if value > 0 or not self.is_log]
        return replace(self, low=min([self.low, *shown]), high=max([self.high, *shown]))

    def even(self, value: float) -> float:
        """Return a value as its coordinate on an axis of equal steps."""
        return math.log(value) if self.is_log else value

    def _uneven(self, value: float) -> float:
        return math.exp(value) if self.is_log else value

    def fraction(self, value: float) -> float:
        """Return where a value is between the limits, from 0 to 1."""
        low, high = self.even(self.low), self.even(self.high)
        return (self.even(self.clipped(value)) - low) / (high - low) if high > low else 0.5

    def goodness(self, value: float) -> float:
        """Return where a value is between the worst shown, 0, and the best, 1."""
        return self.fraction(value) if self.is_maximised else 1 - self.fraction(value)

    def clipped(self, value: float) -> float:
        """Return a value, or the limit that it is beyond."""
        return min(max(value, self.low), self.high)

    def is_beyond(self, value: float) -> bool:
        """Return whether a value is not shown."""
        return not self.low <= value <= self.high

    def text(self, value: float, short: bool = False) -> str:
        """Return a value for people: an accuracy in percent. A round value can be short."""
        if not short:
            return format_metric(self.metric, value)
        return f"{100 * value:.4g}%" if self.is_maximised else f"{value:.4g}"


def metric_axis(metric: str, values: Iterable[float]) -> MetricAxis:
    """Return the axis for values of a metric, at least one.

    Values that are far worse than most, as of runs that have diverged, are left out: the differences between the others
    could not be seen. Losses of very different size have a logarithmic axis.
    """
    best_first = sorted(values, reverse=is_maximised(metric))
    best, worst, median = best_first[0], best_first[-1], best_first[len(best_first) // 2]
    if worst > _LARGE * best > 0:
        return MetricAxis(metric, best, worst, True)
    if abs(worst - best) > _FAR * abs(median - best) > 0:
        limit = best + _KEPT * (median - best)
        worst = next(value for value in reversed(best_first) if abs(value - best) <= abs(limit - best))
    return MetricAxis(metric, min(best, worst), max(best, worst), False)
