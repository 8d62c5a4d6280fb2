"""Pruning with its files: who is compared with whom, what is stored, and what is said."""

import json
from pathlib import Path

import pytest

from convboard.sweeps.pruning.pruning import EpochValues, MedianRule, Pruner, SuccessiveHalving


@pytest.fixture
def stored(tmp_path: Path) -> EpochValues:
    return EpochValues(tmp_path / "values")


def train(pruner: Pruner, stored: EpochValues, number: int, values: list[float]) -> str:
    """Train a trial with these values by epoch; return where and why it ends."""
    for epoch in range(1, len(values) + 1):
        reason = pruner.judge(number, values[:epoch], epoch == len(values), stored)
        if reason is not None:
            return reason
    return "finished"


def test_successive_halving_compares_at_its_rungs(stored: EpochValues, tmp_path: Path) -> None:
    pruner = SuccessiveHalving("accuracy/val", first=1, reduction_factor=3)
    assert train(pruner, stored, 0, [0.5, 0.6, 0.7, 0.7]) == "finished"
    assert train(pruner, stored, 1, [0.4, 0.1, 0.6, 0.6]) == "finished"  # of two, both go on
    assert train(pruner, stored, 2, [0.6, 0.1, 0.65, 0.9]) == "epoch 3: 65.00% is not the best of 3 trials"
    assert train(pruner, stored, 3, [0.7, 0.7, 0.8, 0.1]) == "finished"
    assert train(pruner, stored, 4, [0.1, 0.1, 0.1, 0.1]) == "epoch 1: 10.00% is not the best of 5 trials"
    assert train(pruner, stored, 5, [0.55, 1.0, 1.0, 1.0]) == "epoch 1: 55.00% is not among the best 2 of 6 trials"
    assert sorted(path.name for path in (tmp_path / "values").iterdir()) == ["00001", "00003"]
    assert json.loads((tmp_path / "values/00003/00002.json").read_text()) == [0.6, 0.1, 0.65]


def test_a_loss_is_better_when_it_is_smaller(stored: EpochValues) -> None:
    pruner = SuccessiveHalving("loss/test", first=2, reduction_factor=2)
    assert train(pruner, stored, 0, [2.0, 1.0, 0.5]) == "finished"
    assert train(pruner, stored, 1, [0.1, 1.123456, 0.1]) == "epoch 2: 1.1235 is not the best of 2 trials"
    assert train(pruner, stored, 2, [9.0, 0.9, 0.5]) == "finished"


def test_the_median_rule_waits_for_trials_that_have_finished(stored: EpochValues, tmp_path: Path) -> None:
    pruner = MedianRule("accuracy/test", first=2, min_trials=2)
    for number, values in enumerate(([0.5, 0.5, 0.5], [0.7, 0.9, 0.9])):
        assert train(pruner, stored, number, values) == "finished"
    wanted = "epoch 2: the best value 60.00% is worse than the median 65.00% of 2 trials"
    assert train(pruner, stored, 2, [0.1, 0.6, 0.9]) == wanted
    assert train(pruner, stored, 3, [0.1, 0.66, 0.1]) == "finished"
    assert [path.name for path in (tmp_path / "values").iterdir()] == ["finished"]


def test_the_last_epoch_prunes_nothing(stored: EpochValues) -> None:
    for pruner in (SuccessiveHalving("accuracy/val", 1, 2), MedianRule("accuracy/test", 1, 1)):
        for number in range(5):
            assert train(pruner, stored, number, [1 - number / 10]) == "finished"


def test_epochs_that_are_repeated_count_once_and_damaged_files_do_not(stored: EpochValues, tmp_path: Path) -> None:
    stored.write("00001", 3, [0.5])
    stored.write("00001", 3, [0.5])
    stored.write("00001", 4, [float("nan")])
    for name, text in (("00005", "[0.1"), ("00006", "[]"), ("00007", "7"), ("00008", '["x"]'), ("00009", "null")):
        (tmp_path / f"values/00001/{name}.json").write_text(text)
    assert stored.others("00001", 4) == [[0.5]]
    assert str(stored.others("00001", 3)) == "[[nan]]"
    assert stored.others("00002", 3) == []
