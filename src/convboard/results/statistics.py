"""Statistics over the seeds of a setting: mean, spread and interval, and the difference of two means.

Everything is computed in plain Python: importing NumPy and SciPy would take longer than reading a thousand runs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev

_CONFIDENCE = 0.95
_TERMS = 10_000  # of a continued fraction that needs about the square root of the degrees of freedom
_ROUNDING = 1e-12  # relative: 0.91 - 0.90 and 0.81 - 0.80 are equal differences
_MOST_PAIRS = 1000
_ALL_EQUAL = 6  # pairs from which on the sign test tells, if all have the same sign


@dataclass(frozen=True)
class Summary:
    """A sample of a metric, one value for each seed.

    Attributes:
        n: Number of values.
        mean: Their mean.
        deviation: Their standard deviation, with n - 1 in the denominator; None for a single value.
    """

    n: int
    mean: float
    deviation: float | None

    @property
    def error(self) -> float | None:
        """The standard error of the mean, deviation / sqrt(n); None for a single value."""
        return None if self.deviation is None else self.deviation / math.sqrt(self.n)

    @property
    def interval(self) -> float | None:
        """Half the width of the 95 % interval of the mean; None for a single value.

        The interval is that of Student's t distribution with n - 1 degrees of freedom. It supposes that the values are
        independent and roughly normal. (Student, The Probable Error of a Mean, 1908)
        """
        return None if self.error is None else t_quantile(self.n - 1) * self.error


def summarise(values: Sequence[float]) -> Summary | None:
    """Return mean and spread of values; None if there are none."""
    if not values:
        return None
    return Summary(len(values), fmean(values), stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Difference:
    """A difference of two means, and how sure it is.

    Attributes:
        mean: The second mean minus the first one.
        error: Its standard error.
        degrees: The degrees of freedom of the t distribution of mean / error.
    """

    mean: float
    error: float
    degrees: float

    @property
    def interval(self) -> float:
        """Half the width of the 95 % interval of the difference."""
        return t_quantile(self.degrees) * self.error

    @property
    def p(self) -> float:
        """The two-sided p-value of Student's t test: how often chance alone gives a difference as large as this.

        Accuracies on few images are often equal. If they leave no spread at all, the t test would be sure of anything;
        then it is the p-value of the sign test of as many pairs.
        """
        if self.mean == 0:
            return 1.0
        return 2.0**-self.degrees if self.error == 0 else t_tail(self.mean / self.error, self.degrees)

    @property
    def is_significant(self) -> bool:
        """Whether p is below 5 %: the 95 % interval excludes a difference of zero."""
        return self.p < 1 - _CONFIDENCE


def paired_difference(differences: Sequence[float]) -> Difference:
    """Return the mean of the differences of pairs, as the paired t test has it.

    (Student, The Probable Error of a Mean, 1908)

    Args:
        differences: At least two.
    """
    mean, deviation = fmean(differences), stdev(differences)
    if deviation < _ROUNDING * abs(mean):
        deviation = 0.0
    return Difference(mean, deviation / math.sqrt(len(differences)), len(differences) - 1)


def welch_difference(first: Summary, second: Summary) -> Difference:
    """Return the difference of the means of two samples, whose variances may differ.

    (Welch, The Generalization of Student's Problem when Several Different Population Variances are Involved, 1947)

    Args:
        first: Of at least two values.
        second: Of at least two values.
    """
    assert first.error is not None
    assert second.error is not None
    error = math.hypot(first.error, second.error)
    if error == 0:
        return Difference(second.mean - first.mean, 0.0, first.n + second.n - 2)
    shares = (first.error / error) ** 4 / (first.n - 1) + (second.error / error) ** 4 / (second.n - 1)
    return Difference(second.mean - first.mean, error, 1 / shares)


def pairs_needed(found: Difference, pairs: int) -> int | None:
    """Return from how many pairs on the 95 % interval of their mean difference would exclude zero.

    Args:
        found: The difference.
        pairs: The number of pairs that it is of.

    Returns:
        The number, at least 2, if mean and deviation stay as they are; None if more than 1,000 are needed.
    """
    deviation = found.error * math.sqrt(pairs)
    if deviation == 0:
        return _ALL_EQUAL if found.mean else None

    def is_enough(pairs: int) -> bool:
        return t_quantile(pairs - 1) * deviation / math.sqrt(pairs) < abs(found.mean)

    return _first(is_enough, 2, _MOST_PAIRS) if is_enough(_MOST_PAIRS) else None


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """Return the first number for which a condition holds, which then holds for all larger ones, by bisection."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


@lru_cache(maxsize=1024)
def t_quantile(degrees: float) -> float:
    """Return the two-sided 95 % quantile of Student's t distribution.

    Args:
        degrees: Degrees of freedom, at least 1.
    """
    low, high = 0.0, 16.0  # 12.7 for one degree of freedom
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if t_tail(middle, degrees) > 1 - _CONFIDENCE else (low, middle)
    return high


def t_tail(t: float, degrees: float) -> float:
    """Return the probability that Student's t distribution exceeds |t|, in either direction.

    It is the regularised incomplete beta function at degrees / (degrees + t^2). (Abramowitz and Stegun, 26.7.1)

    Args:
        t: The quantile.
        degrees: Degrees of freedom, above 0.
    """
    x = degrees / (degrees + t * t)
    return _beta(degrees / 2, 0.5, x, 1 - x if x < 0.5 else t * t / (degrees + t * t))


def _beta(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b); `rest` is 1 - x to full precision."""
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # where the continued fraction of the other side converges faster
        return 1 - _beta(b, a, rest, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(scale) / (a * _continued_fraction(a, b, x))


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method.

    (Press et al., Numerical Recipes, 6.4)
    """
    tiny = 1e-300
    fraction, c, d = 1.0, 1.0, 0.0
    for term in range(1, _TERMS):
        m, is_odd = divmod(term, 2)
        if is_odd:
            factor = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            factor = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + factor * d or tiny)
        c = 1 + factor / c or tiny
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return fraction
