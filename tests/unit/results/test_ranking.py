"""Settings and their ranking."""

from typing import Any

import pytest

from convboard.results.ranking import is_close, most_seeds, rank
from convboard.results.run_row import RunRow
from convboard.results.setting import Setting, group_settings
from convboard.sweeps.store.entries import State
from run_rows import run_row


def runs(**facts: Any) -> list[RunRow]:
    """Two seeds of two settings, and one of a third."""
    values = [(0.90, 0.1, 1), (0.94, 0.1, 2), (0.97, 0.01, 1), (0.80, 0.01, 2), (0.93, 0.3, 1)]
    return [run_row(number, value, lr=lr, seed=seed, **facts) for number, (value, lr, seed) in enumerate(values)]


RUNS = runs()


def ranked(rows: list[RunRow]) -> list[Setting]:
    return rank(group_settings(rows, ("dataset", "objective", "lr", "seed")))


def lrs(settings: list[Setting]) -> list[float]:
    return [setting.values["lr"] for setting in settings]


def mean(setting: Setting) -> float:
    assert setting.objective is not None
    return setting.objective.mean


def test_settings_are_ranked_by_their_mean_over_seeds() -> None:
    settings = ranked([*RUNS])
    assert lrs(settings) == [0.1, 0.01, 0.3]
    best = settings[0]
    assert best.objective is not None
    assert best.objective.mean == pytest.approx(0.92)
    assert best.objective.deviation == pytest.approx(0.02 * 2**0.5)
    assert best.test is not None
    assert best.test.mean == pytest.approx(0.46)
    assert [row.number for row in best.results] == [1, 0]
    assert [row.number for row in best.rows] == [1, 0]


def test_a_loss_is_better_when_it_is_smaller() -> None:
    settings = ranked(runs(objective="loss/val"))
    assert lrs(settings) == [0.01, 0.1, 0.3]
    assert settings[0].results[0].number == 3


def test_who_has_all_seeds_comes_before_who_was_lucky_with_one_then_the_pruned_then_those_without_result() -> None:
    lucky = run_row(5, 0.99, lr=1, seed=1)
    pruned = [run_row(6, 0.999, State.PRUNED, lr=2, seed=1), run_row(7, 0.98, State.PRUNED, lr=1, seed=2)]
    spared = run_row(8, None, State.PRUNED, lr=2, seed=2)
    others = [run_row(9, None, State.FAILED, lr=3, seed=1), run_row(10, None, State.RUNNING, lr=0.1, seed=3)]
    settings = ranked([*others, *pruned, lucky, spared, *RUNS])
    assert lrs(settings) == [0.1, 0.01, 1, 0.3, 2, 3]
    assert most_seeds(settings) == 2
    assert (mean(settings[2]), settings[2].results) == (0.99, (lucky,))  # a pruned seed does not count
    assert settings[2].pruned == (pruned[1],)
    assert (mean(settings[4]), settings[4].finished) == (0.999, ())
    assert settings[4].results == (pruned[0],)
    assert settings[5].objective is None
    assert settings[5].test is None
    assert most_seeds([]) == 0


def test_equal_settings_keep_their_order() -> None:
    same = [run_row(number, 0.5, lr=number) for number in range(3)]
    assert lrs(ranked(same)) == [0, 1, 2]


def test_settings_of_several_data_sets_and_objectives_are_not_compared() -> None:
    """Those of one come before those of the next, whose number of seeds counts for itself."""
    loss = run_row(5, 0.2, lr=1, objective="loss/val"), run_row(6, 0.1, lr=2, objective="loss/val")
    other = [run_row(7, 0.99, lr=3, dataset="mnist", seed=seed) for seed in range(3)]
    without = run_row(8, None, State.FAILED, lr=4)
    settings = ranked([without, *RUNS, *loss, *other])
    assert lrs(settings) == [0.1, 0.01, 0.3, 2, 1, 3, 4]


def test_who_is_close_to_the_best() -> None:
    best, other, single = ranked([*RUNS])
    assert is_close(best, other)  # 3.5 points, with standard errors of 2 and 8.5
    assert not is_close(best, single)  # whose spread is not known
    far = ranked([run_row(0, 0.5, lr=1, seed=1), run_row(1, 0.51, lr=1, seed=2)])[0]
    assert not is_close(best, far)
