"""What a training run tells those who watch it, and the protocol they follow.

An callback never changes the weights, the gradients or the random state: with or without it, the run is the
same to the last bit. Tensors handed over stay on the device; reading one (`.item()`) waits for the device, so
an callback gathers them and reads them together, when it writes.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FitStart:
    """The run before its first step (or, resumed, before the next one).

    Attributes:
        model: The network, on the device, in its starting state.
        device: Where it trains.
        max_epochs: Epochs that the whole run takes.
        steps_per_epoch: Optimizer steps in an epoch.
        epoch: Epochs already done: 0, or more when resumed.
        global_step: Optimizer steps already done.
    """

    model: nn.Module
    device: torch.device
    max_epochs: int
    steps_per_epoch: int
    epoch: int = 0
    global_step: int = 0


@dataclass(frozen=True)
class Step:
    """One optimizer step, just taken. The parameters' `.grad` still hold its gradients.

    Its tensors belong to the callbacks, who may keep them: the trainer never writes to them again.

    Attributes:
        global_step: Counts from 1: the number of optimizer steps taken so far.
        epoch: Counts from 1: the epoch this step belongs to.
        loss: Mean loss of the step's samples, 0-dimensional, on the device.
        correct: How many of the samples were classified right, 0-dimensional int64, on the device.
        samples: How many samples the step saw.
        lr: Learning rate the step was taken with (first parameter group).
        gradient_norm: Total norm before clipping, on the device; None where nothing was clipped.
    """

    global_step: int
    epoch: int
    loss: Tensor
    correct: Tensor
    samples: int
    lr: float
    gradient_norm: Tensor | None = None


@dataclass(frozen=True)
class Evaluation:
    """A split seen once by the network in eval mode.

    Attributes:
        loss: Mean loss over the samples.
        accuracy: Share of samples classified right, 0 to 1.
        logits: `[N, num_classes]` float32, on the CPU, in the split's order.
        labels: `[N]` int64, on the CPU.
    """

    loss: float
    accuracy: float
    logits: Tensor
    labels: Tensor


@dataclass(frozen=True)
class EpochEnd:
    """An epoch is done and the validation split was evaluated.

    Attributes:
        epoch: Counts from 1.
        global_step: The epoch's last step.
        train_loss: Mean loss over the epoch's training samples, as they were seen.
        train_accuracy: Likewise.
        val: The validation split after this epoch.
        images_per_second: Training throughput of this epoch: callbacks' `on_step` and checkpoints are within its
            time, the evaluation and `on_epoch_end` are not.
        is_last: No further epoch follows, because of max_epochs, early stopping or a limit.
    """

    epoch: int
    global_step: int
    train_loss: float
    train_accuracy: float
    val: Evaluation
    images_per_second: float
    is_last: bool


@dataclass(frozen=True)
class FitEnd:
    """The run is over.

    Attributes:
        status: `finished`, or `failed` when training could not go on.
        global_step: The last step taken.
        epoch: Epochs done.
        test: The test split seen by the best network; None when the run failed.
        metrics: Final value by tag name, such as `accuracy/test`.
        reason: Why it failed, in one sentence; empty otherwise.
    """

    status: str
    global_step: int
    epoch: int
    test: Evaluation | None
    metrics: dict[str, float]
    reason: str = ""


class Callback(Protocol):
    """Something that watches a run. All state it needs to go on after a restart is in its `state_dict`."""

    def on_fit_start(self, start: FitStart) -> None:
        """Before the first step."""

    def on_step(self, step: Step) -> None:
        """After each optimizer step. Must not wait for the device."""

    def on_epoch_end(self, end: EpochEnd) -> None:
        """After each epoch and its evaluation."""

    def on_fit_end(self, end: FitEnd) -> None:
        """Once, also after a failure."""

    def state_dict(self) -> dict[str, Any]:
        """JSON-like state; anything buffered is on disk when this returns."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`, before `on_fit_start`."""
