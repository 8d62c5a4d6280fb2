"""The ranking of a sweep: means over seeds, and shares of variance that are those of the analysis of variance."""

import itertools
import random
from collections.abc import Mapping

import pytest
from sklearn.feature_selection import f_classif

from convboard.sweeps.store.trials import Trial
from convboard.sweeps.terminal.ranking import Result, importance, most_seeds, rank


def result(
    number: int, value: float, swept: Mapping[str, str], test: float = 0.0, pruned_after: int | None = None
) -> Result:
    return Result(Trial(number, (), swept, str(number), {}), value, test, pruned_after)


RESULTS = [
    result(0, 0.90, {"lr": "0.1", "seed": "1"}, test=0.8),
    result(1, 0.94, {"lr": "0.1", "seed": "2"}, test=0.9),
    result(2, 0.97, {"lr": "0.01", "seed": "1"}, test=0.7),
    result(3, 0.80, {"lr": "0.01", "seed": "2"}, test=0.7),
    result(4, 0.93, {"lr": "0.3", "seed": "1"}),
]


def test_settings_are_ranked_by_their_mean_over_seeds() -> None:
    ranked = rank(RESULTS, is_maximised=True)
    assert [setting.swept for setting in ranked] == [{"lr": "0.1"}, {"lr": "0.01"}, {"lr": "0.3"}]
    assert ranked[0].mean == pytest.approx(0.92)
    assert ranked[0].deviation == pytest.approx(0.02 * 2**0.5)
    assert ranked[0].test == pytest.approx(0.85)
    assert [one.trial.number for one in ranked[0].results] == [1, 0]
    assert ranked[2].deviation is None


def test_a_loss_is_better_when_it_is_smaller() -> None:
    ranked = rank(RESULTS, is_maximised=False)
    assert [setting.swept["lr"] for setting in ranked] == ["0.01", "0.1", "0.3"]
    assert ranked[0].results[0].trial.number == 3


def test_who_has_all_seeds_comes_before_who_was_lucky_with_one_and_who_was_pruned_is_last() -> None:
    lucky = result(5, 0.99, {"lr": "1", "seed": "1"})
    pruned = [
        result(6, 0.999, {"lr": "2", "seed": "1"}, pruned_after=3),
        result(7, 0.98, {"lr": "1", "seed": "2"}, 0.0, 1),
    ]
    ranked = rank([*pruned, lucky, *RESULTS], is_maximised=True)
    assert [setting.swept["lr"] for setting in ranked] == ["0.1", "0.01", "1", "0.3", "2"]
    assert most_seeds(ranked) == 2
    assert (ranked[2].mean, ranked[2].results) == (0.99, (lucky,))  # a pruned seed does not count
    assert ranked[2].pruned == (pruned[1],)
    assert (ranked[4].mean, ranked[4].finished) == (0.999, ())
    assert importance(ranked) == importance(rank([lucky, *RESULTS], is_maximised=True))
    assert importance(rank(pruned, is_maximised=True)) == {}
    assert most_seeds([]) == 0


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


def test_a_search_shows_what_mattered_though_no_value_is_tried_twice() -> None:
    draw = random.Random(0)
    swept = [
        {"lr": str(draw.random()), "noise": str(draw.random()), "model": draw.choice("ab"), "name": str(number)}
        for number in range(40)
    ]
    swept = [each | {"name": f"n{number}"} for number, each in enumerate(swept)]  # a text that is never the same
    values = [float(each["lr"]) + 0.4 * (each["model"] == "a") + 0.05 * draw.random() for each in swept]
    shares = importance(rank((result(n, value, each) for n, (value, each) in enumerate(zip(values, swept))), True))
    assert next(iter(shares)) == "lr"
    assert shares["lr"] > 0.5
    assert 0.1 < shares["model"] < 0.5
    assert shares["noise"] < 0.1
    assert "name" not in shares


def test_three_pairs_of_values_say_nothing_of_either() -> None:
    paired = [result(number, number / 10, {"lr": f"0.{number}", "wd": f"1e-{number}"}) for number in range(1, 4)]
    assert importance(rank(paired, is_maximised=True)) == {}


def test_a_key_that_some_settings_lack_is_a_value_of_its_own() -> None:
    mixed = [result(0, 0.1, {"a": "1"}), result(1, 0.9, {"b": "2"})]
    assert importance(rank(mixed, is_maximised=True)) == {}  # too few
    mixed += [result(2, 0.2, {"a": "1", "c": "x"}), result(3, 0.8, {"b": "2", "c": "x"})]
    shares = importance(rank([*mixed, result(4, 0.15, {"a": "1", "c": "y"})], is_maximised=True))
    assert min(shares["a"], shares["b"]) > 0.9
    assert shares["c"] < 0.1
