"""Two settings compared: which is better, by how much, and whether that is more than chance."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from statistics import fmean
from typing import Any

from convboard.config.objectives import sign_of
from convboard.errors import ConfigError, RunError, nearest
from convboard.results.metric_text import difference_text
from convboard.results.run_row import SEED, RunRow
from convboard.results.setting import Setting
from convboard.results.statistics import (
    Difference,
    Summary,
    paired_difference,
    pairs_needed,
    summarise,
    welch_difference,
)
from convboard.results.table import RunTable
from convboard.results.task import data_of, data_text, refuse_several_data_sets
from convboard.sweeps.store.entries import OVER


@dataclass(frozen=True)
class Comparison:
    """Two samples of a metric, A and B, compared.

    Attributes:
        metric: The metric, such as `accuracy/val`.
        first: The values of A that are compared.
        second: The values of B that are compared.
        difference: B minus A; None if one of them has a single value.
        paired_by: The keys in which the two runs of a pair agree, such as the seed; empty if there are no pairs.
        needed: The number of pairs from which on the interval of the difference would exclude zero, if mean and
            deviation stayed as they are; None if there are no pairs, or it would be more than 1,000.
    """

    metric: str
    first: Summary
    second: Summary
    difference: Difference | None
    paired_by: tuple[str, ...]
    needed: int | None = None

    @property
    def gain(self) -> float:
        """By how much the mean of B is better than that of A; below zero if it is worse."""
        return (self.second.mean - self.first.mean) * sign_of(self.metric)

    @property
    def is_significant(self) -> bool:
        """Whether the difference is more than chance, at a level of 5 %."""
        return self.difference is not None and self.difference.is_significant

    @property
    def words(self) -> str:
        """The result as a sentence or two: `B is better by 0.31 ± 0.12 points over 5 seeds.`."""
        return self.sentence("A", "B")

    def sentence(self, first: str, second: str) -> str:
        """Return the result as a sentence or two.

        Args:
            first: What A is called.
            second: What B is called.
        """
        if self.gain == 0:
            return f"{first} and {second} are equally good{self._over}."
        better = f"{second if self.gain > 0 else first} is better by {self._amount}{self._over}"
        if self.difference is None:
            return f"{better}. A single run does not tell whether that is more than chance: it takes several seeds."
        if self.is_significant:
            return f"{better}."
        pairs = "seeds" if self.paired_by == (SEED,) else "pairs"
        enough = "" if self.needed is None else f" If it stays as it is, {self.needed:,} {pairs} are enough to tell."
        p = self.difference.p
        return f"{better}, which may be chance (p = {p:.{2 if p >= 0.1 else 3}f}).{enough}"

    @property
    def _amount(self) -> str:
        interval = None if self.difference is None else self.difference.interval
        return difference_text(self.metric, abs(self.gain), interval, sign="-")

    @property
    def _over(self) -> str:
        if self.paired_by == (SEED,):
            return f" over {self.first.n} seeds"
        if self.paired_by:
            keys = [key for key in self.paired_by if key != "dataset.path" or "dataset" not in self.paired_by]
            return f" over {self.first.n} pairs of runs with the same {', '.join(keys)}"
        return f", with {self.first.n} and {self.second.n} runs" if self.first.n + self.second.n > 2 else ""


def compare_runs(first: Sequence[RunRow], second: Sequence[RunRow], metric: str | None = None) -> Comparison:
    """Compare two samples of runs, such as the seeds of two settings, or all runs of two models.

    Runs of A and B that agree in all keys that differ within A or within B, such as the seed, are pairs. If there are
    not at least two, the keys that differ within A and within B are taken, and each pair has the means over the others.
    The mean of the differences is compared with its spread: the paired t test. If there are no pairs either, the two
    means are compared: Welch's t test. Only runs on data sets count that both A and B have.

    Args:
        first: The runs of A. Those that finished count, or the pruned ones if none has.
        second: The runs of B.
        metric: The metric; None for the objective.

    Raises:
        ConfigError: No run has such a metric, or None is given and they have several objectives.
        RunError: A or B has no result; A and B are on different data sets, or on several without pairs.
    """
    for rows in (first, second):
        if isinstance(rows, (str, PathLike)):
            raise RunError(f"compare_runs takes runs, as load_runs returns them, not a path such as {rows}.")
    metric = _metric([*first, *second], metric)
    a, b = _on_common_data(_with_results("A", first, metric), _with_results("B", second, metric))
    within = _differing(a), _differing(b)
    for keys in (within[0] | within[1], within[0] & within[1]):
        one, other = _by_keys(a, keys, metric), _by_keys(b, keys, metric)
        common = [key for key in one if key in other]
        if len(common) > 1:
            pairs = [(fmean(one[key]), fmean(other[key])) for key in common]
            found = paired_difference([second - first for first, second in pairs])
            means = [_summary(values) for values in zip(*pairs, strict=True)]
            order = tuple(sorted(keys, key=lambda key: (key == SEED, key)))
            return Comparison(metric, means[0], means[1], found, order, pairs_needed(found, len(pairs)))
    refuse_several_data_sets([*a, *b])  # whose means would be a mixture
    means = [_summary([row.metrics[metric] for row in rows]) for rows in (a, b)]
    has_spread = all(mean.n > 1 for mean in means)
    return Comparison(metric, means[0], means[1], welch_difference(*means) if has_spread else None, ())


def _with_results(name: str, rows: Sequence[RunRow], metric: str) -> list[RunRow]:
    """Return the runs that count."""
    found = [row for row in Setting({}, tuple(rows)).results if metric in row.metrics]
    if not found:
        states = ", ".join(f"{number} {state}" for state, number in Counter(str(row.state) for row in rows).items())
        advice = "" if not rows or all(row.state in OVER for row in rows) else " Wait until a run of it has finished."
        raise RunError(f"{name} has no {metric} to compare: {states or 'no runs'}.{advice}")
    return found


def _metric(rows: Sequence[RunRow], metric: str | None) -> str:
    """Return the metric to compare, the objective if none is given."""
    table = RunTable(rows)
    if metric is None and len(table.objectives) > 1:
        raise ConfigError(f"The runs have several objectives: choose a metric, {' or '.join(table.objectives)}.")
    tags = {tag for row in rows for tag in row.metrics}
    if metric is not None and tags and metric not in tags:
        raise ConfigError(f"metric={metric} is no metric of these runs. {nearest(metric, tags)}")
    return metric or table.objective


def _on_common_data(first: list[RunRow], second: list[RunRow]) -> tuple[list[RunRow], list[RunRow]]:
    """Return the runs on data sets that both A and B have.

    Raises:
        RunError: There is none.
    """
    data = [{data_of(row): None for row in rows} for rows in (first, second)]
    common = data[0].keys() & data[1].keys()
    if not common:
        a, b = (" and ".join(map(data_text, one)) for one in data)
        raise RunError(f"A has results on {a} and B on {b}: those on different data sets cannot be compared.")
    one, other = ([row for row in rows if data_of(row) in common] for rows in (first, second))
    return one, other


def _differing(rows: Sequence[RunRow]) -> set[str]:
    """Return the keys in which runs differ, such as the seed."""
    return {key for key in RunTable(rows).differing if len({row.config.get(key) for row in rows}) > 1}


def _by_keys(rows: Sequence[RunRow], keys: Iterable[str], metric: str) -> Mapping[tuple[Any, ...], list[float]]:
    values: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        values.setdefault(tuple(row.config.get(key) for key in keys), []).append(row.metrics[metric])
    return values


def _summary(values: Sequence[float]) -> Summary:
    found = summarise(values)
    assert found is not None
    return found
