"""The training loop.

It knows nothing of configs, of TensorBoard or of the terminal: callbacks are told what happens, and they do the
showing. Sums stay on the device until an epoch ends; for what waits for it all the same, see `guard`.
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convboard.data import Batches
from convboard.errors import TrainingError
from convboard.training.callbacks import Callback, EpochEnd, Evaluation, FitEnd, FitStart
from convboard.training.checkpoint import BEST, Checkpoint, load_checkpoint, load_weights, save_checkpoint, save_latest
from convboard.training.distributed.communicator import Communicator
from convboard.training.evaluation import evaluate
from convboard.training.execution_plan.plan import Plan
from convboard.training.limits import Limits
from convboard.training.metrics import EpochMetrics
from convboard.training.nan_guard import NanGuard
from convboard.training.schedules import Schedule
from convboard.training.seeding import random_state, restore_random_state
from convboard.training.signals import Interrupted, StopRequest
from convboard.training.train_step import TrainStep

_log = logging.getLogger(__name__)

_SAVE = 1  # a wish for a checkpoint; greater ones are signals


@dataclass(frozen=True)
class Splits:
    """The three splits of a data set, cut into batches; only `train` is shuffled and augmented."""

    train: Batches
    val: Batches
    test: Batches

    def with_memory_format(self, channels_last: bool) -> "Splits":
        """The same splits with their images in another memory format."""
        return Splits(*(batches.with_memory_format(channels_last) for batches in (self.train, self.val, self.test)))


class Trainer:
    """Trains one network on one data set, keeps its best weights, and tests those once at the end.

    Args:
        model: The network, already placed by `plan`.
        optimizer: Over the network's parameters; its groups' `lr` are the schedule's base.
        schedule: Factor of the learning rate by step.
        loss: Mean loss of (logits, labels).
        splits: The data.
        plan: Where and how to compute.
        limits: How long.
        checkpoints: Folder for the best checkpoint and the last two.
        callbacks: Told of each step and epoch, in this order; by the first process of a team alone.
        team: The processes that train together; each has its part of the batches, and the first one writes.

    Attributes:
        uses_all_weights: Whether every weight gets a gradient in each step; only a team wants to know.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        loss: nn.Module,
        splits: Splits,
        plan: Plan,
        limits: Limits,
        checkpoints: Path,
        callbacks: Sequence[Callback] = (),
        comm: Communicator | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.splits = splits
        self.plan = plan
        self.limits = limits
        self.checkpoints = checkpoints
        self.comm = comm or Communicator()
        self.callbacks = callbacks if self.comm.is_main else ()
        self.batches_per_epoch = min(len(splits.train), limits.train_batches or len(splits.train))
        self.steps_per_epoch = math.ceil(self.batches_per_epoch / limits.accumulate_batches)
        self.uses_all_weights = True
        self.epoch = 0
        self.global_step = 0
        self.best: dict[str, float] = {}
        self.best_epoch = 0
        self._sums = EpochMetrics(plan.device)
        total_steps = limits.max_epochs * self.steps_per_epoch
        self._stepper = TrainStep(
            model, optimizer, schedule, loss, plan, limits.gradient_clip, total_steps, self.steps_per_epoch, self.comm
        )
        self._stop = StopRequest()
        self._saved_at = 0.0
        self._seconds_before = 0.0
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Wall time of the run: since `fit` began and, where it was resumed, up to the checkpoint before that."""
        return self._seconds_before + time.perf_counter() - self._began

    def fit(self) -> FitEnd:
        """Train to the end, then test the best network.

        Returns:
            What the callbacks are told at the end as well.

        Raises:
            TrainingError: The loss was not finite. The checkpoints on disk are good.
            Interrupted: SIGINT or SIGTERM asked for an end; the last checkpoint is of the last step taken.
        """
        start = FitStart(
            self.model,
            self.plan.device,
            self.limits.max_epochs,
            self.steps_per_epoch,
            self.epoch,
            self.global_step,
        )
        self._began = time.perf_counter()
        told: list[Callback] = []
        with self._stop:
            try:
                self._stepper.join(self.uses_all_weights)
                for callback in self.callbacks:
                    callback.on_fit_start(start)
                    told.append(callback)
                if self.global_step == 0:
                    self._save(is_best=False)  # a run can be resumed from its first moment
                while not self._is_done():
                    self._train_epoch()
                end = self._test_best()
            except BaseException as raised:
                error = self.comm.root_cause(raised)
                reason = str(error) or type(error).__name__
                end = FitEnd("failed", self.global_step, self.epoch, None, dict(self.best), reason)
                for callback in told:
                    _tell_failure(callback, end)
                if error is raised:
                    raise
                raise error from raised
            for callback in self.callbacks:
                callback.on_fit_end(end)
        return end

    def resume(self, checkpoint: Checkpoint, source: Path) -> None:
        """Go on, at the next `fit`, where the run that saved `checkpoint` was.

        Args:
            checkpoint: One of the last two of a run of the same config.
            source: Its file, for messages.

        Raises:
            CheckpointError: It is of another network.
        """
        load_weights(self.model, checkpoint, source)
        self.optimizer.load_state_dict(checkpoint.optimizer)
        state = checkpoint.state
        local_random_states = self.comm.local_random_states(checkpoint.rng)
        if local_random_states:
            restore_random_state(local_random_states)
        if state["processes"] != self.comm.world_size:
            _log.warning(
                "%s was saved by a run of %d processes, and this one has %d: samples and steps stay the same, but sums "
                "round otherwise, and dropout draws otherwise.",
                source,
                state["processes"],
                self.comm.world_size,
            )
        self.epoch, self.global_step = state["epoch"], state["global_step"]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._seconds_before = state.get("seconds", 0.0)  # older checkpoints do not say
        self._sums.load_state_dict(state["sums"])
        for callback in self.callbacks:
            callback.load_state_dict(state["callbacks"][type(callback).__name__])

    def state_dict(self) -> dict[str, Any]:
        """The loop's place and the callbacks' state; JSON-like. Weights are not part of it."""
        return {
            "epoch": self.epoch,
            "global_step": self.global_step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "sums": self._sums.state_dict(),
            "processes": self.comm.world_size,
            "callbacks": {type(callback).__name__: callback.state_dict() for callback in self.callbacks},
        }

    def _is_done(self) -> bool:
        patience = self.limits.patience
        impatient = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.limits.max_epochs or impatient

    def _train_epoch(self) -> None:
        """Train from where the epoch stands to its end, evaluate, tell the callbacks, and save."""
        samples_before = self._sums.samples
        began = time.perf_counter()
        self._take_steps()
        self._stepper.guard.check(self.epoch + 1)
        train_loss, train_accuracy = self._sums.means()
        images_per_second = (self._sums.samples - samples_before) / (time.perf_counter() - began)
        self._sums.reset()
        self.epoch += 1
        val = evaluate(self.model, self.splits.val, self.loss, self.plan, self.limits.val_batches, self.comm)
        is_best = self._note_best(val)
        end = EpochEnd(
            epoch=self.epoch,
            global_step=self.global_step,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val=val,
            images_per_second=images_per_second,
            is_last=self._is_done(),
        )
        for callback in self.callbacks:
            callback.on_epoch_end(end)
        self._save(is_best)
        self._end_if_asked(self.comm.all_reduce_max(self._stop.signal or 0))

    def _take_steps(self) -> None:
        """Take the steps that the epoch still lacks: all of them, or those after a checkpoint in its middle."""
        self.model.train()
        accumulate = self.limits.accumulate_batches
        steps_left = self.steps_per_epoch * (self.epoch + 1) - self.global_step
        first = (self.steps_per_epoch - steps_left) * accumulate
        batches = islice(self.splits.train.epoch(self.epoch, first), self.batches_per_epoch - first)
        for left in reversed(range(steps_left)):
            number = self.global_step + 1
            with self.comm.watched(f"step {number}", ("step", not left)):
                step = self._stepper.take(list(islice(batches, accumulate)), self.global_step, self.epoch + 1)
            self.global_step = step.global_step
            self._sums.add(step)
            for callback in self.callbacks:
                callback.on_step(step)
            if not left:
                break  # the epoch's end saves, and ends the run if asked to
            is_due = time.monotonic() > self._saved_at + self.limits.checkpoint_minutes * 60
            wish = self.comm.all_reduce_max_lagged(self._stop.signal or (_SAVE if is_due else 0))
            if wish:
                self._stepper.guard.check(self.epoch + 1)
                self._save(is_best=False)
                self._end_if_asked(wish)

    def _end_if_asked(self, wish: int) -> None:
        """End the run if the wish is a signal; the numbers of those that are noted are above that of `_SAVE`."""
        if wish > _SAVE:
            raise Interrupted(wish)

    def _note_best(self, val: Evaluation) -> bool:
        """Remember `val` if it beats the best so far: by accuracy, and by loss where the accuracies are equal."""
        if not math.isfinite(val.loss):
            raise TrainingError(
                f"The validation loss is {val.loss} after epoch {self.epoch}; the run stopped, and the last checkpoint "
                f"is from before that. {NanGuard.ADVICE}"
            )
        score = (val.accuracy, -val.loss)
        if self.best and score <= (self.best["accuracy/val"], -self.best["loss/val"]):
            return False
        self.best = {"accuracy/val": val.accuracy, "loss/val": val.loss}
        self.best_epoch = self.epoch
        return True

    def _save(self, is_best: bool) -> None:
        """Save the best before the latest: killed in between, the run goes on from before both and makes both again."""
        state = self.state_dict()  # flushes the callbacks: what the checkpoint counts on is on disk
        weights = self.model.state_dict()
        if is_best and self.comm.is_main:
            save_checkpoint(self.checkpoints / BEST, Checkpoint(model=weights, optimizer={}, rng={}, state=state))
        rng = self.comm.gather_random_states(random_state(self.plan.device))
        latest = Checkpoint(model=weights, optimizer=self.optimizer.state_dict(), rng=rng, state=state)
        if self.comm.is_main:
            save_latest(self.checkpoints, latest)
        self._saved_at = time.monotonic()

    def _test_best(self) -> FitEnd:
        """Load the best weights and look at the test split, the only time in a run."""
        path = self.checkpoints / BEST
        if self.comm.is_main:
            load_weights(self.model, load_checkpoint(path), path)
        self.comm.broadcast_tensors(list(self.model.state_dict().values()))
        test = evaluate(self.model, self.splits.test, self.loss, self.plan, self.limits.test_batches, self.comm)
        metrics = {**self.best, "accuracy/test": test.accuracy, "loss/test": test.loss}
        return FitEnd("finished", self.global_step, self.epoch, test, metrics)


def _tell_failure(callback: Callback, end: FitEnd) -> None:
    """Tell of a failure, whose error counts for more than another one that telling it may raise (a full disk, say)."""
    try:
        callback.on_fit_end(end)
    except Exception as error:
        _log.warning("%s could not end properly: %s", type(callback).__name__, error)
