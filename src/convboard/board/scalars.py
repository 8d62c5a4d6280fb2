"""The curves of a training run. Metrics stay on the device and are read together when a point is due.

A point is the mean over all samples since the previous point. Points are due at step 1, at every multiple of the
interval, and at the end of the run.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import mul
from typing import Any

import torch
from torch import Tensor, nn

from convboard.board import tags
from convboard.board.summaries import Value, scalar
from convboard.training.callbacks import Step
from convboard.training.metrics import HostCopy, StepMetrics

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
        self._next = _NextPoint()
        self._due: list[_NextPoint] = []

    def add(self, step: Step) -> bool:
        """Add a step without waiting for the device. Its tensors must not be overwritten later.

        Returns:
            Whether `points` may return one.
        """
        self._next.metrics.add(step)
        self._next.step = step
        if step.global_step % self.every == 0 or step.global_step == 1:
            self._take()
        return bool(self._due)

    def points(self, *, wait: bool = False) -> list[Point]:
        """The points that have become available since the last call; with `wait`, all that are due."""
        ready = []
        while self._due and (wait or self._due[0].is_ready()):
            ready.append(self._due.pop(0).point())
        return ready

    def finish(self) -> list[Point]:
        """The remaining points at the end of the run, the last one for the steps since the previous point."""
        if self._next.metrics.samples:
            self._take()
        return self.points(wait=True)

    def state_dict(self) -> dict[str, Any]:
        """The interval, and the steps since the last point."""
        self._next.copy(self._gradient_norm)
        return {"every": self.every, **self._next.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state` with its interval, so that the points stay at the same steps."""
        self.every = int(state["every"])
        self._next = _NextPoint.from_state(state)

    def _take(self) -> None:
        self._next.copy(self._gradient_norm)
        self._due.append(self._next)
        self._next = _NextPoint()

    def _gradient_norm(self) -> Tensor:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        return nn.utils.get_total_norm(gradients) if gradients else torch.zeros(())


class _NextPoint:
    """The steps since the last point, and step number, learning rate and gradient norm of the latest of them.

    Attributes:
        metrics: Loss and accuracy of the steps.
        step: The latest step; None after a restart, until the next step.
    """

    def __init__(self) -> None:
        self.metrics = StepMetrics()
        self.step: Step | None = None
        self._wall_time = 0.0
        self._norm: HostCopy | None = None
        self._saved = {"global_step": 0, "lr": 0.0, "gradient_norm": 0.0}  # of the latest step before a restart

    def copy(self, gradient_norm: Callable[[], Tensor]) -> None:
        """Begin to copy the numbers to the host; `gradient_norm` computes the norm where the step has none."""
        self._wall_time = time.time()
        self.metrics.copy()
        if self.step is not None:
            norm = self.step.gradient_norm
            self._norm = HostCopy((gradient_norm() if norm is None else norm).float().reshape(1))

    def is_ready(self) -> bool:
        """Return whether `point` does not wait for the device."""
        return self.metrics.is_ready() and (self._norm is None or self._norm.is_ready())

    def point(self) -> Point:
        """Return the point; `copy` comes first."""
        loss, accuracy = self.metrics.means()
        last = self._last_step()
        values = [
            scalar(tags.LOSS_TRAIN, loss),
            scalar(tags.ACCURACY_TRAIN, accuracy),
            scalar(tags.LR, last["lr"]),
            scalar(tags.GRADIENT_NORM, last["gradient_norm"]),
        ]
        return Point(int(last["global_step"]), self._wall_time, values)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums and the latest step, JSON-like; `copy` comes first."""
        return {**self.metrics.state_dict(), **self._last_step()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "_NextPoint":
        """Return the steps that `state_dict` described; older checkpoints list the numbers of each step."""
        new = cls()
        new._saved = {key: state[key] for key in new._saved}
        if "losses" in state:
            loss = sum(map(mul, state["losses"], state["samples"]))
            state = {"loss": loss, "correct": sum(state["correct"]), "samples": sum(state["samples"])}
        new.metrics.load_state_dict({key: state[key] for key in ("loss", "correct", "samples")})
        return new

    def _last_step(self) -> dict[str, float]:
        if self.step is None or self._norm is None:
            return self._saved
        (norm,) = self._norm.values()
        return {"global_step": self.step.global_step, "lr": self.step.lr, "gradient_norm": norm}
