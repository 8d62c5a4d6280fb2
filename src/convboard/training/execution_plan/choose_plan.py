"""Which plan a run computes by: the candidates, and a choice between them by measurement, memory or rule."""

import itertools
import logging
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from convboard.config.schema import TrainerConfig
from convboard.training.execution_plan.plan import Plan, has_bf16
from convboard.training.execution_plan.plan_cache import Measured, processor, recall, remember
from convboard.training.execution_plan.step_benchmark import StepBenchmark, compare_plans, time_step

_log = logging.getLogger(__name__)

# Of the time that the run is expected to take: what measuring may cost. On a GPU there is more to gain by it.
SHARE = {"cpu": 0.03, "cuda": 0.1}
BUDGET = {"cpu": 3.0, "cuda": 10.0}  # seconds that it takes at most
WORTH = 0.3  # seconds: with less, nothing can be measured that counts
COMPILING = 60.0  # seconds: with less, torch.compile is not tried, which takes tens of them to import and compile
GAIN = 1.03  # how much faster than the default plan another must be: a lesser gain may be chance
PROBE = 8  # the first look at a step takes one image in so many of the batch
BUSY = 0.75  # of the cores in use by others: what is measured then is not remembered
LOOKS = 2  # more of them where the first says that measuring is worth it: the first steps of a process are slow
FEWEST_STEPS = 20  # a run with less is too short to even look


@dataclass(frozen=True)
class PlanChoice:
    """The plan of a run, and why it is this one.

    Attributes:
        plan: The plan.
        reason: In a few words, as they follow on "plan: ".
        images_per_second: What was measured, by plan; empty where nothing was.
        processes: How many compute by it together.
    """

    plan: Plan
    reason: str
    images_per_second: Mapping[Plan, float] = field(default_factory=dict)
    processes: int = 1

    @property
    def chosen(self) -> str:
        """The plan in one line, for people."""
        return self.plan.describe(self.processes)

    def describe(self) -> str:
        """One line, such as `measured in 1.2 s; 2.10 times as fast as plain eager fp32`."""
        rates = self.images_per_second
        plain = plain_plan(self.plan)
        if self.plan not in rates or plain not in rates:
            return self.reason
        gain = rates[self.plan] / rates[plain]
        how_fast = f"{gain:.2f} times as fast as" if gain >= GAIN else "none is clearly faster than"
        return f"{self.reason}; {how_fast} plain eager fp32"

    def table(self) -> dict[str, str]:
        """What there is to say of the plans, by what it says it of."""
        ranked = sorted(self.images_per_second.items(), key=lambda item: -item[1])
        rates = {plan.describe(): f"{rate:,.0f} images/s" for plan, rate in ranked}
        return {"chosen": self.chosen, "why": self.describe(), **rates}


def plain_plan(plan: Plan) -> Plan:
    """Plain eager fp32 in NCHW, where `plan` computes, with torch's own number of threads."""
    return Plan(plan.device, threads=torch.get_num_threads() if plan.device.type == "cpu" else None)


def unmeasured(trainer: TrainerConfig, plan: Plan, reason: str, processes: int = 1) -> PlanChoice:
    """A plan that no measurement decided on, and then none chooses a precision either."""
    precision = "; trainer.precision=auto is then fp32" if trainer.precision == "auto" else ""
    return PlanChoice(plan, reason + precision, processes=processes)


def candidates(trainer: TrainerConfig, default: Plan) -> tuple[Plan, ...]:
    """Every plan that the config leaves open, with `default` as the first and the more promising before the less."""
    on_cpu, on_cuda = default.device.type == "cpu", default.device.type == "cuda"

    def options(key: str, others: tuple[Any, ...], is_open: bool) -> tuple[Any, ...]:
        chosen = getattr(default, key)
        return (chosen, *(other for other in others if other != chosen)) if is_open else (chosen,)

    choices = {
        "compile": options("compile", (True,), on_cuda and trainer.compile is None),
        "threads": options("threads", _thread_counts(default), on_cpu and trainer.threads is None),
        "channels_last": options("channels_last", (False,), trainer.channels_last is None),
        "precision": options("precision", ("bf16",), trainer.precision == "auto" and has_bf16(default.device)),
        "cuda_graph": options("cuda_graph", (True,), on_cuda and trainer.cuda_graph is None),
    }
    return tuple(
        replace(default, **dict(zip(choices, chosen, strict=True))) for chosen in itertools.product(*choices.values())
    )


def decide(trainer: TrainerConfig, default: Plan, benchmark: StepBenchmark, steps: int) -> PlanChoice:
    """Choose the plan of a run.

    Args:
        trainer: What of the plan is set by hand, and whether the rest may be measured, or must be.
        default: What is taken without a measurement.
        benchmark: Takes the steps to measure.
        steps: How many the run takes.
    """
    plain, plans = plain_plan(default), candidates(trainer, default)
    if trainer.plan == "none":
        what = "plain eager fp32" if default == plain else "as given in the config"
        return unmeasured(trainer, default, f"none, nothing measured; {what}")
    if trainer.deterministic:
        return unmeasured(trainer, default, "not measured, since trainer.deterministic=true")
    if default.compile:
        return unmeasured(trainer, default, "not measured, since trainer.compile=true would compile each")
    if len(plans) == 1:
        return unmeasured(trainer, default, "given in the config, nothing measured")
    compared = plans if plain in plans else (*plans, plain)
    case = _case(benchmark, compared)
    is_asked_for = trainer.plan == "measure"
    began = time.perf_counter()
    measured = None if is_asked_for else recall(case, compared)
    reason = "remembered from an earlier run"
    if measured is None or _is_worth_more(measured, compared, steps):
        is_busy = _is_busy()
        try:
            anew = _measure(benchmark, compared, math.inf if is_asked_for else steps)
        except _UnmeasuredError as end:
            if measured is None:
                return unmeasured(trainer, default, f"not measured, since {end}")
        else:
            if is_asked_for or not is_busy:
                remember(case, compared, anew)
            measured, reason = anew, f"measured in {time.perf_counter() - began:.1f} s"
    seconds = measured.seconds
    fastest = min((plan for plan in plans if plan in seconds), key=lambda plan: seconds[plan])
    chosen = fastest if seconds[fastest] * GAIN < seconds[default] else default
    images = sum(len(batch.labels) for batch in benchmark.batches)
    return PlanChoice(chosen, reason, {plan: images / value for plan, value in seconds.items()})


