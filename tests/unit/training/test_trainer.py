"""The loop on a small made-up problem: what it promises its callbacks, and that they change nothing."""

import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.config.groups import TrainerConfig
from convboard.data.batches import Batch
from convboard.errors import TrainingError
from convboard.models import BatchNormCNN
from convboard.training import signals
from convboard.training.callbacks import Callback, EpochEnd, FitEnd, FitStart, Step
from convboard.training.checkpoint import load_checkpoint, load_latest
from convboard.training.distributed.communicator import Communicator
from convboard.training.schedules import Constant, Cosine, Schedule
from convboard.training.signals import Interrupted
from convboard.training.trainer import Trainer
from training_setups import make_setup, make_splits

OLDER_CHECKPOINTS = Path(__file__).parents[2] / "data/runs_of_version_0_1/killed/checkpoints"
IMAGES, BATCH = 50, 16


class Recorder(Callback):
    """A callback that keeps all events."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_fit_start(self, start: FitStart) -> None:
        self.events.append(start)

    def on_step(self, step: Step) -> None:
        self.events.append(step)

    def on_epoch_end(self, end: EpochEnd) -> str | None:
        self.events.append(end)
        return None

    def on_fit_end(self, end: FitEnd) -> None:
        self.events.append(end)

    def state_dict(self) -> dict[str, Any]:
        return {"events": len(self.events)}

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def make_trainer(
    folder: Path,
    limits: TrainerConfig,
    callbacks: tuple[Callback, ...] = (),
    schedule: Schedule | None = None,
    lr: float = 0.1,
    batch_size: int = BATCH,
) -> Trainer:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    folder.mkdir(exist_ok=True)
    setup = make_setup(
        model,
        optimizer,
        limits,
        make_splits(IMAGES, batch_size),
        schedule=schedule or Constant(),
        checkpoints=folder,
        callbacks=callbacks,
        divergence_advice="Try a lower learning rate.",
    )
    return Trainer(setup)


def weights(trainer: Trainer) -> Tensor:
    return nn.utils.parameters_to_vector(trainer.setup.model.parameters()).detach().clone()


def test_callbacks_are_told_of_each_step_and_epoch_in_order(tmp_path: Path) -> None:
    recorder = Recorder()
    end = make_trainer(tmp_path, TrainerConfig(max_epochs=2), (recorder,)).fit()
    kinds = [type(event).__name__ for event in recorder.events]
    assert kinds == ["FitStart", *["Step"] * 4, "EpochEnd", *["Step"] * 4, "EpochEnd", "FitEnd"]
    assert [step.global_step for step in recorder.of(Step)] == list(range(1, 9))
    assert [step.samples for step in recorder.of(Step)] == [16, 16, 16, 2] * 2
    assert [epoch.is_last for epoch in recorder.of(EpochEnd)] == [False, True]
    assert recorder.events[-1] is end
    assert end.status == "finished"
    assert set(end.metrics) == {"accuracy/val", "loss/val", "accuracy/test", "loss/test"}


def test_the_training_loss_of_an_epoch_is_the_mean_over_its_samples(tmp_path: Path) -> None:
    recorder = Recorder()
    make_trainer(tmp_path, TrainerConfig(max_epochs=1), (recorder,)).fit()
    steps, (end,) = recorder.of(Step), recorder.of(EpochEnd)
    assert end.train_loss == pytest.approx(sum(step.loss.item() * step.samples for step in steps) / IMAGES)
    assert end.train_accuracy == pytest.approx(sum(step.correct.item() for step in steps) / IMAGES)


def test_a_run_gives_the_same_bits_twice_and_callbacks_change_none(tmp_path: Path) -> None:
    first = make_trainer(tmp_path / "a", TrainerConfig(max_epochs=2))
    first.fit()
    second = make_trainer(tmp_path / "b", TrainerConfig(max_epochs=2), (Recorder(),))
    second.fit()
    assert torch.equal(weights(first), weights(second))


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path: Path) -> None:
    def after_one_step(batch_size: int, accumulate: int) -> Tensor:
        torch.manual_seed(0)
        trainer = make_trainer(
            tmp_path, TrainerConfig(max_epochs=1, accumulate_batches=accumulate), batch_size=batch_size
        )
        trainer.setup.model[2].eval()  # type: ignore[index]  # batch statistics do depend on the batch
        trainer.setup.model[2].train = lambda mode=True: None  # type: ignore[index]
        batches = list(trainer.setup.splits.train.epoch(0))[:accumulate]
        trainer._train_step.take(batches, steps_before=0, epoch=1)
        return weights(trainer)

    torch.testing.assert_close(after_one_step(8, 4), after_one_step(32, 1))


def test_steps_per_epoch_counts_optimizer_steps(tmp_path: Path) -> None:
    recorder = Recorder()
    make_trainer(tmp_path, TrainerConfig(max_epochs=1, accumulate_batches=3), (recorder,)).fit()
    assert recorder.events[0].steps_per_epoch == 2
    assert [step.samples for step in recorder.of(Step)] == [48, 2]


def test_limits_cut_the_epoch_short(tmp_path: Path) -> None:
    recorder = Recorder()
    limits = TrainerConfig(max_epochs=1, limit_train_batches=2, limit_val_batches=1, limit_test_batches=1)
    end = make_trainer(tmp_path, limits, (recorder,)).fit()
    assert len(recorder.of(Step)) == 2
    assert len(recorder.of(EpochEnd)[0].val.labels) == BATCH
    assert end.test is not None
    assert len(end.test.labels) == BATCH


def test_the_schedule_sets_the_learning_rate_of_each_step(tmp_path: Path) -> None:
    recorder = Recorder()
    make_trainer(tmp_path, TrainerConfig(max_epochs=2), (recorder,), Cosine()).fit()
    assert [step.lr for step in recorder.of(Step)] == [0.1 * Cosine()(step, 8, 4) for step in range(8)]


def test_clipping_reports_the_norm_before_it(tmp_path: Path) -> None:
    recorder = Recorder()
    make_trainer(tmp_path, TrainerConfig(max_epochs=1, gradient_clip=1e-6), (recorder,), lr=1.0).fit()
    assert all(step.gradient_norm.item() > 1e-3 for step in recorder.of(Step))


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path) -> None:
    recorder = Recorder()
    end = make_trainer(tmp_path, TrainerConfig(max_epochs=100, patience=3), (recorder,), lr=0.0).fit()
    # With no learning rate only BatchNorm's running statistics move, and those settle.
    epochs = recorder.of(EpochEnd)
    assert end.epoch == len(epochs) < 100
    assert [epoch.is_last for epoch in epochs] == [False] * (len(epochs) - 1) + [True]
    best = max(range(len(epochs)), key=lambda at: (epochs[at].val.accuracy, -epochs[at].val.loss))
    assert len(epochs) == best + 1 + 3


class PrunesAt(Recorder):
    """A callback that prunes the run after an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, end: EpochEnd) -> str | None:
        super().on_epoch_end(end)
        return "too bad" if end.epoch == self.epoch else None


