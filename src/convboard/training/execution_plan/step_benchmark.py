"""How fast a run's steps are by each of several plans: a few real ones, taken on copies.

The run's own network, optimizer and random numbers are left as they were, to the last bit.
"""

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import nn

from convboard.data import Batch
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import random_numbers_kept
from convboard.training.train_step import TrainStep

_log = logging.getLogger(__name__)

Clock = Callable[[], float]

ROUNDS = 6
VISIT = 0.015  # seconds that a visit of quick steps takes: a single one would be at the mercy of the clock
MOST_STEPS = 8  # in a visit
LEFT_BEHIND = (2.0, 1.25)  # times the best plan's time at which another has no chance: seen once, or more often
MARGIN = 1.5  # how much slower than any step seen so far the next plan's may be


@dataclass
class StepBenchmark:
    """Steps on copies of a run's network and optimizer, at a learning rate of 0: none of them can diverge.

    Attributes:
        model: The network, on its device.
        optimizer: Over its parameters.
        loss: Mean loss of (logits, labels).
        draw: Makes some of the run's own batches, in NCHW, when they are first needed.
        gradient_clip: As in `TrainStep`.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: nn.Module
    draw: Callable[[], Sequence[Batch]]
    gradient_clip: float | None = None
    _steppers: dict[Plan, TrainStep] = field(default_factory=dict)
    _copies: dict[tuple[bool, ...], tuple[nn.Module, torch.optim.Optimizer]] = field(default_factory=dict)

    @cached_property
    def batches(self) -> Sequence[Batch]:
        """A step takes all of them, accumulating their gradients."""
        return self.draw()

    def take(self, plan: Plan, images: int) -> None:
        """Take one step on the first `images` of each batch, by `plan`."""
        layout = torch.channels_last if plan.channels_last else torch.contiguous_format
        batches = [
            Batch(batch.images[:images].contiguous(memory_format=layout), batch.labels[:images], batch.indices[:images])
            for batch in self.batches
        ]
        self._stepper(plan).take(batches, taken=0, epoch=1)

    def _stepper(self, plan: Plan) -> TrainStep:
        if plan not in self._steppers:
            # What is recorded or compiled needs copies of its own; precision and threads make no difference to them.
            needs = (plan.channels_last, plan.compile, plan.cuda_graph)
            if needs not in self._copies or any(needs[1:]):
                model, optimizer = copy.deepcopy((self.model, self.optimizer))
                self._copies[needs] = plan.place(model).train(), optimizer
            model, optimizer = self._copies[needs]
            self._steppers[plan] = TrainStep(
                model, optimizer, lambda *_: 0.0, self.loss, plan, self.gradient_clip, total_steps=1, steps_per_epoch=1
            )
        return self._steppers[plan]


def time_step(
    benchmark: StepBenchmark, plan: Plan, images: int, steps: int = 1, clock: Clock = time.perf_counter
) -> float:
    """Seconds of one step by `plan`, over `steps` of them; what comes before these to warm up is not counted."""
    with random_numbers_kept(plan.device), plan.with_threads():
        for _ in range(_to_warm_up(plan)):
            benchmark.take(plan, images)
        _wait_for(plan.device)
        began = clock()
        for _ in range(steps):
            benchmark.take(plan, images)
        _wait_for(plan.device)
        return (clock() - began) / steps


def compare_plans(
    plans: Sequence[Plan],
    timed: Callable[[Plan, int], float],
    seconds: float,
    loading: float = 0.0,
    clock: Clock = time.perf_counter,
) -> dict[Plan, float]:
    """Time the plans in turn, round after round, so that what else the machine does meets all of them.

    A plan that is left far behind is not timed again; a recording is at least twice, for its first replays may be slow.
    None is begun that might not be done in time: with steps that are slow, the first of `plans` are all that is timed.

    Args:
        plans: The most promising first.
        timed: Seconds of one step by a plan, over a number of steps; those that warm up are taken before them.
        seconds: When to stop.
        loading: Seconds that the first step of a plan takes more if its kernels, which depend on memory format and
            precision, are none of those before it.
        clock: The time in seconds.

    Returns:
        The least seconds of a step by each plan that was timed: what disturbs a step only ever makes it slower.
    """
    ends = clock() + seconds
    best: dict[Plan, float] = {}
    loaded = {_kernels(plans[0])}
    running = list(plans)
    for round_number in range(ROUNDS):
        for plan in running:
            slowest = max(best.values(), default=0.0)
            step = best.get(plan, MARGIN * slowest)
            steps = min(MOST_STEPS, math.ceil(VISIT / step)) if step else 1
            first = 0.0 if _kernels(plan) in loaded else loading
            if clock() + first + MARGIN * (steps + _to_warm_up(plan)) * step > ends:
                if round_number:
                    return best
                continue
            loaded.add(_kernels(plan))
            try:
                best[plan] = min(timed(plan, steps), best.get(plan, math.inf))
            except Exception as error:  # this network cannot be computed by this plan, whatever it raises
                _log.debug("No candidate: %s", plan.describe(), exc_info=error)
        limit = LEFT_BEHIND[round_number > 0] * min(best.values(), default=0.0)
        running = [
            plan for plan in running if plan in best and (best[plan] <= limit or (plan.cuda_graph and not round_number))
        ]
    return best


def _to_warm_up(plan: Plan) -> int:
    """Steps that are not counted: of a recording, the first replays are slow."""
    return 3 if plan.cuda_graph else 1


def _kernels(plan: Plan) -> tuple[bool, str]:
    return plan.channels_last, plan.precision


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
