"""Learning-rate schedules: pure functions of the step, so that resuming one needs no state.

A schedule returns the factor by which the learning rate of each parameter group is multiplied.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from convboard.errors import ConfigError

_MOST_EPOCHS = 2**31 - 1


class ScheduleError(ConfigError):
    """An argument of a schedule is out of range."""


class Schedule(Protocol):
    """A learning-rate schedule."""

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """Return the factor of the learning rate for one step.

        Args:
            step: Number of the step, from 0.
            total_steps: Number of steps of the run.
            steps_per_epoch: Number of steps of an epoch.
        """


@dataclass(frozen=True)
class Constant:
    """A constant learning rate after an optional linear warm-up.

    Attributes:
        warmup_epochs: Length of the linear rise from near zero, in epochs; fractions are allowed.
    """

    warmup_epochs: float = 0.0

    def __post_init__(self) -> None:
        _check("warmup_epochs", self.warmup_epochs, 0.0, _MOST_EPOCHS)

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See `Schedule`."""
        warmup_steps = min(round(self.warmup_epochs * steps_per_epoch), total_steps)
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        return self._after_warmup(step - warmup_steps, total_steps - warmup_steps, steps_per_epoch)

    def _after_warmup(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """Return the factor at `step` of the `steps` that follow the warm-up."""
        return 1.0


@dataclass(frozen=True)
class Cosine(Constant):
    """Half a cosine from 1 down to `final_factor` (SGDR without restarts, arXiv:1608.03983, eq. 5).

    Attributes:
        final_factor: The factor at the last step.
    """

    final_factor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("final_factor", self.final_factor, 0.0, 1.0)

    def _after_warmup(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return _cosine(1.0, self.final_factor, step / max(steps - 1, 1))


@dataclass(frozen=True)
class OneCycle(Constant):
    """Half a cosine from `initial_factor` up to 1, and another down to `final_factor` (arXiv:1708.07120).

    The rise replaces a warm-up: `warmup_epochs`, if above 0, is its length in epochs.

    Attributes:
        rise: Length of the rise as a share of the run, unless `warmup_epochs` gives its length.
        initial_factor: The factor at the first step.
        final_factor: The factor at the last step.
    """

    rise: float = 0.3
    initial_factor: float = 0.04
    final_factor: float = 0.0004

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("rise", self.rise, 0.0, 1.0)
        _check("initial_factor", self.initial_factor, 0.0, 1.0)
        _check("final_factor", self.final_factor, 0.0, 1.0)

    def __call__(self, step: int, total_steps: int, steps_per_epoch: int) -> float:
        """See `Schedule`."""
        rising = self.warmup_epochs * steps_per_epoch if self.warmup_epochs else self.rise * total_steps
        peak = min(rising, total_steps) - 1
        if step < peak:
            return _cosine(self.initial_factor, 1.0, step / peak)
        return _cosine(1.0, self.final_factor, (step - peak) / max(total_steps - 1 - peak, 1))


@dataclass(frozen=True)
class StepDecay(Constant):
    """Multiply by `gamma` after every `epochs` epochs.

    Attributes:
        epochs: Epochs between two drops.
        gamma: The factor of each drop.
    """

    epochs: float = 10.0
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("epochs", self.epochs, 1e-9, _MOST_EPOCHS)
        _check("gamma", self.gamma, 0.0, 1.0)

    def _after_warmup(self, step: int, steps: int, steps_per_epoch: int) -> float:
        return float(self.gamma ** int(step / (self.epochs * steps_per_epoch)))


def _cosine(start: float, end: float, share: float) -> float:
    """Return the value of half a cosine from `start` to `end` at `share` (0 to 1) of its length."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        span = f"between {low:g} and {high:g}" if high < _MOST_EPOCHS or value > high else f"at least {low:g}"
        raise ScheduleError(f"{name}={value}: must be {span}.")