def test_a_pruned_run_is_saved_and_tested_and_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    limits = TrainerConfig(max_epochs=4)
    first, last = PrunesAt(2), Recorder()
    pruned = make_trainer(tmp_path / "a", limits, (first, last))
    end = pruned.fit()
    assert (end.status, end.epoch, end.reason) == ("pruned", 2, "too bad")
    assert end.test is not None
    assert last.events[-1] is end
    assert [epoch.is_last for epoch in last.of(EpochEnd)] == [False, False]
    assert pruned.is_finished
    resumed = make_trainer(tmp_path / "a", limits)
    resumed.resume(*load_latest(tmp_path / "a"))
    assert resumed.fit().status == "finished"
    whole = make_trainer(tmp_path / "b", limits)
    whole.fit()
    assert torch.equal(weights(resumed), weights(whole))


class StoppedWhenPruned(PrunesAt):
    """The same, which keeps its reason, and is stopped in the epoch that prunes the run."""

    reason: str | None = None

    def on_epoch_end(self, end: EpochEnd) -> str | None:
        self.reason = super().on_epoch_end(end)
        if self.reason is not None:
            signal.raise_signal(signal.SIGTERM)
        return self.reason

    def state_dict(self) -> dict[str, Any]:
        return {"reason": self.reason}

    def load_state_dict(self, state: dict[str, Any]) -> str | None:
        self.reason = state["reason"]
        return self.reason


def test_a_run_that_is_stopped_between_its_pruning_and_its_end_is_still_pruned(tmp_path: Path) -> None:
    limits = TrainerConfig(max_epochs=4)
    with pytest.raises(Interrupted):
        make_trainer(tmp_path, limits, (StoppedWhenPruned(2),)).fit()
    resumed = make_trainer(tmp_path, limits, (StoppedWhenPruned(2),))
    resumed.resume(*load_latest(tmp_path))
    assert resumed.is_finished
    end = resumed.fit()
    assert (end.status, end.epoch, end.reason) == ("pruned", 2, "too bad")
    promoted = make_trainer(tmp_path, limits, (Recorder(),))
    promoted.resume(*load_latest(tmp_path))
    assert promoted.fit().epoch == 4


