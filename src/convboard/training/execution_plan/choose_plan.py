"""Choice of the plan of a run: the candidates, and the fastest of them, measured now or in an earlier run."""

import itertools
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from convboard.training.execution_plan.plan import Plan, PlanOptions, has_bf16
from convboard.training.execution_plan.plan_cache import Measurement, load_measurement, processor, save_measurement
from convboard.training.execution_plan.step_benchmark import Clock, StepBenchmark, compare_plans, time_step
from convboard.training.training_setup import TrainingSetup

_log = logging.getLogger(__name__)

# The measurement may take this share of the expected time of the run. A GPU run gains more by it.
SHARE = {"cpu": 0.03, "cuda": 0.1}
MAX_BUDGET = {"cpu": 3.0, "cuda": 10.0}  # seconds
MIN_BUDGET = 0.3  # seconds; nothing is measured with a smaller budget
COMPILE_BUDGET = 60.0  # seconds; torch.compile takes tens of seconds and is not tried with a smaller budget
MIN_SPEEDUP = 1.03  # over the default plan; a smaller speedup may be noise
SAMPLE_FRACTION = 8  # the first sample of the step time uses 1/8 of the images of a batch
MAX_LOAD = 0.75  # share of the cores; a measurement is not saved if other processes use more
EXTRA_SAMPLES = 2  # of the step time, if the first one justifies a measurement: the first steps of a process are slow
MIN_STEPS = 20  # of a run; in a shorter one not even the first step is timed


@dataclass(frozen=True)
class PlanChoice:
    """The plan of a run, and why it was chosen.

    Attributes:
        plan: The plan.
        reason: The reason in a few words.
        images_per_second: The measured speed by plan; empty if nothing was measured.
        processes: Number of processes that compute by it together.
    """

    plan: Plan
    reason: str
    images_per_second: Mapping[Plan, float] = field(default_factory=dict)
    processes: int = 1

    @property
    def chosen(self) -> str:
        """The plan in one line for people."""
        return self.plan.describe(self.processes)

    def describe(self) -> str:
        """Return one line, such as `measured in 1.2 s; 2.10 times as fast as plain eager fp32`."""
        rates = self.images_per_second
        plain = plain_plan(self.plan)
        if self.plan not in rates or plain not in rates:
            return self.reason
        gain = rates[self.plan] / rates[plain]
        comparison = f"{gain:.2f} times as fast as" if gain >= MIN_SPEEDUP else "none is clearly faster than"
        return f"{self.reason}; {comparison} plain eager fp32"

    def table(self) -> dict[str, str]:
        """Return the chosen plan, the reason and the measured rates, by row title."""
        ranked = sorted(self.images_per_second.items(), key=lambda item: -item[1])
        rates = {plan.describe(): f"{rate:,.0f} images/s" for plan, rate in ranked}
        return {"chosen": self.chosen, "why": self.describe(), **rates}


def plain_plan(plan: Plan) -> Plan:
    """Return plain eager fp32 in NCHW on the device of `plan`, with torch's own number of threads."""
    return Plan(plan.device, threads=torch.get_num_threads() if plan.device.type == "cpu" else None)


def candidates(options: PlanOptions, default: Plan) -> tuple[Plan, ...]:
    """Return every plan that `options` leave open: `default` first, and the more promising before the less."""
    on_cpu, on_cuda = default.device.type == "cpu", default.device.type == "cuda"

    def values(name: str, others: tuple[Any, ...], is_open: bool) -> tuple[Any, ...]:
        chosen = getattr(default, name)
        return (chosen, *(other for other in others if other != chosen)) if is_open else (chosen,)

    parts = {
        "compile": values("compile", (True,), on_cuda and options.compile is None),
        "threads": values("threads", _thread_counts(default), on_cpu and options.threads is None),
        "channels_last": values("channels_last", (False,), options.channels_last is None),
        "precision": values("precision", ("bf16",), options.precision == "auto" and has_bf16(default.device)),
        "cuda_graph": values("cuda_graph", (True,), on_cuda and options.cuda_graph is None),
    }
    return tuple(
        replace(default, **dict(zip(parts, combination, strict=True)))
        for combination in itertools.product(*parts.values())
    )


def choose_fastest(
    setup: TrainingSetup, plans: Sequence[Plan], measure_anew: bool = False, clock: Clock = time.perf_counter
) -> PlanChoice:
    """Choose the fastest plan of a run by a measurement, or by that of an earlier run.

    Args:
        setup: The run.
        plans: The candidates. The first is the default, which is chosen if nothing is measured.
        measure_anew: Measure even if the run is short, and replace the measurement of an earlier run.
        clock: The time in seconds.
    """
    default, plain = plans[0], plain_plan(plans[0])
    benchmark, steps = StepBenchmark(setup), setup.total_steps
    compared = tuple(plans) if plain in plans else (*plans, plain)
    case = _case(setup, benchmark, compared)
    began = clock()
    measurement = None if measure_anew else load_measurement(case, compared)
    reason = "remembered from an earlier run"
    if measurement is None or _deserves_more(measurement, compared, steps):
        is_busy = _is_busy()
        try:
            new = _measure(benchmark, compared, math.inf if measure_anew else steps, clock)
        except _UnmeasuredError as error:
            if measurement is None:
                return PlanChoice(default, f"not measured, since {error}")
        else:
            if measure_anew or not is_busy:
                save_measurement(case, compared, new)
            measurement, reason = new, f"measured in {clock() - began:.1f} s"
    seconds = measurement.seconds
    fastest = min((plan for plan in plans if plan in seconds), key=lambda plan: seconds[plan])
    chosen = fastest if seconds[fastest] * MIN_SPEEDUP < seconds[default] else default
    images = sum(len(batch.labels) for batch in benchmark.batches)
    return PlanChoice(chosen, reason, {plan: images / value for plan, value in seconds.items()})


