"""Statistics over seeds are those of SciPy."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from convboard.results.statistics import (
    Difference,
    Summary,
    paired_difference,
    pairs_needed,
    summarise,
    t_quantile,
    t_tail,
    welch_difference,
)

SAMPLES = [
    ([0.97, 0.981], [0.96, 0.99]),
    ([0.97, 0.981, 0.975, 0.969, 0.99], [0.96, 0.99, 0.985, 0.98, 0.97]),
    ([2.3, 1.1, 0.4, 0.9], [0.11, 0.12, 0.1, 0.115]),
    ([1e-8, 2e-8, 4e-8], [1e6, 1e6 + 1, 1e6 + 3]),
]


def summary(values: list[float]) -> Summary:
    found = summarise(values)
    assert found is not None
    return found


@pytest.mark.parametrize("degrees", [1, 1.3, 2, 3, 4, 7.7, 10, 29, 100, 1000])
def test_the_t_distribution(degrees: float) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-11)
    for t in (1e-6, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0, 1e4):
        assert t_tail(t, degrees) == pytest.approx(2 * stats.t.sf(t, degrees), rel=1e-9)
        assert t_tail(-t, degrees) == t_tail(t, degrees)
    assert t_tail(0, degrees) == 1


@pytest.mark.parametrize("values", [sample for pair in SAMPLES for sample in pair])
def test_mean_spread_and_interval(values: list[float]) -> None:
    found = summary(values)
    assert found.n == len(values)
    assert found.deviation == pytest.approx(stats.tstd(values))
    assert found.error == pytest.approx(stats.sem(values))
    interval = stats.t.interval(0.95, len(values) - 1, loc=found.mean, scale=stats.sem(values))
    assert (found.mean - found.interval, found.mean + found.interval) == pytest.approx(interval)  # type: ignore[operator]


def test_few_values() -> None:
    assert summarise([]) is None
    assert summarise([0.5]) == Summary(1, 0.5, None)
    assert summary([0.5]).interval is None
    assert summary([0.5, 0.5]).interval == 0


@pytest.mark.parametrize(("first", "second"), SAMPLES)
def test_the_difference_of_pairs(first: list[float], second: list[float]) -> None:
    pairs = list(zip(first, second))
    found = paired_difference([b - a for a, b in pairs])
    test = stats.ttest_rel([b for _, b in pairs], [a for a, _ in pairs])
    assert found.p == pytest.approx(test.pvalue)
    low, high = test.confidence_interval(0.95)
    assert (found.mean - found.interval, found.mean + found.interval) == pytest.approx((low, high))
    assert found.is_significant == (test.pvalue < 0.05)


@pytest.mark.parametrize(("first", "second"), [*SAMPLES, ([0.1, 0.2], [0.3, 0.5, 0.4, 0.45])])
def test_the_difference_of_samples(first: list[float], second: list[float]) -> None:
    found = welch_difference(summary(first), summary(second))
    test = stats.ttest_ind(second, first, equal_var=False)
    assert found.p == pytest.approx(test.pvalue)
    low, high = test.confidence_interval(0.95)
    assert (found.mean - found.interval, found.mean + found.interval) == pytest.approx((low, high))


def test_values_without_any_spread_are_sure_only_if_they_are_many() -> None:
    for found in (paired_difference([0.1, 0.1]), welch_difference(summary([0.2, 0.2]), summary([0.3, 0.3]))):
        assert found.interval == 0
        assert not found.is_significant
    found = paired_difference([0.1] * 6)
    assert found.p == stats.binomtest(6, 6).pvalue
    assert found.is_significant
    for found in (paired_difference([0.0, 0.0]), welch_difference(summary([0.2, 0.2]), summary([0.2, 0.2]))):
        assert (found.interval, found.p, found.is_significant) == (0, 1, False)


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_the_number_of_pairs_that_would_tell(mean: float, deviation: float) -> None:
    needed = pairs_needed(Difference(mean, deviation / 2, 3), 4)

    def is_enough(pairs: int) -> bool:
        return t_quantile(pairs - 1) * deviation / math.sqrt(pairs) < mean

    if needed is None:
        assert not is_enough(1000)
    else:
        assert is_enough(needed)
        assert needed == 2 or not is_enough(needed - 1)
    assert pairs_needed(Difference(-mean, deviation / 2, 3), 4) == needed


def test_no_difference_can_be_told_by_no_number_of_pairs() -> None:
    assert pairs_needed(Difference(0.0, 0.1, 1), 2) is None
    assert pairs_needed(Difference(0.0, 0.0, 1), 2) is None
    assert pairs_needed(paired_difference([0.91 - 0.9, 0.81 - 0.8]), 2) == 6  # of the sign test
