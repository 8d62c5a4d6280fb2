"""The curves of a training run: sums that stay on the device, read when a point is due.

A point stands for all samples since the point before it. Points are due at step 1, at every multiple of the
interval, and at the run's end.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convboard.board import tags
from convboard.board.summaries import Value, scalar
from convboard.training.observer import Step

_POINTS = 200
_LONGEST = 50


def interval(total_steps: int) -> int:
    """Steps between two points where the config leaves it open: about 200 points a run, at most 50 steps apart."""
    return max(1, min(_LONGEST, total_steps // _POINTS))


@dataclass(frozen=True)
class Point:
    """One event: what a step's curves show, and when it was so."""

    step: int
    wall_time: float
    values: list[Value]


class TrainingCurves:
    """Loss, accuracy, learning rate and gradient norm by step.

    Args:
        every: Steps between two points.
        parameters: The network's; their gradients give the norm where a step brings none.
        device: Where the sums are kept.
    """

    def __init__(self, every: int, parameters: Iterable[nn.Parameter], device: torch.device) -> None:
        self.every = every
        self._parameters = list(parameters)
        # A float32 sum of a million samples loses digits; MPS has nothing longer.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._loss = torch.zeros((), dtype=self._dtype, device=device)
        self._correct = torch.zeros((), dtype=self._dtype, device=device)
        self._samples = 0
        self._last: Step | None = None
        self._readings: list[_Reading] = []

    def add(self, step: Step) -> None:
        """Take in a step, without waiting for the device. Its tensors may be overwritten afterwards."""
        self._loss.add_(step.loss, alpha=step.samples)
        self._correct.add_(step.correct)
        self._samples += step.samples
        self._last = step
        if step.global_step % self.every == 0 or step.global_step == 1:
            self._take(step)

    def points(self, *, wait: bool = False) -> list[Point]:
        """The points that have become known since the last call; with `wait`, all that are due."""
        ready = []
        while self._readings and (wait or self._readings[0].is_ready()):
            ready.append(self._readings.pop(0).point())
        return ready

    def finish(self) -> list[Point]:
        """What is left at the run's end, with a last point for the steps since the one before."""
        if self._samples and self._last is not None:
            self._take(self._last)
        return self.points(wait=True)

    def state_dict(self) -> dict[str, Any]:
        """The sums since the last point. Points that are due must have been fetched, with `wait`."""
        assert not self._readings
        loss, correct = torch.stack([self._loss, self._correct]).tolist()
        return {"every": self.every, "loss": loss, "correct": correct, "samples": self._samples}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`, with its interval, so that the curve's points stay where they would have been."""
        self.every = int(state["every"])
        self._loss.fill_(state["loss"])
        self._correct.fill_(state["correct"])
        self._samples = int(state["samples"])

    def _take(self, step: Step) -> None:
        norm = step.gradient_norm if step.gradient_norm is not None else self._gradient_norm()
        sums = torch.stack([self._loss, self._correct, norm.to(self._dtype)])
        self._readings.append(_Reading(step, self._samples, sums))
        self._loss.zero_()
        self._correct.zero_()
        self._samples = 0

    def _gradient_norm(self) -> Tensor:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        return nn.utils.get_total_norm(gradients) if gradients else self._loss.new_zeros(())


class _Reading:
    """Sums on their way from the device: on CUDA the copy runs on its own, elsewhere it waits until it is read."""

    def __init__(self, step: Step, samples: int, sums: Tensor) -> None:
        self._global_step = step.global_step
        self._lr = step.lr
        self._samples = samples
        self._wall_time = time.time()
        self._copied: torch.cuda.Event | None = None
        self._sums = sums
        if sums.is_cuda:
            self._sums = torch.empty(sums.shape, dtype=sums.dtype, pin_memory=True)
            self._sums.copy_(sums, non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()

    def is_ready(self) -> bool:
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def point(self) -> Point:
        if self._copied is not None:
            self._copied.synchronize()
        loss, correct, norm = self._sums.tolist()
        values = [
            scalar(tags.LOSS_TRAIN, loss / self._samples),
            scalar(tags.ACCURACY_TRAIN, correct / self._samples),
            scalar(tags.LR, self._lr),
            scalar(tags.GRADIENT_NORM, norm),
        ]
        return Point(self._global_step, self._wall_time, values)
