"""How the values of a key are laid out along an axis: as numbers, by their logarithms, or one after another."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

_LARGE = 8  # the ratio of the largest to the smallest number from which an axis may be logarithmic
_ROUNDING = 1e-9
_MOST_NUMBERS = 10  # that are shown one after another because they have a zero


@dataclass(frozen=True)
class AxisScale:
    """The axis of a key.

    Attributes:
        kind: `linear` or `log` for numbers; `category` for values that are shown one after another at equal distances.
        values: The different values along the axis.
    """

    kind: Literal["linear", "log", "category"]
    values: tuple[Any, ...]

    def number(self, value: Any) -> float:
        """Return the coordinate of one of the values: the value itself, or its index among categories."""
        return float(self._index[_identity(value)] if self.kind == "category" else value)

    def fraction(self, value: Any) -> float:
        """Return where one of the values is on the axis: 0 at its begin, 1 at its end, a half if it has one value."""
        low, high, place = (self._even(each) for each in (self.values[0], self.values[-1], value))
        return (place - low) / (high - low) if high > low else 0.5

    def _even(self, value: Any) -> float:
        return math.log(value) if self.kind == "log" else self.number(value)

    @cached_property
    def _index(self) -> dict[tuple[bool, Any], int]:
        return {_identity(value): index for index, value in enumerate(self.values)}


def axis_scale(values: Iterable[Any]) -> AxisScale:
    """Return the axis for the values of a key.

    It is logarithmic if all values are numbers above 0, the largest is at least 8 times the smallest, and the median is
    nearer to the middle of the axis so: 16, 32, 64, 128 are, and 10, 20, ..., 100 are not. Numbers that would be
    logarithmic if there were no 0 among them, such as 0, 0.0001, 0.01, are shown one after another if they are few, as
    are texts, which keep their order.

    Args:
        values: At least one value, as a config has it.
    """
    distinct = list({_identity(value): value for value in values}.values())
    numbers = sorted(value for value in distinct if is_number(value))
    if len(numbers) < len(distinct):
        return AxisScale("category", (*numbers, *(value for value in distinct if not is_number(value))))
    if not _are_logarithmic([number for number in numbers if number > 0]) or numbers[0] < 0:
        return AxisScale("linear", tuple(numbers))
    if numbers[0] > 0:
        return AxisScale("log", tuple(numbers))
    return AxisScale("category" if len(numbers) <= _MOST_NUMBERS else "linear", tuple(numbers))


def is_number(value: Any) -> bool:
    """Return whether a value of a config is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _identity(value: Any) -> tuple[bool, Any]:
    """Return what tells values apart: `True` equals 1 in Python."""
    return isinstance(value, bool), value


def _are_logarithmic(numbers: Sequence[float]) -> bool:
    if len(numbers) < 2 or numbers[-1] < _LARGE * numbers[0]:
        return False
    return _unevenness([math.log(number) for number in numbers]) <= _unevenness(numbers) + _ROUNDING


def _unevenness(numbers: Sequence[float]) -> float:
    """Return how far the median of sorted numbers is from the middle of their range, as a share of the range."""
    median = (numbers[(len(numbers) - 1) // 2] + numbers[len(numbers) // 2]) / 2
    return abs((median - numbers[0]) / (numbers[-1] - numbers[0]) - 0.5)
