"""The events of a training run, and the base class of the callbacks that receive them.

A callback must not change the weights, the gradients or the random state: a run gives the same bits with or without it.
The tensors in an event stay on the device. Reading one (`.item()`) waits for the device, so a callback
collects them and reads them together when it writes.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FitStart:
    """A run before its first step, or before its next one if it is resumed.

    Attributes:
        model: The network in its present state, on the device.
        device: The device on which it is trained.
        max_epochs: Number of epochs of the whole run.
        steps_per_epoch: Optimizer steps of an epoch.
        epoch: Number of epochs already trained: 0, or more in a resumed run.
        global_step: Number of optimizer steps already taken.
    """

    model: nn.Module
    device: torch.device
    max_epochs: int
    steps_per_epoch: int
    epoch: int = 0
    global_step: int = 0


@dataclass(frozen=True)
class Step:
    """An optimizer step that was just taken. The parameters' `.grad` still hold its gradients.

    A callback may keep its tensors: the trainer does not write to them again.

    Attributes:
        global_step: Optimizer steps taken so far, this one included.
        epoch: Epoch of this step, from 1.
        loss: Mean loss of the step's samples, 0-dimensional, on the device.
        correct: Number of correctly classified samples, 0-dimensional int64, on the device.
        samples: Number of samples.
        lr: Learning rate of this step, of the first parameter group.
        gradient_norm: Total norm before clipping, 0-dimensional, on the device; None if the gradients are not clipped.
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
    """The result of a network in eval mode on a split.

    Attributes:
        loss: Mean loss over the samples.
        accuracy: Share of correctly classified samples, 0 to 1.
        logits: `[N, num_classes]` float32, on the CPU, in the order of the split.
        labels: `[N]` int64, on the CPU.
    """

    loss: float
    accuracy: float
    logits: Tensor
    labels: Tensor


@dataclass(frozen=True)
class EpochEnd:
    """An epoch after its evaluation on the validation split.

    Attributes:
        epoch: Number of the epoch, from 1.
        global_step: Optimizer steps taken so far.
        train_loss: Mean loss over the training samples of the epoch, each at its step.
        train_accuracy: Accuracy over the same samples, 0 to 1.
        val: The result on the validation split.
        images_per_second: Training throughput of this epoch. Its time includes the callbacks' `on_step` and
            checkpoints, but not the evaluation and `on_epoch_end`.
        is_last: Whether no further epoch follows, because of max_epochs or early stopping; a callback that prunes the
            run decides after that.
        is_best: Whether this is the best epoch so far on the validation split.
    """

    epoch: int
    global_step: int
    train_loss: float
    train_accuracy: float
    val: Evaluation
    images_per_second: float
    is_last: bool
    is_best: bool


@dataclass(frozen=True)
class FitEnd:
    """The end of a run.

    Attributes:
        status: `finished`; `pruned` if a callback has ended the run early; or `failed` if training could not continue.
        global_step: Optimizer steps taken.
        epoch: Epochs done.
        test: The result of the best network on the test split; None if the run failed.
        metrics: Final value by tag, such as `accuracy/test`.
        reason: Why it failed or was pruned, in one sentence; empty otherwise.
    """

    status: str
    global_step: int
    epoch: int
    test: Evaluation | None
    metrics: dict[str, float]
    reason: str = ""


class Callback:
    """A receiver of the events of a run. What a subclass does not override does nothing.

    Its `state_dict` has everything that it needs to continue after a restart.
    """

    def on_fit_start(self, start: FitStart) -> None:
        """Handle the start of the run, before the first step."""

    def on_step(self, step: Step) -> None:
        """Handle an optimizer step that was just taken. This must not wait for the device."""

    def on_epoch_end(self, end: EpochEnd) -> str | None:
        """Handle the end of an epoch, after its evaluation.

        Returns:
            None; or why the run is pruned: it then ends as if this epoch were its last, and can be resumed.
        """
        return None

    def on_fit_end(self, end: FitEnd) -> None:
        """Handle the end of the run, also after a failure."""

    def state_dict(self) -> dict[str, Any]:
        """Write everything buffered to disk, and return a JSON-like state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> str | None:
        """Continue from `state`; called before `on_fit_start`.

        Returns:
            None; or why the run was to be pruned when `state` was saved: it may have been killed before its end.
        """
        return None
