"""The curves of a training run: numbers that stay on the device, read together when a point is due.

A point stands for all samples since the point before it. Points are due at step 1, at every multiple of the
interval, and at the run's end.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from operator import mul
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
    """

    def __init__(self, every: int, parameters: Iterable[nn.Parameter]) -> None:
        self.every = every
        self._parameters = list(parameters)
        self._steps: list[Step] = []  # since the last point
        self._earlier = _Sums()  # of the steps since the last point that a checkpoint remembers
        self._readings: list[_Reading] = []

    def add(self, step: Step) -> bool:
        """Take in a step, without waiting for the device; its tensors must not be overwritten later.

        Returns:
            Whether a point may be known.
        """
        self._steps.append(step)
        if step.global_step % self.every == 0 or step.global_step == 1:
            self._take()
        return bool(self._readings)

    def points(self, *, wait: bool = False) -> list[Point]:
        """The points that have become known since the last call; with `wait`, all that are due."""
        ready = []
        while self._readings and (wait or self._readings[0].is_ready()):
            ready.append(self._readings.pop(0).point())
        return ready

    def finish(self) -> list[Point]:
        """What is left at the run's end, with a last point for the steps since the one before."""
        if self._steps:
            self._take()
        return self.points(wait=True)

    def state_dict(self) -> dict[str, Any]:
        """The steps since the last point, each by itself: a sum of sums could differ in its last bit."""
        sums = self._earlier.with_steps(self._steps, _on_device(self._steps).tolist())
        return {"every": self.every, **asdict(sums)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`, with its interval, so that the curve's points stay where they would have been."""
        self.every = int(state["every"])
        self._earlier = _Sums(state["losses"], state["correct"], state["samples"])

    def _take(self) -> None:
        norm = self._steps[-1].gradient_norm
        norm = self._gradient_norm() if norm is None else norm
        self._readings.append(_Reading(self._steps, self._earlier, norm))
        self._steps = []
        self._earlier = _Sums()

    def _gradient_norm(self) -> Tensor:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        return nn.utils.get_total_norm(gradients) if gradients else torch.zeros_like(self._steps[-1].loss)


@dataclass(frozen=True)
class _Sums:
    """What makes up a point, by step: mean loss, samples classified right, samples."""

    losses: list[float] = field(default_factory=list)
    correct: list[float] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)

    def with_steps(self, steps: list[Step], numbers: list[float]) -> "_Sums":
        """These and `steps`, whose losses and numbers of right samples are in `numbers`, one after the other."""
        count = len(steps)
        return _Sums(
            self.losses + numbers[:count],
            self.correct + numbers[count : 2 * count],
            self.samples + [step.samples for step in steps],
        )


class _Reading:
    """Numbers on their way from the device: on CUDA the copy runs on its own, elsewhere it waits until it is read."""

    def __init__(self, steps: list[Step], earlier: _Sums, norm: Tensor) -> None:
        self._steps = steps
        self._earlier = earlier
        self._wall_time = time.time()
        self._numbers = torch.cat([_on_device(steps), norm.float().reshape(1)])
        self._copied: torch.cuda.Event | None = None
        if self._numbers.is_cuda:
            on_device = self._numbers
            self._numbers = torch.empty(on_device.shape, dtype=on_device.dtype, pin_memory=True)
            self._numbers.copy_(on_device, non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()

    def is_ready(self) -> bool:
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def point(self) -> Point:
        if self._copied is not None:
            self._copied.synchronize()
        *numbers, norm = self._numbers.tolist()
        sums = self._earlier.with_steps(self._steps, numbers)
        samples = sum(sums.samples)
        values = [
            scalar(tags.LOSS_TRAIN, sum(map(mul, sums.losses, sums.samples)) / samples),
            scalar(tags.ACCURACY_TRAIN, sum(sums.correct) / samples),
            scalar(tags.LR, self._steps[-1].lr),
            scalar(tags.GRADIENT_NORM, norm),
        ]
        return Point(self._steps[-1].global_step, self._wall_time, values)


def _on_device(steps: list[Step]) -> Tensor:
    """Losses, then numbers of right samples, in one tensor on the steps' device."""
    if not steps:
        return torch.empty(0)
    return torch.cat(
        [torch.stack([step.loss for step in steps]).float(), torch.stack([step.correct for step in steps]).float()]
    )
