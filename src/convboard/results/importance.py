"""How much each key matters for the objective: the share of the variance between settings that it explains alone.

This is the main effect of the analysis of variance, eta squared: the variance of the mean objective of the settings
with each value of the key, weighted by their number, over the variance of all settings. The shares add up to at most 1;
the rest is how the keys act together. (Fisher, Statistical Methods for Research Workers, 1925)

In a grid it is computed as it is defined. A search has hardly two settings with the same value of a key. There it is
estimated by fANOVA where Optuna is installed. Otherwise, numbers are put into groups of equal size; these explain much
by chance, which is subtracted: epsilon squared. (Kelley, An Unbiased Correlation Ratio Measure, 1935) What errors both
have is in docs/measurements.md.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from statistics import fmean
from typing import Any

from convboard.results.setting import Setting

VARIANCE, GROUPS, FANOVA = "analysis of variance", "analysis of variance in groups", "fANOVA"
WITHOUT_OPTUNA = f"{GROUPS}; fANOVA would be more exact, and needs the extra optuna"
MOST = 300  # settings for which fANOVA takes about a second

_Columns = tuple[tuple[str, tuple[Any, ...]], ...]


def importance(settings: Sequence[Setting], most: int = MOST) -> dict[str, float]:
    """Return the share of the variance between settings that each key explains alone, the largest first.

    Args:
        settings: The settings. Those of which no run has finished do not count.
        most: Number of settings up to which fANOVA is used, whose time grows faster than that.

    Returns:
        By key; empty if all settings are equally good. A key is missing if too few settings have the same value, or
        all have.
    """
    return dict(_importance(settings, most)[1])


def importance_method(settings: Sequence[Setting]) -> str:
    """Return how `importance` is computed: `VARIANCE`, `GROUPS`, `FANOVA`, or `WITHOUT_OPTUNA` instead of it."""
    return _importance(settings, MOST)[0]


def _importance(settings: Sequence[Setting], most: int) -> tuple[str, Mapping[str, float]]:
    known = [setting for setting in settings if setting.finished]
    keys = dict.fromkeys(key for setting in known for key in setting.values)
    every = ((key, tuple(map(_coded, (setting.values.get(key) for setting in known)))) for key in keys)
    columns = tuple((key, column) for key, column in every if len(set(column)) > 1)
    return _shares(columns, tuple(setting.objective.mean for setting in known if setting.objective is not None), most)


def _coded(value: Any) -> Any:
    """Return a number as it is, and the text of anything else: True and 1 are different values."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else repr(value)


@lru_cache(maxsize=32)  # a live view asks again and again
def _shares(columns: _Columns, means: tuple[float, ...], most: int) -> tuple[str, Mapping[str, float]]:
    """Return the method, and the shares of keys from their values and the mean of each setting."""
    total = _squares(means)
    if total == 0:
        return VARIANCE, {}
    combinations = math.prod(len(set(column)) for _, column in columns)
    if combinations == len(means):
        return VARIANCE, _sorted({key: 1 - _within(column, means) / total for key, column in columns})
    is_search = combinations > 2 * len(means)  # and no grid of which some settings have not finished
    shares = _corrected({key: _grouped(column) if is_search else column for key, column in columns}, means, total)
    if not is_search:
        return VARIANCE, _sorted(shares)
    if not shares or len(means) > most:
        return GROUPS, _sorted(shares)
    try:
        from convboard.results.fanova import fanova_shares  # imports an optional dependency
    except ImportError:
        return WITHOUT_OPTUNA, _sorted(shares)
    with suppress(RuntimeError):  # the forest has found no variance
        return FANOVA, _sorted(fanova_shares({key: _ranks(column) for key, column in columns if key in shares}, means))
    return GROUPS, _sorted(shares)


def _corrected(groups: Mapping[str, Sequence[Any]], means: Sequence[float], total: float) -> dict[str, float]:
    """Return epsilon squared of each key, from the group of each setting."""
    shares = {}
    for key, column in groups.items():
        number = len(set(column))
        if 1 < number < len(means):
            chance = (len(means) - 1) / (len(means) - number)
            shares[key] = max(0.0, 1 - chance * _within(column, means) / total)
    return shares


def _sorted(shares: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def _within(column: Sequence[Any], means: Sequence[float]) -> float:
    """Return the sum of the squared deviations from the means of groups."""
    groups: dict[Any, list[float]] = {}
    for value, mean in zip(column, means, strict=True):
        groups.setdefault(value, []).append(mean)
    return math.fsum(map(_squares, groups.values()))


def _squares(values: Sequence[float]) -> float:
    """Return the sum of the squared deviations of values from their mean."""
    if not values:
        return 0.0
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _are_numbers(column: Sequence[Any]) -> bool:
    return not any(isinstance(value, str) for value in column)


def _ranks(column: Sequence[Any]) -> Sequence[int | str]:
    """Return numbers as their ranks, so that a logarithmic scale is like any other; texts are left as they are."""
    if not _are_numbers(column):
        return [str(value) for value in column]
    order = {number: rank for rank, number in enumerate(sorted(set(column)))}
    return [order[number] for number in column]


def _grouped(column: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a key, or the group of each, from 0, if they are numbers of which most differ.

    The number of groups is about the square root of that of the settings: more would be too small to tell anything.
    """
    groups = min(math.isqrt(len(column)) + 1, len(column) // 2)
    if not _are_numbers(column) or len(set(column)) <= max(groups, len(column) / 3):
        return column
    order = {number: at for at, number in reversed(list(enumerate(sorted(column))))}
    return [order[number] * groups // len(column) for number in column]