class SecondOfTwo(Communicator):
    """The second of two processes, the first of which has a callback that prunes the run."""

    rank = 1

    def all_reduce_max(self, value: int) -> int:
        return 2


def test_all_processes_end_a_run_that_is_pruned(tmp_path: Path) -> None:
    setup = make_trainer(tmp_path, TrainerConfig(max_epochs=4)).setup
    end = Trainer(replace(setup, comm=SecondOfTwo())).fit()
    assert (end.status, end.epoch) == ("pruned", 1)


def test_the_best_epoch_is_the_one_tested(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer = make_trainer(tmp_path, TrainerConfig(max_epochs=8), (recorder,), lr=0.5)
    end = trainer.fit()
    best = max(recorder.of(EpochEnd), key=lambda epoch: (epoch.val.accuracy, -epoch.val.loss))
    assert trainer.best_epoch == best.epoch
    assert end.metrics["accuracy/val"] == best.val.accuracy
    assert load_checkpoint(tmp_path / "best.safetensors").state["epoch"] == best.epoch
    assert load_checkpoint(tmp_path / "last.safetensors").state["epoch"] == 8


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer = make_trainer(tmp_path, TrainerConfig(max_epochs=5), (recorder,))
    take = trainer._train_step.take

    def poisoned(batches: Sequence[Batch], steps_before: int, epoch: int) -> Step:
        if steps_before == 6:
            with torch.no_grad():
                trainer.setup.model.get_parameter("1.weight").fill_(torch.nan)
        return take(batches, steps_before, epoch)

    trainer._train_step.take = poisoned  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"^The loss is nan at step 7 \(epoch 2\).*Try a lower learning rate\.$"):
        trainer.fit()
    end = recorder.events[-1]
    assert (end.status, end.global_step, end.epoch) == ("failed", 6, 1)
    assert "step 7" in end.reason
    kept = load_checkpoint(tmp_path / "last.safetensors")
    assert kept.state["epoch"] == 1
    assert all(tensor.isfinite().all() for tensor in kept.model.values())


class Broken(Recorder):
    """A callback whose end fails as well."""

    def on_step(self, step: Step) -> None:
        raise RuntimeError("the cause")

    def on_fit_end(self, end: FitEnd) -> None:
        super().on_fit_end(end)
        raise RuntimeError("what came of it")


def test_the_cause_of_a_failure_is_the_error_that_is_raised(tmp_path: Path) -> None:
    broken, recorder = Broken(), Recorder()
    with pytest.raises(RuntimeError, match="the cause"):
        make_trainer(tmp_path, TrainerConfig(max_epochs=1), (broken, recorder)).fit()
    assert [callback.events[-1].reason for callback in (broken, recorder)] == ["the cause", "the cause"]


class Killer(Recorder):
    """Ends the run at a step, as SIGKILL would: without another word."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def on_step(self, step: Step) -> None:
        super().on_step(step)
        if step.global_step == self.step:
            raise KeyboardInterrupt


def figures(recorder: Recorder) -> dict[tuple[str, int], tuple[float, ...]]:
    """The figures of the last event of each step and epoch."""
    found: dict[tuple[str, int], tuple[float, ...]] = {}
    for step in recorder.of(Step):
        found["step", step.global_step] = (step.loss.item(), step.correct.item(), step.samples, step.lr)
    for end in recorder.of(EpochEnd):
        found["epoch", end.epoch] = (end.train_loss, end.train_accuracy, end.val.loss, end.val.accuracy)
    return found


@pytest.mark.parametrize("minutes", [0.0, 1e9], ids=["a checkpoint every step", "a checkpoint every epoch"])
@pytest.mark.parametrize("killed_at", [[1], [3], [4], [5, 6, 7], [8], [11, 12]])
def test_a_killed_run_goes_on_as_if_nothing_had_been(killed_at: list[int], minutes: float, tmp_path: Path) -> None:
    limits = TrainerConfig(max_epochs=3, checkpoint_minutes=minutes)
    whole = Recorder()
    uninterrupted = make_trainer(tmp_path / "whole", limits, (whole,))
    end = uninterrupted.fit()

    killed = Killer(killed_at[0])
    with pytest.raises(KeyboardInterrupt):
        make_trainer(tmp_path / "killed", limits, (killed,)).fit()
    for step in [*killed_at[1:], None]:
        torch.manual_seed(12345)  # another process has another random state
        trainer = make_trainer(tmp_path / "killed", limits, (killed,))
        trainer.resume(*load_latest(tmp_path / "killed"))
        killed.step = step or 0
        if step is not None:
            with pytest.raises(KeyboardInterrupt):
                trainer.fit()
    resumed_end = trainer.fit()

    assert resumed_end.metrics == end.metrics
    assert figures(killed) == figures(whole)
    for name in ("best", "last"):
        ours, theirs = (load_checkpoint(tmp_path / run / f"{name}.safetensors") for run in ("killed", "whole"))
        torch.testing.assert_close(ours.model, theirs.model, rtol=0, atol=0)
        torch.testing.assert_close(ours.optimizer, theirs.optimizer, rtol=0, atol=0)
        torch.testing.assert_close(ours.rng, theirs.rng, rtol=0, atol=0)


class Board(Recorder):
    """A callback with the name of one whose state an older checkpoint has."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.loaded = state


