"""How much each key matters for the objective."""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from convboard.results.setting import Setting


def importance(settings: Sequence[Setting]) -> dict[str, float]:
    """Return the share of the variance between settings that each key explains alone, the largest first.

    This is the main effect of the analysis of variance, eta squared: the variance of the mean objective of the settings
    with each value of the key, weighted by their number, over the variance of all settings. The shares of a whole grid
    add up to at most 1; the rest is how the keys act together. (Fisher, Statistical Methods for Research Workers, 1925)

    Of settings that are no whole grid, few have the same value, and these explain much by chance. What chance explains
    is subtracted: epsilon squared. (Kelley, An Unbiased Correlation Ratio Measure, 1935) In a search, numbers are put
    into groups of equal size before, if they have many values.

    Args:
        settings: The settings. Those of which no run has finished do not count.

    Returns:
        By key; empty if all settings are equally good. A key is missing if too few settings have the same value.
    """
    settings = [setting for setting in settings if setting.finished]
    means = [setting.objective.mean for setting in settings if setting.objective is not None]
    total = _squares(means)
    if total == 0:
        return {}
    columns = {
        key: [setting.values.get(key) for setting in settings]
        for key in dict.fromkeys(key for setting in settings for key in setting.values)
    }
    combinations = math.prod(len(set(column)) for column in columns.values())
    is_grid, is_most_of_a_grid = combinations == len(settings), combinations <= 2 * len(settings)
    shares = {}
    for key, column in columns.items():
        groups: dict[object, list[float]] = {}
        for value, mean in zip(column if is_most_of_a_grid else _grouped(column), means, strict=True):
            groups.setdefault(value, []).append(mean)
        within = math.fsum(map(_squares, groups.values()))
        if is_grid:
            shares[key] = 1 - within / total
        elif 1 < len(groups) < len(settings):
            chance = (len(settings) - 1) / (len(settings) - len(groups))
            shares[key] = max(0.0, 1 - chance * within / total)
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def _squares(values: Sequence[float]) -> float:
    """Return the sum of the squared deviations of values from their mean."""
    if not values:
        return 0.0
    mean = fmean(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _grouped(column: Sequence[Any]) -> Sequence[object]:
    """Return the values of a key, or the group of each, from 0, if they are numbers of which most differ.

    The number of groups is about the square root of that of the settings: more would be too small to tell anything.
    """
    groups = min(math.isqrt(len(column)) + 1, len(column) // 2)
    distinct = set(column)
    is_number = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in distinct)
    if not is_number or len(distinct) <= max(groups, len(column) / 3):
        return column
    order = {number: at for at, number in reversed(list(enumerate(sorted(column))))}
    return [order[number] * groups // len(column) for number in column]
