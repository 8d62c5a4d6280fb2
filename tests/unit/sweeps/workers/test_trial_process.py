"""The process of a trial: whether and by what it is pruned."""

import threading
import time
from pathlib import Path

import pytest
import torch

from convboard.errors import RunError
from convboard.experiment.run_files import LOCK
from convboard.files.locks import locked
from convboard.sweeps.pruning.pruning import EpochValues, SuccessiveHalving
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.workers.trial_process import Pruning, pruning_of, wait_until_free
from convboard.training.callbacks import EpochEnd, Evaluation


def epoch(number: int, accuracy: float, loss: float = 1.0, is_last: bool = False) -> EpochEnd:
    val = Evaluation(loss, accuracy, torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))
    return EpochEnd(number, number, 0.0, 0.0, val, 1.0, is_last=is_last, is_best=False)


@pytest.mark.parametrize(
    ("objective", "other", "told"), [("accuracy/test", 0.7, "60.00%"), ("loss/test", 0.2, "0.3000")]
)
def test_a_trial_is_compared_by_the_validation_split(objective: str, other: float, told: str, tmp_path: Path) -> None:
    stored = EpochValues(tmp_path)
    stored.write("00002", 0, [0.1, other])
    pruning = Pruning(SuccessiveHalving(objective, 2, 2), stored, 1, objective)
    assert pruning.on_epoch_end(epoch(1, 0.9, 0.1)) is None
    wanted = f"epoch 2: {told} is not the best of 2 trials"
    assert pruning.on_epoch_end(epoch(2, 0.6, 0.3)) == wanted
    assert pruning.reason == wanted


def test_a_resumed_trial_goes_on_with_the_values_of_its_checkpoint(tmp_path: Path) -> None:
    stored = EpochValues(tmp_path)
    stored.write("00002", 0, [0.1, 0.5])
    first = Pruning(SuccessiveHalving("accuracy/val", 2, 2), stored, 1, "accuracy/val")
    first.on_epoch_end(epoch(1, 0.3))
    resumed = Pruning(SuccessiveHalving("accuracy/val", 2, 2), stored, 1, "accuracy/val")
    resumed.load_state_dict(first.state_dict())
    assert resumed.on_epoch_end(epoch(2, 0.4)) == "epoch 2: 40.00% is not the best of 2 trials"


def test_a_trial_that_was_stopped_after_its_pruning_is_still_pruned(tmp_path: Path) -> None:
    stored = EpochValues(tmp_path)
    stored.write("00001", 0, [0.5])
    first, resumed = (Pruning(SuccessiveHalving("accuracy/val", 1, 2), stored, 1, "accuracy/val") for _ in range(2))
    first.on_epoch_end(epoch(1, 0.3))
    assert first.reason
    assert resumed.load_state_dict(first.state_dict()) == first.reason
    assert resumed.reason == first.reason


def test_a_trial_that_was_taken_further_is_not_pruned_again(tmp_path: Path) -> None:
    options = SweepOptions(pruner="median", seeds=3).shared()
    record = SweepRecord("", ("seed",), "loss/val", "abc", {}, options=options)
    sweep = Sweep.create(tmp_path, record, [Trial(0, (), {"seed": "1"}, "seed=1", {})])
    assert isinstance(pruning_of(tmp_path, sweep.trials[0]), Pruning)
    sweep.journal.claim("me", [0])
    sweep.journal.append(0, Entry(State.PRUNED, "me", value=0.5, epochs=3))
    sweep.promote([0])
    assert pruning_of(tmp_path, sweep.trials[0]) is None


def test_of_a_setting_with_several_seeds_the_first_one_is_judged_and_the_others_follow(tmp_path: Path) -> None:
    swept = [{"lr": lr, "seed": seed} for lr in ("1", "2") for seed in ("5", "6", "7")]
    trials = [Trial(number, (), each, str(number), {"n": number}) for number, each in enumerate(swept)]
    options = SweepOptions(pruner="asha", reduction_factor=2, seeds=3).shared()
    sweep = Sweep.create(tmp_path, SweepRecord("", ("lr", "seed"), "loss/val", "abc", {}, options=options), trials)
    for number in range(4):
        sweep.journal.claim("me", [number])
    first, second, third, other = (pruning_of(tmp_path, sweep.trials[number]) for number in (0, 1, 2, 3))
    assert first
    assert second
    assert third
    assert other
    assert other.on_epoch_end(epoch(1, 0.5, loss=1.0)) is None
    assert second.on_epoch_end(epoch(1, 0.5, loss=9.0)) is None
    assert first.on_epoch_end(epoch(1, 0.5, loss=2.0)) == "epoch 1: 2.0000 is not the best of 2 trials"
    sweep.journal.append(0, Entry(State.PRUNED, "me"))
    assert third.on_epoch_end(epoch(1, 0.5, loss=9.0, is_last=True)) is None
    assert second.on_epoch_end(epoch(2, 0.5)) == "trial 0, which has another seed of the same setting, was pruned"


def test_if_the_first_seed_has_failed_the_next_one_is_judged(tmp_path: Path) -> None:
    trials = [Trial(number, (), {"seed": str(number)}, str(number), {"n": number}) for number in range(2)]
    options = SweepOptions(pruner="asha", reduction_factor=2).shared()
    sweep = Sweep.create(tmp_path, SweepRecord("", ("seed",), "loss/val", "abc", {}, options=options), trials)
    sweep.journal.claim("me", [0])
    sweep.journal.append(0, Entry(State.FAILED, "me"))
    second = pruning_of(tmp_path, sweep.trials[1])
    assert second
    EpochValues(tmp_path / "values").write("00001", 7, [0.1])
    assert second.on_epoch_end(epoch(1, 0.5)) == "epoch 1: 1.0000 is not the best of 2 trials"


def test_without_a_pruner_nothing_is_pruned(tmp_path: Path) -> None:
    record = SweepRecord("", ("seed",), "loss/val", "abc", {}, options=SweepOptions().shared())
    sweep = Sweep.create(tmp_path, record, [Trial(0, (), {"seed": "1"}, "seed=1", {})])
    assert pruning_of(tmp_path, sweep.trials[0]) is None


def test_a_trial_waits_for_the_process_that_still_saves_it(tmp_path: Path) -> None:
    """The worker of that process was killed, and another one goes on with the trial at once."""
    has_lock = threading.Event()

    def save() -> None:
        with locked(tmp_path / LOCK, wait=False, busy=lambda _: RunError("in use")):
            has_lock.set()
            time.sleep(0.2)
            (tmp_path / "saved").touch()

    saving = threading.Thread(target=save)
    saving.start()
    has_lock.wait()
    wait_until_free(tmp_path)
    assert (tmp_path / "saved").exists()
    saving.join()
