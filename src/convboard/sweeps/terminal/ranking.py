"""The settings of a sweep, ranked by their objective, and how much each swept key matters."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from convboard.sweeps.store.trials import SEED, Trial, setting_of

_GROUPS = 4  # of the values of a number that has many


@dataclass(frozen=True)
class Result:
    """A trial that finished or was pruned.

    Attributes:
        trial: The trial.
        value: Its objective.
        test: Its metric on the test split that goes with the objective.
        pruned_after: Number of epochs after which it was pruned; None if it finished.
    """

    trial: Trial
    value: float
    test: float
    pruned_after: int | None = None


@dataclass(frozen=True)
class RankedSetting:
    """A setting, with the results of its seeds.

    Attributes:
        swept: The swept values without the seed, as texts by key.
        finished: A result for each seed that finished, the best first.
        pruned: A result for each seed that was pruned, the best first.
    """

    swept: Mapping[str, str]
    finished: tuple[Result, ...]
    pruned: tuple[Result, ...] = ()

    @property
    def results(self) -> tuple[Result, ...]:
        """The results that count: of the seeds that finished, if any did."""
        return self.finished or self.pruned

    @property
    def mean(self) -> float:
        """Mean of the objective over the seeds that count."""
        return fmean(result.value for result in self.results)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the objective over these seeds, with n - 1 in the denominator; None for one seed."""
        return stdev(result.value for result in self.results) if len(self.results) > 1 else None

    @property
    def test(self) -> float:
        """Mean of the metric on the test split over these seeds."""
        return fmean(result.test for result in self.results)


def rank(results: Iterable[Result], is_maximised: bool) -> list[RankedSetting]:
    """Return the settings, the best mean first.

    A mean over few seeds may be good by chance. Therefore settings of which as many seeds have finished as of any other
    come first, then those with fewer, and last those of which no seed has finished.

    Args:
        results: The trials that finished or were pruned.
        is_maximised: Whether a larger objective is better.
    """
    sign = -1 if is_maximised else 1
    groups: dict[tuple[tuple[str, str], ...], list[Result]] = {}
    for result in results:
        groups.setdefault(setting_of(result.trial), []).append(result)
    settings = []
    for group in groups.values():
        best_first = sorted(group, key=lambda result: (sign * result.value, result.trial.number))
        finished = tuple(result for result in best_first if result.pruned_after is None)
        pruned = tuple(result for result in best_first if result.pruned_after is not None)
        swept = {key: value for key, value in group[0].trial.swept.items() if key != SEED}
        settings.append(RankedSetting(swept, finished, pruned))
    most = most_seeds(settings)

    def place(setting: RankedSetting) -> tuple[bool, bool, float, int]:
        seeds = len(setting.finished)
        return seeds < most, seeds == 0, sign * setting.mean, setting.results[0].trial.number

    return sorted(settings, key=place)


def most_seeds(settings: Iterable[RankedSetting]) -> int:
    """Return the largest number of seeds that finished of a setting."""
    return max((len(setting.finished) for setting in settings), default=0)


def importance(settings: Sequence[RankedSetting]) -> dict[str, float]:
    """Return the share of the variance between settings that each swept key explains alone, the largest first.

    This is the main effect of the analysis of variance, eta squared: the variance of the mean objective of the settings
    with each value of the key, weighted by their number, over the variance of all settings. The shares of a whole grid
    add up to at most 1; the rest is how the keys act together. (Fisher, Statistical Methods for Research Workers, 1925)

    Settings that are no whole grid, such as those of a search, have few with the same value, which explain much by
    chance. Therefore numbers are put into four groups of equal size if they have many values, and what chance explains
    is subtracted: epsilon squared. (Kelley, An Unbiased Correlation Ratio Measure, 1935)

    Args:
        settings: The settings. Those of which no seed has finished do not count.

    Returns:
        By key; empty if all settings are equally good. A key is missing if too few settings have the same value.
    """
    settings = [setting for setting in settings if setting.finished]
    if not settings:
        return {}
    means = [setting.mean for setting in settings]
    overall = fmean(means)
    total = math.fsum((mean - overall) ** 2 for mean in means)
    if total == 0:
        return {}
    values = {
        key: [setting.swept.get(key) for setting in settings]
        for key in dict.fromkeys(key for setting in settings for key in setting.swept)
    }
    is_grid = math.prod(len(set(column)) for column in values.values()) == len(settings)
    shares = {}
    for key, column in values.items():
        groups: dict[object, list[float]] = {}
        for value, mean in zip(column if is_grid else _binned(column), means, strict=True):
            groups.setdefault(value, []).append(mean)
        within = math.fsum((mean - fmean(group)) ** 2 for group in groups.values() for mean in group)
        if is_grid:
            shares[key] = 1 - within / total
        elif 1 < len(groups) < len(settings):
            chance = (len(settings) - 1) / (len(settings) - len(groups))
            shares[key] = max(0.0, 1 - chance * within / total)
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def _binned(column: Sequence[str | None]) -> Sequence[object]:
    """Return the values of a key, or the group of each, 0 to 3, if they are numbers of which most differ."""
    if len(set(column)) <= len(column) / 3:
        return column
    try:
        numbers = [float(value or "") for value in column]
    except ValueError:
        return column
    order = sorted(numbers)
    groups = min(_GROUPS, len(numbers) // 2)
    return [order.index(number) * groups // len(numbers) for number in numbers]
