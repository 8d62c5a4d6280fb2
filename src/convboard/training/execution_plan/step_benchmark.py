"""Measurement of the time of a step by each of several plans: a few real steps on copies of the network.

The network, the optimizer and the random state of the run are not changed.
"""

import copy
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice

import torch
from torch import nn

from convboard.data.batches import Batch
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import preserved_random_state
from convboard.training.train_step import TrainStep
from convboard.training.training_setup import TrainingSetup

_log = logging.getLogger(__name__)

Clock = Callable[[], float]

ROUNDS = 6
MIN_SAMPLE_SECONDS = 0.015  # several quick steps are timed together: the clock is not exact enough for one
MAX_SAMPLE_STEPS = 8
DROP_FACTORS = (2.0, 1.25)  # a plan this many times slower than the best is dropped: after one round, and later
MARGIN = 1.5  # the step of an untimed plan is expected to take at most this many times the slowest so far


class StepBenchmark:
    """Training steps on copies of the network and the optimizer of a run, with a learning rate of 0.

    Args:
        setup: The run.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self._setup = setup
        self._train_steps: dict[Plan, TrainStep] = {}
        self._copies: dict[tuple[bool, ...], tuple[nn.Module, torch.optim.Optimizer]] = {}

    @cached_property
    def batches(self) -> Sequence[Batch]:
        """The batches of the first step of the run, images `[B, C, H, W]` in NCHW; made at the first access."""
        batches = self._setup.splits.train.with_memory_format(channels_last=False)
        return list(islice(batches.epoch(), self._setup.limits.accumulate_batches))

    def take(self, plan: Plan, images: int) -> None:
        """Take one step by `plan` on the first `images` images of each batch."""
        memory_format = torch.channels_last if plan.channels_last else torch.contiguous_format
        batches = [
            Batch(
                batch.images[:images].contiguous(memory_format=memory_format),
                batch.labels[:images],
                batch.indices[:images],
            )
            for batch in self.batches
        ]
        self._train_step(plan).take(batches, steps_before=0, epoch=1)

    def _train_step(self, plan: Plan) -> TrainStep:
        if plan not in self._train_steps:
            # A recorded or compiled network needs its own copy; precision and threads do not change a copy.
            needs = (plan.channels_last, plan.compile, plan.cuda_graph)
            if needs not in self._copies or any(needs[1:]):
                model, optimizer = copy.deepcopy((self._setup.model, self._setup.optimizer))
                self._copies[needs] = plan.place(model).train(), optimizer
            model, optimizer = self._copies[needs]
            self._train_steps[plan] = TrainStep(
                replace(
                    self._setup,
                    model=model,
                    optimizer=optimizer,
                    schedule=lambda *_: 0.0,
                    plan=plan,
                    comm=Communicator(),
                )
            )
        return self._train_steps[plan]


def time_step(benchmark: StepBenchmark, plan: Plan, images: int, steps: int = 1) -> float:
    """Return the mean seconds of `steps` steps by `plan` on `images` images of each batch, after a warm-up."""
    with preserved_random_state(plan.device), plan.with_threads():
        for _ in range(_warm_up_steps(plan)):
            benchmark.take(plan, images)
        _synchronize(plan.device)
        began = time.perf_counter()
        for _ in range(steps):
            benchmark.take(plan, images)
        _synchronize(plan.device)
        return (time.perf_counter() - began) / steps


def compare_plans(
    plans: Sequence[Plan],
    timed: Callable[[Plan, int], float],
    seconds: float,
    loading: float = 0.0,
    clock: Clock = time.perf_counter,
) -> dict[Plan, float]:
    """Time the plans in turn, round after round, so that other load on the machine affects all of them.

    A plan that is far slower than the best one is not timed again. A plan with a CUDA graph is timed at least twice,
    because its first replays may be slow. A step that might not end in time is not started: if steps are slow, only
    the first plans are timed.

    Args:
        plans: The plans, the most promising first.
        timed: Returns the seconds of one step by a plan, measured over a number of steps after a warm-up.
        seconds: Time limit of the comparison.
        loading: Additional seconds of the first step with kernels that are not loaded yet; memory format and precision
            determine the kernels.
        clock: Returns the time in seconds.

    Returns:
        The shortest time of a step in seconds by each plan that was timed: other load can only make a step slower.
    """
    ends = clock() + seconds
    best: dict[Plan, float] = {}
    loaded = {_kernels(plans[0])}
    running = list(plans)
    for round_number in range(ROUNDS):
        for plan in running:
            slowest = max(best.values(), default=0.0)
            step = best.get(plan, MARGIN * slowest)
            steps = min(MAX_SAMPLE_STEPS, math.ceil(MIN_SAMPLE_SECONDS / step)) if step else 1
            first = 0.0 if _kernels(plan) in loaded else loading
            if clock() + first + MARGIN * (steps + _warm_up_steps(plan)) * step > ends:
                if round_number:
                    return best
                continue
            loaded.add(_kernels(plan))
            try:
                best[plan] = min(timed(plan, steps), best.get(plan, math.inf))
            except Exception as error:  # of any type: this network cannot be computed by this plan
                _log.debug("No candidate: %s", plan.describe(), exc_info=error)
        limit = DROP_FACTORS[round_number > 0] * min(best.values(), default=0.0)
        running = [
            plan for plan in running if plan in best and (best[plan] <= limit or (plan.cuda_graph and not round_number))
        ]
    return best


def _warm_up_steps(plan: Plan) -> int:
    """Return the number of steps before the timed ones: the first replays of a CUDA graph are slow."""
    return 3 if plan.cuda_graph else 1


def _kernels(plan: Plan) -> tuple[bool, str]:
    return plan.channels_last, plan.precision


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
