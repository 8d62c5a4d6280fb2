"""The training loop.

It knows nothing of configs, of TensorBoard or of the terminal: observers are told what happens, and they do the
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
from convboard.training.checkpoint import BEST, Checkpoint, load_checkpoint, load_weights, save_checkpoint, save_latest
from convboard.training.evaluation import evaluate
from convboard.training.guard import FiniteGuard
from convboard.training.interrupt import Interrupted, StopRequest
from convboard.training.limits import Limits
from convboard.training.observer import EpochEnd, Evaluation, FitEnd, FitStart, Observer
from convboard.training.plan import Plan
from convboard.training.schedules import Schedule
from convboard.training.seeding import random_state, restore_random_state
from convboard.training.stepper import Stepper
from convboard.training.sums import EpochSums
from convboard.training.team import Team

_log = logging.getLogger(__name__)

_SAVE = 1  # a wish for a checkpoint; greater ones are signals


@dataclass(frozen=True)
class Splits:
    """The three splits of a data set, cut into batches; only `train` is shuffled and augmented."""

    train: Batches
    val: Batches
    test: Batches

    def laid_out(self, channels_last: bool) -> "Splits":
        """The same splits with their images in another memory format."""
        return Splits(*(batches.laid_out(channels_last) for batches in (self.train, self.val, self.test)))


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
        observers: Told of each step and epoch, in this order; by the first process of a team alone.
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
        observers: Sequence[Observer] = (),
        team: Team | None = None,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.splits = splits
        self.plan = plan
        self.limits = limits
        self.checkpoints = checkpoints
        self.team = team or Team()
        self.observers = observers if self.team.is_first else ()
        self.batches_per_epoch = min(len(splits.train), limits.train_batches or len(splits.train))
        self.steps_per_epoch = math.ceil(self.batches_per_epoch / limits.accumulate_batches)
        self.uses_all_weights = True
        self.epoch = 0
        self.global_step = 0
        self.best: dict[str, float] = {}
        self.best_epoch = 0
        self._sums = EpochSums(plan.device)
        total_steps = limits.max_epochs * self.steps_per_epoch
        self._stepper = Stepper(
            model, optimizer, schedule, loss, plan, limits.gradient_clip, total_steps, self.steps_per_epoch, self.team
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
            What the observers are told at the end as well.

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
        told: list[Observer] = []
        with self._stop:
            try:
                self._stepper.join(self.uses_all_weights)
                for observer in self.observers:
                    observer.on_fit_start(start)
                    told.append(observer)
                if self.global_step == 0:
                    self._save(is_best=False)  # a run can be resumed from its first moment
                while not self._is_done():
                    self._train_epoch()
                end = self._test_best()
            except BaseException as raised:
                error = self.team.cause(raised)
                reason = str(error) or type(error).__name__
                end = FitEnd("failed", self.global_step, self.epoch, None, dict(self.best), reason)
                for observer in told:
                    _tell_failure(observer, end)
                if error is raised:
                    raise
                raise error from raised
            for observer in self.observers:
                observer.on_fit_end(end)
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
        own_states = self.team.own_states(checkpoint.rng)
        if own_states:
            restore_random_state(own_states)
        if state["processes"] != self.team.size:
            _log.warning(
                "%s was saved by a run of %d processes, and this one has %d: samples and steps stay the same, but sums "
                "round otherwise, and dropout draws otherwise.",
                source,
                state["processes"],
                self.team.size,
            )
        self.epoch, self.global_step = state["epoch"], state["global_step"]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self._seconds_before = state.get("seconds", 0.0)  # older checkpoints do not say
        self._sums.load_state_dict(state["sums"])
        for observer in self.observers:
            observer.load_state_dict(state["observers"][type(observer).__name__])

    def state_dict(self) -> dict[str, Any]:
        """The loop's place and the observers' state; JSON-like. Weights are not part of it."""
        return {
            "epoch": self.epoch,
            "global_step": self.global_step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "sums": self._sums.state_dict(),
            "processes": self.team.size,
            "observers": {type(observer).__name__: observer.state_dict() for observer in self.observers},
        }

    def _is_done(self) -> bool:
        patience = self.limits.patience
        impatient = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.limits.max_epochs or impatient

    def _train_epoch(self) -> None:
        """Train from where the epoch stands to its end, evaluate, tell the observers, and save."""
        samples_before = self._sums.samples
        began = time.perf_counter()
        self._take_steps()
        self._stepper.guard.check(self.epoch + 1)
        train_loss, train_accuracy = self._sums.means()
        images_per_second = (self._sums.samples - samples_before) / (time.perf_counter() - began)
        self._sums.reset()
        self.epoch += 1
        val = evaluate(self.model, self.splits.val, self.loss, self.plan, self.limits.val_batches, self.team)
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
        for observer in self.observers:
            observer.on_epoch_end(end)
        self._save(is_best)
        self._end_if_asked(self.team.decide(self._stop.signal or 0))

    def _take_steps(self) -> None:
        """Take the steps that the epoch still lacks: all of them, or those after a checkpoint in its middle."""
        self.model.train()
        accumulate = self.limits.accumulate_batches
        steps_left = self.steps_per_epoch * (self.epoch + 1) - self.global_step
        first = (self.steps_per_epoch - steps_left) * accumulate
        batches = islice(self.splits.train.epoch(self.epoch, first), self.batches_per_epoch - first)
        for left in reversed(range(steps_left)):
            number = self.global_step + 1
            with self.team.watched(f"step {number}", ("step", not left)):
                step = self._stepper.take(list(islice(batches, accumulate)), self.global_step, self.epoch + 1)
            self.global_step = step.global_step
            self._sums.add(step)
            for observer in self.observers:
                observer.on_step(step)
            if not left:
                break  # the epoch's end saves, and ends the run if asked to
            is_due = time.monotonic() > self._saved_at + self.limits.checkpoint_minutes * 60
            wish = self.team.wish(self._stop.signal or (_SAVE if is_due else 0))
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
                f"is from before that. {FiniteGuard.ADVICE}"
            )
        score = (val.accuracy, -val.loss)
        if self.best and score <= (self.best["accuracy/val"], -self.best["loss/val"]):
            return False
        self.best = {"accuracy/val": val.accuracy, "loss/val": val.loss}
        self.best_epoch = self.epoch
        return True

    def _save(self, is_best: bool) -> None:
        """Save the best before the latest: killed in between, the run goes on from before both and makes both again."""
        state = self.state_dict()  # flushes the observers: what the checkpoint counts on is on disk
        weights = self.model.state_dict()
        if is_best and self.team.is_first:
            save_checkpoint(self.checkpoints / BEST, Checkpoint(model=weights, optimizer={}, rng={}, state=state))
        rng = self.team.all_states(random_state(self.plan.device))
        latest = Checkpoint(model=weights, optimizer=self.optimizer.state_dict(), rng=rng, state=state)
        if self.team.is_first:
            save_latest(self.checkpoints, latest)
        self._saved_at = time.monotonic()

    def _test_best(self) -> FitEnd:
        """Load the best weights and look at the test split, the only time in a run."""
        path = self.checkpoints / BEST
        if self.team.is_first:
            load_weights(self.model, load_checkpoint(path), path)
        self.team.copy_from_first(list(self.model.state_dict().values()))
        test = evaluate(self.model, self.splits.test, self.loss, self.plan, self.limits.test_batches, self.team)
        metrics = {**self.best, "accuracy/test": test.accuracy, "loss/test": test.loss}
        return FitEnd("finished", self.global_step, self.epoch, test, metrics)


def _tell_failure(observer: Observer, end: FitEnd) -> None:
    """Tell of a failure, whose error counts for more than another one that telling it may raise (a full disk, say)."""
    try:
        observer.on_fit_end(end)
    except Exception as error:
        _log.warning("%s could not end properly: %s", type(observer).__name__, error)
