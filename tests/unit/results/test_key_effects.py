"""How the objective depends on a key: the runs, and mean and spread where the key has a value."""

from statistics import stdev

import pytest

from convboard.results.key_effects import compared_keys, key_effect, measured, measured_settings
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State
from run_rows import run_row


def grid() -> RunTable:
    values = {
        ("lenet", 0.1): (0.9, 0.92),
        ("lenet", 0.01): (0.8, 0.82),
        ("b", 0.1): (0.7, 0.71),
        ("b", 0.01): (0.6, 0.63),
    }
    rows = [
        run_row(2 * index + seed, value, model=model, optimizer__lr=lr, seed=seed)
        for index, ((model, lr), both) in enumerate(values.items())
        for seed, value in enumerate(both)
    ]
    return RunTable(rows, ["model", "optimizer.lr", "seed"])


def test_mean_and_spread_for_each_value() -> None:
    effect = key_effect(grid(), "optimizer.lr")
    assert effect.scale.kind == "log"
    assert not effect.is_grouped
    assert [(point.at, point.value) for point in effect.points[:2]] == [(0.01, 0.8), (0.01, 0.82)]
    assert [group.values for group in effect.groups] == [(0.01,), (0.1,)]
    assert [group.summary.mean for group in effect.groups] == pytest.approx([0.7125, 0.8075])
    assert effect.groups[0].summary.deviation == pytest.approx(stdev([0.8, 0.82, 0.6, 0.63]))


def test_runs_without_an_objective_are_left_out() -> None:
    rows = [run_row(0, 0.9, model="a"), run_row(1, None, model="a")]
    assert [value for _, value in measured(rows)] == [0.9]
    assert [group.summary.n for group in key_effect(RunTable(rows), "model").groups] == [1]


def test_pruned_runs_count_only_where_none_has_finished() -> None:
    rows = [
        run_row(0, 0.9, model="a"),
        run_row(1, 0.1, State.PRUNED, model="a"),
        run_row(2, 0.2, State.PRUNED, model="b"),
    ]
    effect = key_effect(RunTable(rows), "model")
    assert [group.summary.mean for group in effect.groups] == [0.9, 0.2]
    assert len(effect.points) == 3


def test_a_number_with_many_values_has_groups_of_equal_size() -> None:
    rows = [run_row(number, number / 100, batch_size=16 + number) for number in range(60)]
    effect = key_effect(RunTable(rows), "batch_size")
    assert effect.is_grouped
    assert [len(group.values) for group in effect.groups] == [10] * 6
    assert effect.groups[0].summary.mean == pytest.approx(0.045)


def test_runs_with_the_same_value_are_in_one_group() -> None:
    rows = [run_row(number, 0.5, batch_size=0 if number < 30 else number) for number in range(60)]
    first, *others = key_effect(RunTable(rows), "batch_size").groups
    assert (first.values, first.summary.n) == ((0,), 30)
    assert all(group.summary.n <= 10 for group in others)


def test_a_run_without_the_key_is_left_out() -> None:
    rows = [run_row(0, 0.9, optimizer="sgd", optimizer__momentum=0.9), run_row(1, 0.8, optimizer="adam")]
    assert len(key_effect(RunTable(rows), "optimizer.momentum").points) == 1


def test_the_most_important_key_comes_first_and_the_seed_never() -> None:
    assert compared_keys(grid()) == ["model", "optimizer.lr"]


def test_a_key_in_which_only_runs_without_a_result_differ_is_not_compared() -> None:
    rows = [run_row(0, 0.9, model="a", optimizer__lr=0.1), run_row(1, 0.8, model="b", optimizer__lr=0.1)]
    rows.append(run_row(2, None, State.FAILED, model="a", optimizer__lr=100.0))
    assert compared_keys(RunTable(rows, ["model", "optimizer.lr"])) == ["model"]


def test_settings_with_their_objective_best_first() -> None:
    settings = measured_settings(grid())
    assert [summary.mean for _, summary in settings] == pytest.approx([0.91, 0.81, 0.705, 0.615])
    assert settings[0][0].values == {"model": "lenet", "optimizer.lr": 0.1}
