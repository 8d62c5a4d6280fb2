"""When a trial is stopped early: rules that are functions of the values of all trials, and know nothing else.

In all of them the values are of the validation split, `sign` is 1 for an objective that is maximised and -1 for one
that is minimised, and a value that is not a number is the worst.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from statistics import fmean, median


def is_rung(epoch: int, first: int, reduction_factor: int) -> bool:
    """Return whether successive halving compares trials after this epoch: `first * reduction_factor ** k` for some k.

    Args:
        epoch: Number of epochs done.
        first: Number of epochs before the first comparison.
        reduction_factor: See `most_that_go_on`.
    """
    rung = first
    while rung < epoch:
        rung *= reduction_factor
    return rung == epoch


def most_that_go_on(trials: int, reduction_factor: int) -> int:
    """Return how many of the trials that have reached a rung go on: the best `1 / reduction_factor`.

    Of fewer than `reduction_factor` all go on. Algorithm 2 of the paper, which pauses trials, would let them wait.
    """
    return trials // reduction_factor or trials


def is_among_best(value: float, others: Collection[float], reduction_factor: int, sign: int) -> bool:
    """Return whether asynchronous successive halving lets a trial go on at a rung.

    It does not wait for the other trials: the trial goes on if it is among the best `1 / reduction_factor` of those
    that have reached the rung so far. The rule is that of ASHA (Li et al., A System for Massively Parallel
    Hyperparameter Tuning, MLSys 2020, algorithm 2) in the form that stops a trial instead of pausing it, as in Optuna's
    SuccessiveHalvingPruner. The best of all always goes on.

    Args:
        value: The value of the trial at the rung.
        others: The values of the other trials there. Equal ones do not count as better.
        reduction_factor: The inverse of the share that goes on, at least 2.
        sign: See the module.
    """
    own = _score(value, sign)
    better = sum(_score(other, sign) > own for other in others)
    return better < most_that_go_on(len(others) + 1, reduction_factor)


def median_of_averages(others: Iterable[Sequence[float]], epochs: int, sign: int) -> float:
    """Return the median of the running averages of other trials, each of its first values.

    Args:
        others: The values of each of the others by epoch, at least one trial.
        epochs: How many values of each count; of a trial with fewer, all.
        sign: See the module.
    """
    return sign * median(_score(fmean(values[:epochs]), sign) for values in others)


def is_worse_than(limit: float, values: Sequence[float], sign: int) -> bool:
    """Return whether the median rule stops a trial: its best value so far is worse than the median of the others.

    This is the median stopping rule of Google Vizier (Golovin et al., Vizier: A Service for Black-Box Optimization,
    KDD 2017, section 3.2.2).

    Args:
        limit: The median of the running averages of the trials that have finished; see `median_of_averages`.
        values: The values of the trial by epoch, at least one.
        sign: See the module.
    """
    return max(_score(value, sign) for value in values) < _score(limit, sign)


def _score(value: float, sign: int) -> float:
    """Return a value such that larger is better."""
    return -math.inf if math.isnan(value) else sign * value
