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
_BROAD, _NARROW = 3.0, 1.7  # characters that a label takes along an axis if it is turned by 30 or by 90 degrees
_MARGIN = 0.07  # of the axis of a metric, above and below
_MOST = 2 / 3  # of the values are shown whatever the others are
_FAR = 8  # a value is far from the best if it is so many times as far as most are at most
_KEPT = 4  # so many times the distance of most is shown where values are far
_LARGE = 20  # the ratio of losses from which their axis is logarithmic


def key_ticks(scale: AxisScale) -> list[Any]:
    """Return the values at which the axis of a key has ticks: its values, or round ones if they are many or drawn."""
    if scale.kind == "category" or (len(scale.values) <= _MOST_TICKS and all(map(_is_round, scale.values))):
        return list(scale.values)
    low, high = scale.values[0], scale.values[-1]
    locators = [LogLocator(subs=(1, 3)), LogLocator(subs=(1, 2, 5))] if scale.kind == "log" else [MaxNLocator(5)]
    for locator in locators:
        ticks = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
        if len(ticks) > 1:
            return ticks
    return [low, high]


def _is_round(value: float) -> bool:
    """Return whether a number has at most three digits but for zeros, as one that somebody has chosen."""
    return float(f"{value:.3g}") == value


def set_key_ticks(axis: Axis, scale: AxisScale, room: float = math.inf) -> None:
    """Give an axis that goes from 0 to 1 the ticks of a key.

    Args:
        axis: The x or the y axis of axes.
        scale: The scale of the key.
        room: Characters that there is room for along the axis. The labels of texts that need more are turned, and if
            they are very many, some are left out; of numbers, those that would cover the one before.
    """
    ticks = [(scale.fraction(tick), shown_value(tick)) for tick in key_ticks(scale)]
    turned: dict[str, Any] = {}
    if scale.kind != "category":
        ticks = _round_and_apart(ticks, scale, room)
    elif sum(len(label) + 2 for _, label in ticks) > room:
        steep = len(ticks) > room / _BROAD
        ticks = ticks[:: math.ceil(len(ticks) * _NARROW / room)]
        turned = {"rotation": 90} if steep else {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    places, labels = zip(*ticks, strict=True)
    axis.set_ticks(places, labels, **turned)


def _round_and_apart(ticks: Sequence[tuple[float, str]], scale: AxisScale, room: float) -> list[tuple[float, str]]:
    """Return the ticks of numbers for which there is room: of a logarithmic axis rather the powers of ten."""
    kept = apart(ticks, room)
    if scale.kind == "log" and len(kept) < len(ticks):
        powers = [tick for tick in ticks if math.log10(float(tick[1])).is_integer()]
        kept = apart(powers, room) if len(powers) > 1 else kept
    return kept


def apart(ticks: Sequence[tuple[float, str]], room: float) -> list[tuple[float, str]]:
    """Return the ticks of numbers without those whose labels would cover the one before."""
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
        """Return this axis with wider limits, so that values are shown, as far as the metric can have them."""
        shown = [self.possible(value) for value in values if value > 0 or not self.is_log]
        return replace(self, low=min([self.low, *shown]), high=max([self.high, *shown]))

    def possible(self, value: float) -> float:
        """Return the value of the metric that is nearest to a value: none is below 0, and no accuracy above 100 %."""
        return min(max(value, 0.0), 1.0 if self.is_maximised else math.inf)

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
    best, worst, usual = best_first[0], best_first[-1], best_first[math.ceil(_MOST * len(best_first)) - 1]
    if worst > _LARGE * best > 0:
        return MetricAxis(metric, best, worst, True)
    if abs(worst - best) > _FAR * abs(usual - best) > 0:
        limit = best + _KEPT * (usual - best)
        worst = next(value for value in reversed(best_first) if abs(value - best) <= abs(limit - best))
    return MetricAxis(metric, min(best, worst), max(best, worst), False)
