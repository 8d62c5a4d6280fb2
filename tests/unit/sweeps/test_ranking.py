"""The ranking of a sweep: means over seeds, and shares of variance that are those of the analysis of variance."""

import itertools
from collections.abc import Mapping

import pytest
from sklearn.feature_selection import f_classif

from convboard.sweeps.ranking import Result, importance, rank
from convboard.sweeps.trials import Trial


def result(number: int, value: float, swept: Mapping[str, str], test: float = 0.0) -> Result:
    return Result(Trial(number, (), swept, str(number), {}), value, test)


RESULTS = [
    result(0, 0.90, {"lr": "0.1", "seed": "1"}, test=0.8),
    result(1, 0.94, {"lr": "0.1", "seed": "2"}, test=0.9),
    result(2, 0.97, {"lr": "0.01", "seed": "1"}, test=0.7),
    result(3, 0.80, {"lr": "0.01", "seed": "2"}, test=0.7),
    result(4, 0.93, {"lr": "0.3", "seed": "1"}),
]


def test_settings_are_ranked_by_their_mean_over_seeds() -> None:
    ranked = rank(RESULTS, is_maximised=True)
    assert [setting.swept for setting in ranked] == [{"lr": "0.3"}, {"lr": "0.1"}, {"lr": "0.01"}]
    assert ranked[1].mean == pytest.approx(0.92)
    assert ranked[1].deviation == pytest.approx(0.02 * 2**0.5)
    assert ranked[1].test == pytest.approx(0.85)
    assert [one.trial.number for one in ranked[1].results] == [1, 0]
    assert ranked[0].deviation is None


def test_a_loss_is_better_when_it_is_smaller() -> None:
    ranked = rank(RESULTS, is_maximised=False)
    assert [setting.swept["lr"] for setting in ranked] == ["0.01", "0.1", "0.3"]
    assert ranked[0].results[0].trial.number == 3


def test_equal_settings_keep_their_order() -> None:
    same = [result(number, 0.5, {"lr": str(number)}) for number in range(3)]
    for is_maximised in (True, False):
        assert [setting.swept["lr"] for setting in rank(same, is_maximised)] == ["0", "1", "2"]
    assert importance(rank(same, is_maximised=True)) == {}


def test_the_share_of_a_key_is_that_of_the_analysis_of_variance() -> None:
    values = [0.3, 0.5, 0.9, 0.2, 0.55, 0.8, 0.35, 0.4, 0.95, 0.1, 0.6, 0.7]
    grid = [{"model": model, "lr": lr, "wd": wd} for model, lr, wd in itertools.product("ab", "123", "xy")]
    ranked = rank((result(n, value, swept) for n, (value, swept) in enumerate(zip(values, grid))), is_maximised=True)
    shares = importance(ranked)
    for key, share in shares.items():
        kinds = sorted({swept[key] for swept in grid})
        (f,), _ = f_classif([[value] for value in values], [kinds.index(swept[key]) for swept in grid])
        between, within = len(kinds) - 1, len(values) - len(kinds)
        assert share == pytest.approx(f * between / (f * between + within))  # eta squared from Fisher's F
    assert list(shares) == sorted(shares, key=lambda key: -shares[key])
    assert 0 < sum(shares.values()) <= 1


def test_a_key_that_some_settings_lack_is_a_value_of_its_own() -> None:
    mixed = [result(0, 0.1, {"a": "1"}), result(1, 0.9, {"b": "2"})]
    assert importance(rank(mixed, is_maximised=True)) == pytest.approx({"a": 1.0, "b": 1.0})