def test_a_checkpoint_of_version_0_1_is_resumed(tmp_path: Path) -> None:
    """Its callbacks were called observers."""
    checkpoint, source = load_latest(OLDER_CHECKPOINTS)
    board = Board()
    model = BatchNormCNN(in_channels=1, image_size=28, num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    trainer = Trainer(make_setup(model, optimizer, TrainerConfig(max_epochs=2), callbacks=(board,)))
    trainer.resume(checkpoint, source)
    assert (trainer.epoch, trainer.global_step, trainer.best_epoch) == (1, 8, 1)
    assert board.loaded.keys() == {"events", "curves", "missing"}
    assert torch.equal(model.get_parameter("fc.bias"), checkpoint.model["fc.bias"])
    assert len(optimizer.state) == len(list(model.parameters()))
    assert trainer.state_dict().keys() == checkpoint.state.keys() - {"observers"} | {"callbacks"}


def test_the_seconds_are_those_of_all_parts_of_the_run(tmp_path: Path) -> None:
    make_trainer(tmp_path, TrainerConfig(max_epochs=1)).fit()
    checkpoint, source = load_latest(tmp_path)
    checkpoint.state["seconds"] += 1000
    trainer = make_trainer(tmp_path, TrainerConfig(max_epochs=2))
    trainer.resume(checkpoint, source)
    trainer.fit()
    assert trainer.seconds > load_latest(tmp_path)[0].state["seconds"] > 1000


def test_a_signal_that_got_lost_before_the_training_ends_it_at_its_first_step(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, TrainerConfig(max_epochs=3, checkpoint_minutes=1e9))
    with signals.handling(lambda number: None):
        with signals.raising(), suppress(KeyboardInterrupt):  # a library that goes on after any exception
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"):
            trainer.fit()
    assert load_latest(tmp_path)[0].state["global_step"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_after_the_step_and_saves_it(number: signal.Signals, tmp_path: Path) -> None:
    class Signaller(Recorder):
        def on_step(self, step: Step) -> None:
            super().on_step(step)
            if step.global_step == 6:
                signal.raise_signal(number)
                signal.raise_signal(number)  # a second one changes nothing

    handler = signal.getsignal(number)
    with pytest.raises(Interrupted) as caught:
        make_trainer(tmp_path, TrainerConfig(max_epochs=3), (Signaller(),)).fit()
    assert caught.value.signal == number
    assert signal.getsignal(number) == handler
    checkpoint, _ = load_latest(tmp_path)
    assert checkpoint.state["global_step"] == 6


def test_a_validation_loss_that_is_not_finite_ends_the_run_before_it_is_saved(tmp_path: Path) -> None:
    class Poisoner(Recorder):
        def on_step(self, step: Step) -> None:
            if step.global_step == 8:  # the last of the second epoch: no training loss sees it
                with torch.no_grad():
                    trainer.setup.model.get_parameter("1.weight").fill_(torch.nan)

    trainer = make_trainer(tmp_path, TrainerConfig(max_epochs=2), (Poisoner(),))
    with pytest.raises(TrainingError, match=r"^The validation loss is nan after epoch 2; the run stopped"):
        trainer.fit()
    kept = load_checkpoint(tmp_path / "last.safetensors")
    assert kept.state["epoch"] == 1
    assert all(tensor.isfinite().all() for tensor in kept.model.values())
