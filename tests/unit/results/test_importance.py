"""How much each key matters: shares of variance that are those of the analysis of variance."""

import itertools
import math
import random
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import pytest
from sklearn.feature_selection import f_classif

from convboard.results.importance import FANOVA, GROUPS, VARIANCE, WITHOUT_OPTUNA, importance, importance_method
from convboard.results.setting import Setting
from convboard.sweeps.store.entries import State
from run_rows import run_row


def settings_of(values: Sequence[Mapping[str, Any]], objectives: Sequence[float]) -> list[Setting]:
    return [
        Setting(each, (run_row(number, objective),))
        for number, (each, objective) in enumerate(zip(values, objectives, strict=True))
    ]


def test_the_share_of_a_key_is_that_of_the_analysis_of_variance() -> None:
    objectives = [0.3, 0.5, 0.9, 0.2, 0.55, 0.8, 0.35, 0.4, 0.95, 0.1, 0.6, 0.7]
    grid: list[dict[str, Any]] = [
        {"model": model, "lr": lr, "wd": wd} for model, lr, wd in itertools.product("ab", (1, 2, 3), "xy")
    ]
    shares = importance(settings_of(grid, objectives))
    for key, share in shares.items():
        kinds = sorted({values[key] for values in grid})
        (f,), _ = f_classif([[objective] for objective in objectives], [kinds.index(values[key]) for values in grid])
        between, within = len(kinds) - 1, len(objectives) - len(kinds)
        assert share == pytest.approx(f * between / (f * between + within))  # eta squared from Fisher's F
    assert list(shares) == sorted(shares, key=lambda key: -shares[key])
    assert 0 < sum(shares.values()) <= 1


def test_a_grid_of_which_a_setting_has_failed_has_nearly_the_same_shares() -> None:
    grid = [{"model": model, "lr": lr} for model, lr in itertools.product("ab", (0.1, 0.01, 0.001, 0.0001))]
    objectives = [0.9, 0.8, 0.5, 0.2, 0.85, 0.77, 0.45, 0.1]
    settings = settings_of(grid, objectives)
    failed = Setting(grid[3], (run_row(3, None, State.FAILED),))
    pruned = Setting(grid[4], (run_row(4, 0.4, State.PRUNED),))
    whole, partial = importance(settings), importance([*settings[:3], failed, pruned, *settings[5:]])
    assert whole["lr"] > 0.9
    assert partial["lr"] > 0.9
    assert max(whole["model"], partial["model"]) < 0.2


def search(count: int, seed: int) -> tuple[list[dict[str, Any]], list[float]]:
    """A random search in which the shares are known; see `SHARES`."""
    draw = random.Random(seed)
    values: list[dict[str, Any]] = [
        {"lr": 10 ** draw.uniform(-4, 0), "model": draw.choice("abc"), "noise": draw.random(), "name": f"n{number}"}
        for number in range(count)
    ]
    penalty = {"a": 0.0, "b": 0.02, "c": 0.03}
    objectives = [
        0.98 - 0.02 * (math.log10(each["lr"]) + 2) ** 2 - penalty[each["model"]] + draw.gauss(0, 0.004)
        for each in values
    ]
    return values, objectives


# Of (x^2 for x from -2 to 2) and of the three penalties.
_VARIANCES = {"lr": 0.02**2 * (16 / 5 - (4 / 3) ** 2), "model": (0.02**2 + 0.03**2) / 3 - (0.05 / 3) ** 2}
SHARES = {key: variance / (sum(_VARIANCES.values()) + 0.004**2) for key, variance in _VARIANCES.items()}


def error(shares: Mapping[str, float]) -> float:
    """The root mean square of the errors of the shares in a search."""
    return math.sqrt(fmean((shares[key] - SHARES.get(key, 0.0)) ** 2 for key in ("lr", "model", "noise")))