class _UnmeasuredError(Exception):
    """No plan was measured, for the reason that the message gives."""


def _is_worth_more(measured: Measured, plans: tuple[Plan, ...], steps: int) -> bool:
    """Whether some plans were left out for want of time, of which a run of so many steps has a lot more."""
    left_out = any(plan not in measured.seconds for plan in plans)
    return left_out and _budget(plans, steps, measured.seconds[plans[0]]) > 2 * measured.budget


def _budget(plans: tuple[Plan, ...], steps: float, step: float) -> float:
    """Seconds that may be spent on measuring, for a run of so many steps of so many seconds."""
    device = plans[0].device.type
    earned = SHARE.get(device, SHARE["cpu"]) * steps * step
    if earned >= COMPILING and any(plan.compile for plan in plans):
        return COMPILING
    return min(earned, BUDGET.get(device, BUDGET["cpu"]))


def _measure(benchmark: StepBenchmark, plans: tuple[Plan, ...], steps: float) -> Measured:
    """Time steps by the plans, of which the first is the default, for a run of so many steps.

    Where a step is slow, it takes only some of the images, and the seconds are scaled up.

    Raises:
        _UnmeasuredError: That is not worth its time, or cannot be done.
    """
    default, batch_size = plans[0], len(benchmark.batches[0].labels)
    if steps < FEWEST_STEPS:
        raise _UnmeasuredError("the run is short")
    began, loading = time.perf_counter(), 0.0
    try:
        if default.device.type == "cuda":  # load libraries and kernels, as the run's own first step would
            time_step(benchmark, default, batch_size)
            loading = time.perf_counter() - began
            began += loading
        step, images = _warm_step(benchmark, plans, steps)
    except Exception as error:  # the run itself may train, or says why not
        _log.debug("No plan was measured.", exc_info=error)
        raise _UnmeasuredError("no copy of this network can be trained") from error
    budget = _budget(plans, steps, step)
    if budget < WORTH:
        raise _UnmeasuredError("the run is short")
    tried = plans if budget >= COMPILING else tuple(plan for plan in plans if not plan.compile)
    images = min(batch_size, max(images, int(batch_size * budget / (4 * len(tried) * step))))
    left = budget - (time.perf_counter() - began)
    times = compare_plans(tried, lambda plan, count: time_step(benchmark, plan, images, count), left, loading)
    if default not in times or len(times) == 1:
        raise _UnmeasuredError("its steps are slow")
    return Measured(budget, {plan: value * batch_size / images for plan, value in times.items()})


def _is_busy() -> bool:
    """Whether others compute on this machine, so that what is measured now does not hold for other times."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # a system that does not tell
        return False
    cores = os.cpu_count() or 1
    own = min(time.process_time() / 60, cores)  # a second of computing adds at most 1/60 to the average of a minute
    return load - own > BUSY * cores


def _warm_step(benchmark: StepBenchmark, plans: tuple[Plan, ...], steps: float) -> tuple[float, int]:
    """Seconds of a step by the default plan, and of how many images it took them; the least of some looks.

    A look at few images gives too much, if anything: where even that is too little to measure for, it is the last.
    A GPU is quick enough for all of them, and would have kernels of their own for few.
    """
    default, batch_size = plans[0], len(benchmark.batches[0].labels)
    few = min(batch_size, max(2, batch_size // PROBE))
    least, images = math.inf, batch_size if default.device.type == "cuda" else few
    for _ in range(1 + LOOKS):
        if least < WORTH / PROBE:
            images = batch_size
        least = min(least, time_step(benchmark, default, images) * batch_size / images)
        if _budget(plans, steps, least) < WORTH:
            break
    return least, images


def _thread_counts(default: Plan) -> tuple[int, ...]:
    """All cores, half of them, a quarter, and one."""
    most = default.threads or 1
    return tuple(dict.fromkeys(count for count in (most, most // 2, most // 4, 1) if count))


def _case(benchmark: StepBenchmark, plans: tuple[Plan, ...]) -> dict[str, Any]:
    """All that the time of a step depends on."""
    model, optimizer, device = benchmark.model, benchmark.optimizer, plans[0].device
    return {
        "layers": [
            f"{name} {type(module).__module__}.{type(module).__qualname__} {module.extra_repr()}"
            for name, module in model.named_modules()
        ],
        "weights": [f"{name} {list(weight.shape)} {weight.dtype}" for name, weight in model.state_dict().items()],
        "trained": [name for name, weight in model.named_parameters() if weight.requires_grad],
        "batches": [list(batch.images.shape) for batch in benchmark.batches],
        "loss": repr(benchmark.loss),
        "optimizer": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "clips": benchmark.gradient_clip is not None,
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
