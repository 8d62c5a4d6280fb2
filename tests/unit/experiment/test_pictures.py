from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import convboard
from convboard.config.schema import TrainConfig
from convboard.errors import CheckpointError, RunError
from convboard.experiment.pictures import add_pictures
from convboard.files.locks import locked

CONFIG = {
    "model": {"_target_": "convboard.models.ConvDemo"},
    "dataset": {"name": "digits"},
    "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.02},
    "scheduler": {"_target_": "convboard.training.schedules.Constant"},
    "trainer": {"max_epochs": 2, "limit_train_batches": 3, "limit_test_batches": 1, "device": "cpu"},
    "board": {"level": "minimal"},
}


@pytest.fixture
def run(tmp_path: Path) -> convboard.Run:
    convboard.run(TrainConfig.from_dict(CONFIG), tmp_path / "run")
    return convboard.load_run(tmp_path / "run")


def test_the_pictures_are_of_the_best_epoch(run: convboard.Run) -> None:
    best = run.result["best_epoch"]
    assert add_pictures(run) == best
    events = EventAccumulator(str(run.path)).Reload()
    tags = events.Tags()
    assert {"input/probe", "confusion_matrix/val"} <= set(tags["images"])
    assert [event.step for event in events.Images("confusion_matrix/val")] == [3 * best]
    assert not [tag for tag in tags["tensors"] if tag.startswith("problems/")]
    assert add_pictures(run, "full") is None
    assert convboard.resume(run.path, max_epochs=3).epochs == 3  # nothing is locked, and its events are whole


def test_a_run_that_is_trained_is_refused(run: convboard.Run) -> None:
    with (
        locked(run.path / "run.lock", wait=False, busy=lambda _: AssertionError()),
        pytest.raises(RunError, match=r"run is being trained\. Wait until it has ended\."),
    ):
        add_pictures(run)


def test_a_run_without_a_checkpoint_is_refused(run: convboard.Run) -> None:
    run.best_checkpoint.unlink()
    with pytest.raises(CheckpointError, match=r"best\.safetensors"):
        add_pictures(run)