class _UnmeasuredError(Exception):
    """No plan was measured, for the reason in the message."""


def _deserves_more(measurement: Measurement, plans: tuple[Plan, ...], steps: int) -> bool:
    """Return whether plans are missing in the measurement and a run of `steps` steps has more than twice its budget."""
    lacks_some = any(plan not in measurement.seconds for plan in plans)
    return lacks_some and _budget(plans, steps, measurement.seconds[plans[0]]) > 2 * measurement.budget


def _budget(plans: tuple[Plan, ...], steps: float, step: float) -> float:
    """Return the seconds that measuring may take, for a run of `steps` steps of `step` seconds."""
    device = plans[0].device.type
    earned = SHARE.get(device, SHARE["cpu"]) * steps * step
    if earned >= COMPILE_BUDGET and any(plan.compile for plan in plans):
        return COMPILE_BUDGET
    return min(earned, MAX_BUDGET.get(device, MAX_BUDGET["cpu"]))


def _measure(benchmark: StepBenchmark, plans: tuple[Plan, ...], steps: float, clock: Clock) -> Measurement:
    """Time steps by each plan for a run of `steps` steps.

    If steps are slow, each uses only some of the images of a batch, and its time is scaled up.

    Args:
        benchmark: Takes the steps.
        plans: The plans; the first is the default.
        steps: Number of steps of the run.
        clock: The time in seconds.

    Raises:
        _UnmeasuredError: The run is too short for a measurement, or its network cannot be measured.
    """
    default, batch_size = plans[0], len(benchmark.batches[0].labels)
    if steps < MIN_STEPS:
        raise _UnmeasuredError("the run is short")
    began, loading = clock(), 0.0
    try:
        if default.device.type == "cuda":  # load libraries and kernels, as the run's own first step would
            time_step(benchmark, default, batch_size)
            loading = clock() - began
            began += loading
        step, images = _warm_step(benchmark, plans, steps)
    except Exception as error:  # the run itself may still train, or reports the reason
        _log.debug("No plan was measured.", exc_info=error)
        raise _UnmeasuredError("no copy of this network can be trained") from error
    budget = _budget(plans, steps, step)
    if budget < MIN_BUDGET:
        raise _UnmeasuredError("the run is short")
    tried = plans if budget >= COMPILE_BUDGET else tuple(plan for plan in plans if not plan.compile)
    images = min(batch_size, max(images, int(batch_size * budget / (4 * len(tried) * step))))
    left = budget - (clock() - began)
    times = compare_plans(tried, lambda plan, count: time_step(benchmark, plan, images, count), left, loading, clock)
    if default not in times or len(times) == 1:
        raise _UnmeasuredError("its steps are slow")
    return Measurement(budget, {plan: value * batch_size / images for plan, value in times.items()})


def _is_busy() -> bool:
    """Return whether other processes use so much of this machine that a measurement should not be reused."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # not available on this system
        return False
    cores = os.cpu_count() or 1
    own = min(time.process_time() / 60, cores)  # a second of computing adds at most 1/60 to the average of a minute
    return load - own > MAX_LOAD * cores


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
        if _budget(plans, steps, least) < MIN_BUDGET:
            break
    return least, images


def _thread_counts(default: Plan) -> tuple[int, ...]:
    """Return all cores, half of them, a quarter, and one."""
    most = default.threads or 1
    return tuple(dict.fromkeys(count for count in (most, most // 2, most // 4, 1) if count))


def _case(setup: TrainingSetup, benchmark: StepBenchmark, plans: tuple[Plan, ...]) -> dict[str, Any]:
    """Return everything that the time of a step depends on."""
    model, optimizer, device = setup.model, setup.optimizer, plans[0].device
    return {
        "layers": [
            f"{name} {type(module).__module__}.{type(module).__qualname__} {module.extra_repr()}"
            for name, module in model.named_modules()
        ],
        "weights": [f"{name} {list(weight.shape)} {weight.dtype}" for name, weight in model.state_dict().items()],
        "trained": [name for name, weight in model.named_parameters() if weight.requires_grad],
        "batches": [list(batch.images.shape) for batch in benchmark.batches],
        "loss": repr(setup.loss),
        "optimizer": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "clips": setup.limits.gradient_clip is not None,
        "plans": [plan.to_dict() for plan in plans],
        "machine": [
            processor(),
            os.cpu_count(),
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
            torch.get_num_threads(),
            torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        ],
        "torch": torch.__version__,
    }
