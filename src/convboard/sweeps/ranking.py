"""The settings of a sweep, ranked by their objective, and how much each swept key matters."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from convboard.sweeps.trials import Trial

SEED = "seed"  # trials that differ in it alone are repetitions of one setting


@dataclass(frozen=True)
class Result:
    """A trial that finished.

    Attributes:
        trial: The trial.
        value: Its objective.
        test: Its metric on the test split that goes with the objective.
    """

    trial: Trial
    value: float
    test: float


@dataclass(frozen=True)
class RankedSetting:
    """A setting, with the results of its seeds.

    Attributes:
        swept: The swept values without the seed, as texts by key.
        results: One for each seed, the best first.
    """

    swept: Mapping[str, str]
    results: tuple[Result, ...]

    @property
    def mean(self) -> float:
        """Mean of the objective over the seeds."""
        return fmean(result.value for result in self.results)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the objective over the seeds, with n - 1 in the denominator; None for one seed."""
        return stdev(result.value for result in self.results) if len(self.results) > 1 else None

    @property
    def test(self) -> float:
        """Mean of the metric on the test split over the seeds."""
        return fmean(result.test for result in self.results)


def rank(results: Iterable[Result], is_maximised: bool) -> list[RankedSetting]:
    """Return the settings, the best mean first.

    Args:
        results: The trials that finished.
        is_maximised: Whether a larger objective is better.
    """
    sign = -1 if is_maximised else 1
    settings = []
    for swept, group in _grouped(results).items():
        best_first = sorted(group, key=lambda result: (sign * result.value, result.trial.number))
        settings.append(RankedSetting(dict(swept), tuple(best_first)))
    return sorted(settings, key=lambda setting: (sign * setting.mean, setting.results[0].trial.number))


def importance(settings: Sequence[RankedSetting]) -> dict[str, float]:
    """Return the share of the variance between settings that each swept key explains alone, the largest first.

    This is the main effect of the analysis of variance, eta squared: the variance of the mean objective of the settings
    with each value of the key, weighted by their number, over the variance of all settings. The shares of a whole grid
    add up to at most 1; the rest is how the keys act together. (Fisher, Statistical Methods for Research Workers, 1925)

    Args:
        settings: At least one.

    Returns:
        By key; empty if all settings are equally good.
    """
    means = [setting.mean for setting in settings]
    overall = fmean(means)
    total = math.fsum((mean - overall) ** 2 for mean in means)
    if total == 0:
        return {}
    shares = {}
    for key in dict.fromkeys(key for setting in settings for key in setting.swept):
        groups: dict[str | None, list[float]] = {}
        for setting in settings:
            groups.setdefault(setting.swept.get(key), []).append(setting.mean)
        between = math.fsum(len(group) * (fmean(group) - overall) ** 2 for group in groups.values())
        shares[key] = between / total
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def _grouped(results: Iterable[Result]) -> dict[tuple[tuple[str, str], ...], list[Result]]:
    groups: dict[tuple[tuple[str, str], ...], list[Result]] = {}
    for result in results:
        key = tuple((key, value) for key, value in result.trial.swept.items() if key != SEED)
        groups.setdefault(key, []).append(result)
    return groups