@pytest.mark.parametrize(("count", "largest"), [(20, 0.2), (40, 0.12), (100, 0.08), (300, 0.04)])
def test_the_shares_of_a_search_are_the_true_ones(count: int, largest: float) -> None:
    errors = []
    for seed in range(10):
        shares = importance(settings_of(*search(count, seed)), most=0)  # as without Optuna
        assert "name" not in shares  # a text that is never the same
        assert count < 40 or next(iter(shares)) == "lr"
        errors.append(error(shares))
    assert fmean(errors) < largest


def test_a_forest_finds_a_threshold_with_few_settings() -> None:
    """Such as a learning rate from which on training diverges."""
    values, _ = search(24, 1)
    settings = settings_of(values, [0.1 if each["lr"] > 0.02 else 0.9 for each in values])
    shares = importance(settings)
    assert importance_method(settings) == FANOVA
    assert set(shares) == {"lr", "model", "noise"}
    assert shares["lr"] > 0.95
    assert shares == importance(settings)  # the same in every view


def test_numbers_switches_and_texts_in_a_search() -> None:
    values, objectives = search(24, 2)
    mixed = [each | {"clip": (None, 1, 1.0, "1", True)[at % 5]} for at, each in enumerate(values)]
    assert set(importance(settings_of(mixed, objectives))) == {"lr", "model", "noise", "clip"}


def test_a_grid_needs_no_forest() -> None:
    grid = [{"lr": lr, "seeds": other} for lr in (0.1, 0.2, 0.3) for other in range(3)]
    objectives = [0.1 * number for number in range(9)]
    assert importance_method(settings_of(grid, objectives)) == VARIANCE
    assert importance_method(settings_of(grid[:-1], objectives[:-1])) == VARIANCE
    assert importance_method(settings_of(*search(20, 1))) == FANOVA
    assert importance_method(settings_of(*search(301, 1))) == GROUPS


def test_without_optuna_it_is_said_what_would_be_more_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "convboard.results.fanova", raising=False)
    settings = settings_of(*search(23, 5))
    assert importance_method(settings) == WITHOUT_OPTUNA
    assert set(importance(settings)) == {"lr", "model", "noise"}


def test_a_key_whose_other_values_have_no_result_is_left_out() -> None:
    """It would seem not to matter."""
    values = [{"lr": lr, "size": size} for lr in (0.1, 1e5) for size in (1, 2)]
    assert importance(settings_of(values[:2], [0.5, 0.9])) == {"size": 1.0}


def test_three_pairs_of_values_say_nothing_of_either() -> None:
    paired = [{"lr": float(f"0.{number}"), "wd": 10**-number} for number in range(1, 4)]
    assert importance(settings_of(paired, [0.1, 0.2, 0.3])) == {}


def test_a_key_that_some_settings_lack_is_a_value_of_its_own() -> None:
    mixed: list[dict[str, Any]] = [{"a": 1}, {"b": 2}]
    assert importance(settings_of(mixed, [0.1, 0.9])) == {}  # too few
    mixed += [{"a": 1, "c": "x"}, {"b": 2, "c": "x"}, {"a": 1, "c": "y"}]
    shares = importance(settings_of(mixed, [0.1, 0.9, 0.2, 0.8, 0.15]), most=0)  # a forest would share it between them
    assert min(shares["a"], shares["b"]) > 0.9
    assert shares["c"] < 0.1


def test_nothing_matters_if_all_are_equal_or_none_has_finished() -> None:
    values = [{"lr": 0.1}, {"lr": 0.2}]
    assert importance(settings_of(values, [0.5, 0.5])) == {}
    assert importance([Setting(each, (run_row(0, 0.5, State.PRUNED),)) for each in values]) == {}
    assert importance([]) == {}


def test_switches_and_texts_are_no_numbers() -> None:
    values = [{"flip": flip, "size": size} for flip in (True, False) for size in (1, "1", None)]
    shares = importance(settings_of(values, [1, 2, 3, 1, 2, 3]))
    assert shares == pytest.approx({"size": 1.0, "flip": 0.0})
