"""Measurement of plans within a share of the expected time of a run, and the check of an earlier measurement."""

import logging
import math
from collections import defaultdict
from collections.abc import Sequence

from convboard.training.execution_plan.other_load import OtherLoad
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.plan_cache import Measurement
from convboard.training.execution_plan.step_benchmark import Clock, StepBenchmark, compare_plans, time_step

_log = logging.getLogger(__name__)

# The measurement may take this share of the expected time of the run. A GPU run gains more by it.
SHARE = {"cpu": 0.03, "cuda": 0.1}
MAX_BUDGET = {"cpu": 3.0, "cuda": 10.0}  # seconds
MIN_BUDGET = 0.3  # seconds; nothing is measured with a smaller budget
COMPILE_BUDGET = 60.0  # seconds; torch.compile takes tens of seconds and is not tried with a smaller budget
SAMPLE_FRACTION = 8  # the first sample of the step time uses 1/8 of the images of a batch
MAX_OTHER_LOAD = 0.1  # share of the cores; a measurement is not saved if other processes use more
MAX_SPREAD = 1.15  # ratio of the two shortest times of the fastest plan; a measurement is not saved if it is larger
MAX_CHANGE = 1.25  # ratio of the time of a step to the saved time, or its inverse; if larger, plans are measured again
EXTRA_SAMPLES = 2  # of the step time, if the first one justifies a measurement: the first steps of a process are slow
MIN_STEPS = 20  # of a run; in a shorter one not even the first step is timed


class UnmeasuredError(Exception):
    """No plan was measured, for the reason in the message."""


def describe_change(measurement: Measurement, plan: Plan, benchmark: StepBenchmark, steps: int) -> str:
    """Time a few steps by `plan`, and return in words how they differ from a saved measurement; empty if they do not.

    Args:
        measurement: The saved measurement.
        plan: One of its plans.
        benchmark: Takes the steps.
        steps: Number of steps of the run. If it is too short for these steps, the measurement is not checked.
    """
    saved = measurement.seconds[plan]
    batch_size = len(benchmark.batches[0].labels)
    images = min(measurement.images, batch_size)
    if steps < MIN_STEPS or 2 * (1 + EXTRA_SAMPLES) * saved > time_limit((plan,), steps, saved):
        return ""
    now = math.inf
    for _ in range(1 + EXTRA_SAMPLES):  # the first steps of a process are slow
        try:
            now = min(now, time_step(benchmark, plan, images) * batch_size / images)
        except Exception as error:  # the run itself may still train, or reports the reason
            _log.debug("The remembered plan was not checked.", exc_info=error)
            return ""
        if saved / MAX_CHANGE <= now <= saved * MAX_CHANGE:
            return ""
    ratio, word = (now / saved, "slow") if now > saved else (saved / now, "fast")
    return f"steps are {ratio:.1f} times as {word} as remembered"


def measure(benchmark: StepBenchmark, plans: tuple[Plan, ...], steps: float, clock: Clock) -> Measurement:
    """Time steps by each plan for a run of `steps` steps.

    If steps are slow, each uses only some of the images of a batch, and its time is scaled up.

    Args:
        benchmark: Takes the steps.
        plans: The plans; the first is the default.
        steps: Number of steps of the run.
        clock: The time in seconds.

    Raises:
        UnmeasuredError: The run is too short for a measurement, or its network cannot be measured.
    """
    default, batch_size = plans[0], len(benchmark.batches[0].labels)
    if steps < MIN_STEPS:
        raise UnmeasuredError("the run is short")
    began, loading = clock(), 0.0
    try:
        if default.device.type == "cuda":  # load libraries and kernels, as the run's own first step would
            time_step(benchmark, default, batch_size)
            loading = clock() - began
            began += loading
        step, images = _warm_step(benchmark, plans, steps)
    except Exception as error:  # the run itself may still train, or reports the reason
        _log.debug("No plan was measured.", exc_info=error)
        raise UnmeasuredError("no copy of this network can be trained") from error
    budget = time_limit(plans, steps, step)
    if budget < MIN_BUDGET:
        raise UnmeasuredError("the run is short")
    tried = plans if budget >= COMPILE_BUDGET else tuple(plan for plan in plans if not plan.compile)
    images = min(batch_size, max(images, int(batch_size * budget / (4 * len(tried) * step))))
    left = budget - (clock() - began)
    samples: dict[Plan, list[float]] = defaultdict(list)

    def timed(plan: Plan, count: int) -> float:
        samples[plan].append(time_step(benchmark, plan, images, count))
        return samples[plan][-1]

    load = OtherLoad()
    times = compare_plans(tried, timed, left, loading, clock)
    if default not in times or len(times) == 1:
        raise UnmeasuredError("its steps are slow")
    seconds = {plan: value * batch_size / images for plan, value in times.items()}
    fastest = min(times, key=lambda plan: times[plan])
    return Measurement(budget, seconds, images, _doubt(load.share(), samples[fastest]))


def _doubt(others: float, samples: Sequence[float]) -> str:
    """Return why a later run should not use a measurement.

    Args:
        others: Share of the cores that other processes used.
        samples: The times of a step by the fastest plan in seconds. The shortest is a fact if another one is close.
    """
    if others > MAX_OTHER_LOAD:
        return f"other processes used {others:.0%} of the processor"
    shortest = sorted(samples)[:2]
    return "the time of a step varied" if shortest[-1] > MAX_SPREAD * shortest[0] else ""


def time_limit(plans: tuple[Plan, ...], steps: float, step: float) -> float:
    """Return the seconds that measuring may take, for a run of `steps` steps of `step` seconds."""
    device = plans[0].device.type
    earned = SHARE.get(device, SHARE["cpu"]) * steps * step
    if earned >= COMPILE_BUDGET and any(plan.compile for plan in plans):
        return COMPILE_BUDGET
    return min(earned, MAX_BUDGET.get(device, MAX_BUDGET["cpu"]))


def _warm_step(benchmark: StepBenchmark, plans: tuple[Plan, ...], steps: float) -> tuple[float, int]:
    """Return the shortest sampled time of a step by the default plan, in seconds, and the number of images used.

    A measurement on few images can only overestimate the time. If even this estimate is too short to justify a
    measurement, no more samples are taken. On a GPU all images are used: it is fast enough, and it would use other
    kernels for few images.
    """
    default, batch_size = plans[0], len(benchmark.batches[0].labels)
    few = min(batch_size, max(2, batch_size // SAMPLE_FRACTION))
    least, images = math.inf, batch_size if default.device.type == "cuda" else few
    for _ in range(1 + EXTRA_SAMPLES):
        if least < MIN_BUDGET / SAMPLE_FRACTION:
            images = batch_size
        least = min(least, time_step(benchmark, default, images) * batch_size / images)
        if time_limit(plans, steps, least) < MIN_BUDGET:
            break
    return least, images
