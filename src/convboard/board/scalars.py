"""The curves of a training run. Metrics stay on the device and are read together when a point is due.

A point is the mean over all samples since the previous point. Points are due at step 1, at every multiple of the
interval, and at the end of the run.
"""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from operator import mul
from typing import Any

import torch
from torch import Tensor, nn

from convboard.board import tags
from convboard.board.summaries import Value, scalar
from convboard.training.callbacks import Step

_POINTS = 200
_LONGEST = 50


def point_interval(total_steps: int) -> int:
    """Default number of steps between two points: about 200 points per run, at most 50 steps apart."""
    return max(1, min(_LONGEST, total_steps // _POINTS))


@dataclass(frozen=True)
class Point:
    """One event: a step's values, and the wall time at which they were measured, in seconds since 1970."""

    step: int
    wall_time: float
    values: list[Value]


class TrainingCurves:
    """Loss, accuracy, learning rate and gradient norm by step.

    Args:
        every: Steps between two points; may be changed at any time.
        parameters: Of the network; the gradient norm is computed from them where a step has none.
    """

    def __init__(self, every: int, parameters: Iterable[nn.Parameter]) -> None:
        self.every = every
        self._parameters = list(parameters)
        self._steps: list[Step] = []  # since the last point
        self._earlier = _Pending()  # the steps since the last point that a checkpoint remembers
        self._readings: list[_Reading] = []

    def add(self, step: Step) -> bool:
        """Add a step without waiting for the device. Its tensors must not be overwritten later.

        Returns:
            Whether `points` may return one.
        """
        self._steps.append(step)
        if step.global_step % self.every == 0 or step.global_step == 1:
            self._take()
        return bool(self._readings)

    def points(self, *, wait: bool = False) -> list[Point]:
        """The points that have become available since the last call; with `wait`, all that are due."""
        ready = []
        while self._readings and (wait or self._readings[0].is_ready()):
            ready.append(self._readings.pop(0).point())
        return ready

    def finish(self) -> list[Point]:
        """The remaining points at the end of the run, the last one for the steps since the previous point."""
        if self._steps or self._earlier.samples:
            self._take()
        return self.points(wait=True)

    def state_dict(self) -> dict[str, Any]:
        """The steps since the last point, each by itself: a sum of partial sums could differ in the last bit."""
        pending = self._earlier.with_steps(self._steps, self._numbers().tolist())
        return {"every": self.every, **asdict(pending)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state` with its interval, so that the points stay at the same steps."""
        self.every = int(state["every"])
        self._earlier = _Pending(**{entry.name: state[entry.name] for entry in fields(_Pending)})

    def _take(self) -> None:
        self._readings.append(_Reading(self._steps, self._earlier, self._numbers()))
        self._steps = []
        self._earlier = _Pending()

    def _numbers(self) -> Tensor:
        """Losses and correct counts of `_steps`, and the gradient norm of the last step, as one tensor."""
        if not self._steps:
            return torch.empty(0)
        losses = torch.stack([step.loss for step in self._steps]).float()
        correct = torch.stack([step.correct for step in self._steps]).float()
        norm = self._steps[-1].gradient_norm
        norm = self._gradient_norm() if norm is None else norm
        return torch.cat([losses, correct, norm.float().reshape(1)])

    def _gradient_norm(self) -> Tensor:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        return nn.utils.get_total_norm(gradients) if gradients else torch.zeros_like(self._steps[-1].loss)


@dataclass(frozen=True)
class _Pending:
    """The steps of the next point: loss, correct count and samples of each, and step, rate and norm of the last."""

    losses: list[float] = field(default_factory=list)
    correct: list[float] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    global_step: int = 0
    lr: float = 0.0
    gradient_norm: float = 0.0

    def with_steps(self, steps: list[Step], numbers: list[float]) -> "_Pending":
        """This and `steps`, whose numbers are those of `TrainingCurves._numbers`."""
        if not steps:
            return self
        count = len(steps)
        return _Pending(
            self.losses + numbers[:count],
            self.correct + numbers[count : 2 * count],
            self.samples + [step.samples for step in steps],
            steps[-1].global_step,
            steps[-1].lr,
            numbers[-1],
        )


class _Reading:
    """A transfer of metrics from the device: asynchronous on CUDA, elsewhere performed when it is read."""

    def __init__(self, steps: list[Step], earlier: _Pending, numbers: Tensor) -> None:
        self._steps = steps
        self._earlier = earlier
        self._wall_time = time.time()
        self._numbers = numbers
        self._copied: torch.cuda.Event | None = None
        if numbers.is_cuda:
            self._numbers = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
            self._numbers.copy_(numbers, non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()

    def is_ready(self) -> bool:
        return self._copied is None or bool(self._copied.query())  # type: ignore[no-untyped-call]

    def point(self) -> Point:
        if self._copied is not None:
            self._copied.synchronize()
        pending = self._earlier.with_steps(self._steps, self._numbers.tolist())
        samples = sum(pending.samples)
        values = [
            scalar(tags.LOSS_TRAIN, sum(map(mul, pending.losses, pending.samples)) / samples),
            scalar(tags.ACCURACY_TRAIN, sum(pending.correct) / samples),
            scalar(tags.LR, pending.lr),
            scalar(tags.GRADIENT_NORM, pending.gradient_norm),
        ]
        return Point(pending.global_step, self._wall_time, values)
