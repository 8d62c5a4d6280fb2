"""All parts of a training run in one immutable object: `experiment.setup` builds it and `Trainer` uses it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.data.batches import Batches
from convboard.training.callbacks import Callback
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan, PlanOptions
from convboard.training.schedules import Schedule


class Limits(Protocol):
    """Length of a run, and part of each split that it uses; `config.schema.TrainerConfig` is an implementation.

    Attributes:
        max_epochs: Number of epochs to train.
        accumulate_batches: Number of batches whose gradients make one optimizer step.
        gradient_clip: Total gradient norm above which the gradients are scaled down; None: no clipping.
        patience: Number of epochs without a better validation score after which the run ends; None: never.
        checkpoint_minutes: Minutes between two checkpoints within an epoch; the end of each epoch saves one as well.
        limit_train_batches: Number of batches per epoch; None: all. The same for the other two splits.
    """

    max_epochs: int
    accumulate_batches: int
    gradient_clip: float | None
    patience: int | None
    checkpoint_minutes: float
    limit_train_batches: int | None
    limit_val_batches: int | None
    limit_test_batches: int | None


@dataclass(frozen=True)
class Splits:
    """The three splits of a dataset, cut into batches; only `train` is shuffled and augmented."""

    train: Batches
    val: Batches
    test: Batches

    def with_memory_format(self, channels_last: bool) -> "Splits":
        """Return the same splits with their images in another memory format."""
        return Splits(*(batches.with_memory_format(channels_last) for batches in (self.train, self.val, self.test)))


@dataclass(frozen=True)
class TrainingSetup:
    """A training run before its first step.

    Attributes:
        model: The network, on the plan's device.
        optimizer: The optimizer of the network's parameters. The schedule multiplies the `lr` of its groups.
        schedule: Factor of the learning rate by step.
        loss: Mean loss of (logits, labels).
        splits: The data, in the plan's memory format.
        plan: The plan of the computation.
        plan_options: What the user gave of the plan; a measurement may decide the rest.
        limits: Length of the run.
        checkpoints: Folder of the best checkpoint and the last two.
        callbacks: Called in this order, in the main process only.
        comm: The processes that train together; each has its part of every batch.
        uses_all_weights: Whether every weight gets a gradient in each step; used only with several processes.
        divergence_advice: Remedy for a loss that is not finite, for the message.
        warnings: What is wrong with the network although it runs, for the terminal and the board.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    loss: nn.Module
    splits: Splits
    plan: Plan
    plan_options: PlanOptions
    limits: Limits
    checkpoints: Path
    callbacks: Sequence[Callback] = ()
    comm: Communicator = field(default_factory=Communicator)
    uses_all_weights: bool = True
    divergence_advice: str = ""
    warnings: Sequence[TrainingWarning] = ()

    @property
    def batches_per_epoch(self) -> int:
        """Number of training batches of an epoch."""
        return min(len(self.splits.train), self.limits.limit_train_batches or len(self.splits.train))

    @property
    def steps_per_epoch(self) -> int:
        """Number of optimizer steps of an epoch."""
        return math.ceil(self.batches_per_epoch / self.limits.accumulate_batches)

    @property
    def total_steps(self) -> int:
        """Number of optimizer steps of the whole run, unless it ends early."""
        return self.limits.max_epochs * self.steps_per_epoch

    def with_plan(self, plan: Plan) -> "TrainingSetup":
        """Return the same run computed by `plan`; the network moves to its device and memory format, in place."""
        splits = self.splits.with_memory_format(plan.channels_last)
        return replace(self, model=plan.place(self.model), splits=splits, plan=plan)
