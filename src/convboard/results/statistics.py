"""Statistics over the seeds of a setting: mean, spread and interval, and the difference of two settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """A sample of a metric, one value for each seed.

    Attributes:
        n: Number of values.
        mean: Their mean.
        deviation: Their standard deviation, with n - 1 in the denominator; None for a single value.
        interval: Half the width of the 95 % interval of the mean; None for a single value.
    """

    n: int
    mean: float
    deviation: float | None
    interval: float | None


def summarise(values: Sequence[float]) -> Summary | None:
    """Return mean, spread and interval of values; None if there are none.

    The interval is that of Student's t distribution with n - 1 degrees of freedom, t * deviation / sqrt(n). It supposes
    that the values are independent and roughly normal. (Student, The Probable Error of a Mean, 1908)
    """
    if not values:
        return None
    if len(values) == 1:
        return Summary(1, values[0], None, None)
    deviation = stdev(values)
    return Summary(
        len(values), fmean(values), deviation, t_quantile(len(values) - 1) * deviation / math.sqrt(len(values))
    )


def t_quantile(degrees: float) -> float:
    """Return the two-sided 95 % quantile of Student's t distribution.

    Args:
        degrees: Degrees of freedom, above 0.
    """
    from scipy.special import stdtrit  # deferred for start-up time: 0.1 s

    return float(stdtrit(degrees, (1 + _CONFIDENCE) / 2))
