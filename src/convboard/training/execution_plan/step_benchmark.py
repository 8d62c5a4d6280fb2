"""Measures how fast the steps of a run are by each of several plans: a few real steps on copies.

The run's own network, optimizer and random state are left as they were, to the last bit.
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
VISIT = 0.015  # seconds of a visit to a plan of quick steps: the clock would not measure one step well
MOST_STEPS = 8  # in a visit
HOPELESS = (2.0, 1.25)  # times the best plan's time above which a plan is dropped: seen once, or more often
MARGIN = 1.5  # times any step so far that the next plan's step may take


class StepBenchmark:
    """Takes steps on copies of a run's network and optimizer, with a learning rate of 0 so that none diverges.

    Args:
        setup: The run.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self._setup = setup
        self._train_steps: dict[Plan, TrainStep] = {}
        self._copies: dict[tuple[bool, ...], tuple[nn.Module, torch.optim.Optimizer]] = {}

    @cached_property
    def batches(self) -> Sequence[Batch]:
        """The batches of the run's first step, in NCHW; made when they are first needed."""
        batches = self._setup.splits.train.with_memory_format(channels_last=False)
        return list(islice(batches.epoch(), self._setup.limits.accumulate_batches))

    def take(self, plan: Plan, images: int) -> None:
        """Take one step on the first `images` of each batch, by `plan`."""
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
            # What is recorded or compiled needs copies of its own; precision and threads do not change them.
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


def time_step(
    benchmark: StepBenchmark, plan: Plan, images: int, steps: int = 1, clock: Clock = time.perf_counter
) -> float:
    """Return the mean seconds of `steps` steps by `plan` on `images` images of each batch, after a warm-up."""
    with preserved_random_state(plan.device), plan.with_threads():
        for _ in range(_warm_up_steps(plan)):
            benchmark.take(plan, images)
        _synchronize(plan.device)
        began = clock()
        for _ in range(steps):
            benchmark.take(plan, images)
        _synchronize(plan.device)
        return (clock() - began) / steps


def compare_plans(
    plans: Sequence[Plan],
    timed: Callable[[Plan, int], float],
    seconds: float,
    loading: float = 0.0,
    clock: Clock = time.perf_counter,
) -> dict[Plan, float]:
    """Time the plans in turn, round after round, so that other work of the machine affects all of them.

    A plan that is far slower than the best is not timed again; a recorded one is timed at least twice, because its
    first replays may be slow. No step is begun that may not end in time: with slow steps only the first plans are
    timed.

    Args:
        plans: The most promising first.
        timed: Returns the seconds of one step by a plan, measured over a number of steps after a warm-up.
        seconds: When to stop.
        loading: Additional seconds of the first step of a plan whose kernels, which depend on memory format and
            precision, no plan before it has loaded.
        clock: The time in seconds.

    Returns:
        The least seconds of a step by each plan that was timed: a disturbance only ever makes a step slower.
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
            if clock() + first + MARGIN * (steps + _warm_up_steps(plan)) * step > ends:
                if round_number:
                    return best
                continue
            loaded.add(_kernels(plan))
            try:
                best[plan] = min(timed(plan, steps), best.get(plan, math.inf))
            except Exception as error:  # this network cannot be computed by this plan, whatever it raises
                _log.debug("No candidate: %s", plan.describe(), exc_info=error)
        limit = HOPELESS[round_number > 0] * min(best.values(), default=0.0)
        running = [
            plan for plan in running if plan in best and (best[plan] <= limit or (plan.cuda_graph and not round_number))
        ]
    return best


def _warm_up_steps(plan: Plan) -> int:
    """Steps that are not measured: the first replays of a recording are slow."""
    return 3 if plan.cuda_graph else 1


def _kernels(plan: Plan) -> tuple[bool, str]:
    return plan.channels_last, plan.precision


def _synchronize(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
