"""The training loop.

It knows nothing of configs, of TensorBoard or of the terminal: observers are told what happens, and they do the
showing. Nothing in the loop waits for the device; sums stay there until an epoch ends.
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
from torch import Tensor, nn

from convboard.data import Batches
from convboard.errors import TrainingError
from convboard.training.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
from convboard.training.evaluation import evaluate
from convboard.training.guard import FiniteGuard
from convboard.training.observer import EpochEnd, Evaluation, FitEnd, FitStart, Observer, Step
from convboard.training.plan import Plan
from convboard.training.schedules import Schedule
from convboard.training.seeding import random_state

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """How long a run is, and how much of it is looked at.

    Attributes:
        max_epochs: Epochs to train.
        accumulate_batches: Batches whose gradients make one optimizer step.
        gradient_clip: Total gradient norm above which the gradients are scaled down; None clips nothing.
        patience: Epochs without a better validation score after which the run ends; None never does.
        train_batches: Batches of each epoch, all where None; likewise `val_batches` and `test_batches`.
    """

    max_epochs: int
    accumulate_batches: int = 1
    gradient_clip: float | None = None
    patience: int | None = None
    train_batches: int | None = None
    val_batches: int | None = None
    test_batches: int | None = None


@dataclass(frozen=True)
class Splits:
    """The three splits of a data set, cut into batches; only `train` is shuffled and augmented."""

    train: Batches
    val: Batches
    test: Batches


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
        checkpoints: Folder for `last.safetensors` and `best.safetensors`.
        observers: Told of each step and epoch, in this order.
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
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.loss = loss
        self.splits = splits
        self.plan = plan
        self.limits = limits
        self.checkpoints = checkpoints
        self.observers = observers
        self.batches_per_epoch = min(len(splits.train), limits.train_batches or len(splits.train))
        self.steps_per_epoch = math.ceil(self.batches_per_epoch / limits.accumulate_batches)
        self.epoch = 0
        self.global_step = 0
        self.best: dict[str, float] = {}
        self.best_epoch = 0
        self._forward = plan.forward(model)
        self._base_lrs = [float(group["lr"]) for group in optimizer.param_groups]
        self._guard = FiniteGuard(optimizer, plan.device)

    def fit(self) -> FitEnd:
        """Train to the end, then test the best network.

        Returns:
            What the observers are told at the end as well.

        Raises:
            TrainingError: The loss was not finite. The checkpoints on disk are those of the last good epoch.
        """
        start = FitStart(
            self.model,
            self.plan.device,
            self.limits.max_epochs,
            self.steps_per_epoch,
            self.epoch,
            self.global_step,
        )
        told: list[Observer] = []
        try:
            for observer in self.observers:
                observer.on_fit_start(start)
                told.append(observer)
            while not self._is_done():
                self._train_epoch()
            end = self._test_best()
        except BaseException as error:
            reason = str(error) or type(error).__name__
            end = FitEnd("failed", self.global_step, self.epoch, None, dict(self.best), reason)
            for observer in told:
                _tell_failure(observer, end)
            raise
        for observer in self.observers:
            observer.on_fit_end(end)
        return end

    def state_dict(self) -> dict[str, Any]:
        """The loop's place and the observers' state; JSON-like. Weights are not part of it."""
        return {
            "epoch": self.epoch,
            "global_step": self.global_step,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "observers": {type(observer).__name__: observer.state_dict() for observer in self.observers},
        }

    def _is_done(self) -> bool:
        patience = self.limits.patience
        impatient = patience is not None and self.epoch - self.best_epoch >= patience
        return self.epoch >= self.limits.max_epochs or impatient

    def _train_epoch(self) -> None:
        loss_sum = torch.zeros((), device=self.plan.device)
        correct = torch.zeros((), device=self.plan.device, dtype=torch.int64)
        samples = 0
        began = time.perf_counter()
        self.model.train()
        batches = islice(self.splits.train.epoch(self.epoch), self.limits.train_batches)
        while group := list(islice(batches, self.limits.accumulate_batches)):
            step = self._step(group)
            loss_sum += step.loss * step.samples
            correct += step.correct
            samples += step.samples
            for observer in self.observers:
                observer.on_step(step)
        self._guard.check()
        train_loss, train_accuracy = loss_sum.item() / samples, correct.item() / samples
        seconds = time.perf_counter() - began
        self.epoch += 1
        val = evaluate(self.model, self.splits.val, self.loss, self.plan, self.limits.val_batches)
        is_best = self._note_best(val)
        end = EpochEnd(
            epoch=self.epoch,
            global_step=self.global_step,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val=val,
            images_per_second=samples / seconds,
            is_last=self._is_done(),
        )
        for observer in self.observers:
            observer.on_epoch_end(end)
        self._save(is_best)

    def _step(self, group: list[Any]) -> Step:
        """Take one optimizer step on the batches of `group`; their mean loss is over samples, not batches."""
        lr_factor = self.schedule(self.global_step, self.limits.max_epochs * self.steps_per_epoch, self.steps_per_epoch)
        for parameters, base in zip(self.optimizer.param_groups, self._base_lrs, strict=True):
            parameters["lr"] = base * lr_factor
        self.optimizer.zero_grad(set_to_none=True)
        samples = sum(len(batch.labels) for batch in group)
        losses: list[Tensor] = []
        corrects: list[Tensor] = []
        for batch in group:
            with self.plan.autocast():
                logits = self._forward(batch.images)
                loss = self.loss(logits, batch.labels)
            if len(group) > 1:
                loss = loss * (len(batch.labels) / samples)
            loss.backward()
            losses.append(loss.detach())
            corrects.append((logits.detach().argmax(1) == batch.labels).sum())
        total = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
        right = corrects[0] if len(corrects) == 1 else torch.stack(corrects).sum()
        norm = None
        if self.limits.gradient_clip is not None:
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.limits.gradient_clip)
        self._guard.step(total, self.global_step + 1, self.epoch + 1)
        self.global_step += 1
        lr = self.optimizer.param_groups[0]["lr"]
        return Step(self.global_step, self.epoch + 1, total, right, samples, lr, norm)

    def _note_best(self, val: Evaluation) -> bool:
        """Remember `val` if it beats the best so far: by accuracy, and by loss where the accuracies are equal."""
        score = (val.accuracy, -val.loss)
        if self.best and score <= (self.best["accuracy/val"], -self.best["loss/val"]):
            return False
        if not math.isfinite(val.loss):
            raise TrainingError(f"The validation loss is {val.loss} after epoch {self.epoch}. {FiniteGuard.ADVICE}")
        self.best = {"accuracy/val": val.accuracy, "loss/val": val.loss}
        self.best_epoch = self.epoch
        return True

    def _save(self, is_best: bool) -> None:
        state = self.state_dict()  # flushes the observers: what the checkpoint counts on is on disk
        weights = self.model.state_dict()
        rng = random_state(self.plan.device)
        last = Checkpoint(model=weights, optimizer=self.optimizer.state_dict(), rng=rng, state=state)
        save_checkpoint(self.checkpoints / "last.safetensors", last)
        if is_best:
            save_checkpoint(
                self.checkpoints / "best.safetensors",
                Checkpoint(model=weights, optimizer={}, rng={}, state=state),
            )

    def _test_best(self) -> FitEnd:
        """Load the best weights and look at the test split, the only time in a run."""
        path = self.checkpoints / "best.safetensors"
        load_weights(self.model, load_checkpoint(path), path)
        test = evaluate(self.model, self.splits.test, self.loss, self.plan, self.limits.test_batches)
        metrics = {**self.best, "accuracy/test": test.accuracy, "loss/test": test.loss}
        return FitEnd("finished", self.global_step, self.epoch, test, metrics)


def _tell_failure(observer: Observer, end: FitEnd) -> None:
    """Tell of a failure, whose error counts for more than another one that telling it may raise (a full disk, say)."""
    try:
        observer.on_fit_end(end)
    except Exception as error:
        _log.warning("%s could not end properly: %s", type(observer).__name__, error)
