"""The rules of pruning, against cases computed by hand and against what must hold for any values."""

import math
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convboard.sweeps.pruning.rules import is_among_best, is_rung, is_worse_than, median_of_averages, most_that_go_on

VALUES = st.floats(0, 1) | st.just(math.nan)
FACTORS = st.integers(2, 5)
SIGNS = st.sampled_from([1, -1])


def test_rungs_are_powers_of_the_reduction_factor() -> None:
    assert [epoch for epoch in range(1, 30) if is_rung(epoch, 1, 3)] == [1, 3, 9, 27]
    assert [epoch for epoch in range(1, 30) if is_rung(epoch, 5, 2)] == [5, 10, 20]


@pytest.mark.parametrize(("trials", "most"), [(1, 1), (2, 2), (3, 1), (5, 1), (6, 2), (8, 2), (9, 3), (100, 33)])
def test_a_third_of_the_trials_goes_on_and_all_of_fewer_than_three(trials: int, most: int) -> None:
    assert most_that_go_on(trials, 3) == most


def test_successive_halving_by_hand() -> None:
    others = [0.9, 0.8, 0.5, 0.4, 0.3]  # with the trial itself six, of which two go on
    assert is_among_best(0.85, others, 3, sign=1)
    assert not is_among_best(0.75, others, 3, sign=1)
    assert is_among_best(0.8, others, 3, sign=1)  # as good as the second
    assert is_among_best(0.35, others, 3, sign=-1)
    assert not is_among_best(0.45, others, 3, sign=-1)
    assert is_among_best(0.7, [0.8], 3, sign=1)  # too few to compare
    assert not is_among_best(0.7, [0.8], 2, sign=1)
    assert is_among_best(0.7, [], 3, sign=1)
    assert not is_among_best(math.nan, [0.1], 2, sign=-1)
    assert is_among_best(0.1, [math.nan], 2, sign=-1)
    assert is_among_best(math.nan, [math.nan], 2, sign=1)


@given(st.lists(VALUES, min_size=1), FACTORS, SIGNS)
def test_successive_halving_never_stops_the_best_and_keeps_its_share(
    values: list[float], factor: int, sign: int
) -> None:
    def goes_on(at: int) -> bool:
        return is_among_best(values[at], values[:at] + values[at + 1 :], factor, sign)

    order = sorted(range(len(values)), key=lambda at: -math.inf if math.isnan(values[at]) else sign * values[at])
    assert goes_on(order[-1])
    going = [at for at in order if goes_on(at)]
    assert order[-len(going) :] == going or len(set(values)) < len(values)  # the best ones
    if len(set(map(str, values))) == len(values):
        assert len(going) == most_that_go_on(len(values), factor)


@given(st.permutations([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]), FACTORS, SIGNS)
def test_in_whatever_order_trials_arrive_the_best_goes_on(arrivals: list[float], factor: int, sign: int) -> None:
    going = [value for at, value in enumerate(arrivals) if is_among_best(value, arrivals[:at], factor, sign)]
    assert max(arrivals, key=lambda value: sign * value) in going
    assert arrivals[0] in going


def test_the_median_rule_by_hand() -> None:
    others = [[0.2, 0.4, 0.9], [0.6, 0.8], [0.1, 0.1, 0.1, 0.1]]  # averages of two: 0.3, 0.7, 0.1
    limit = median_of_averages(others, 2, sign=1)
    assert limit == pytest.approx(0.3)
    assert not is_worse_than(limit, [0.35, 0.1], sign=1)  # its best value counts
    assert is_worse_than(limit, [0.1, 0.25], sign=1)
    assert not is_worse_than(0.3, [0.3], sign=1)  # as good as
    assert median_of_averages(others, 3, sign=1) == pytest.approx(0.5)  # 0.5, 0.7, 0.1
    assert median_of_averages([[0.2], [0.4]], 1, sign=-1) == pytest.approx(0.3)
    assert is_worse_than(0.3, [0.5, 0.31], sign=-1)
    assert not is_worse_than(0.3, [0.5, 0.29], sign=-1)


def test_what_is_not_a_number_is_the_worst() -> None:
    assert is_worse_than(0.1, [math.nan], sign=1)
    assert is_worse_than(0.1, [math.nan], sign=-1)
    assert not is_worse_than(0.1, [math.nan, 0.05], sign=-1)
    for sign in (1, -1):
        assert median_of_averages([[math.nan], [0.2], [0.3]], 1, sign) == (0.2 if sign == 1 else 0.3)
        assert not is_worse_than(median_of_averages([[math.nan]], 1, sign), [math.nan], sign)


@given(st.lists(st.lists(VALUES, min_size=1, max_size=6), min_size=1, max_size=8), SIGNS, st.integers(1, 6))
def test_the_median_rule_never_stops_the_best(others: list[list[float]], sign: int, epochs: int) -> None:
    every = [sign * value for values in others for value in values if not math.isnan(value)]
    best = sign * max(every, default=0.5)
    limit = median_of_averages(others, epochs, sign)
    assert not is_worse_than(limit, [math.nan, best], sign)
    if len(every) == sum(map(len, others)):
        assert limit == pytest.approx(median(fmean(values[:epochs]) for values in others))
