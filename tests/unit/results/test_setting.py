"""Runs grouped into settings."""

from convboard.results.setting import group_settings
from convboard.sweeps.store.entries import State
from run_rows import run_row


def test_a_run_that_was_trained_twice_counts_once() -> None:
    """Otherwise two equal results would look like certainty."""
    rows = [run_row(0, 0.8, seed=1), run_row(1, 0.8, seed=1), run_row(2, 0.9, seed=2)]
    (setting,) = group_settings(rows, ["seed"])
    assert [row.number for row in setting.finished] == [1, 2]
    assert len(setting.rows) == 3
    assert setting.objective is not None
    assert setting.objective.n == 2


def test_runs_with_one_seed_and_other_values_are_none_that_repeat_each_other() -> None:
    rows = [run_row(0, 0.8, seed=1, batch_size=1), run_row(1, 0.9, seed=1, batch_size=2)]
    (setting,) = group_settings(rows, ["seed"])
    assert len(setting.finished) == 2


def test_what_has_not_finished_does_not_count_beside_what_has() -> None:
    rows = [run_row(0, 0.8, seed=1), run_row(1, 0.9, State.PRUNED, seed=2)]
    (setting,) = group_settings(rows, ["seed"])
    assert [row.number for row in setting.results] == [0]
