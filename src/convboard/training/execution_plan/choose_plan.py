"""Choice of the plan of a run: the candidates, and the fastest of them, measured now or in an earlier run."""

import itertools
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from convboard.training.execution_plan.measure_plans import UnmeasuredError, describe_change, measure, time_limit
from convboard.training.execution_plan.other_load import core_count, processor
from convboard.training.execution_plan.plan import Plan, PlanOptions, has_bf16
from convboard.training.execution_plan.plan_cache import Measurement, load_measurement, save_measurement
from convboard.training.execution_plan.step_benchmark import Clock, StepBenchmark
from convboard.training.training_setup import TrainingSetup

MIN_SPEEDUP = 1.03  # over the default plan; a smaller speedup may be noise


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
    plain = plain_plan(plans[0])
    benchmark, steps = StepBenchmark(setup), setup.total_steps
    compared = tuple(plans) if plain in plans else (*plans, plain)
    case = _case(setup, benchmark, compared)
    began = clock()
    measurement = None if measure_anew else load_measurement(case, compared)
    reason, since = "remembered from an earlier run", ""
    if measurement is not None:
        since = describe_change(measurement, _fastest(measurement, plans), benchmark, steps)
    if measurement is None or since or _deserves_more(measurement, compared, steps):
        try:
            measurement = measure(benchmark, compared, math.inf if measure_anew else steps, clock)
        except UnmeasuredError as error:
            if measurement is None:
                return PlanChoice(plans[0], f"not measured, since {error}")
        else:
            reason = f"measured in {clock() - began:.1f} s" + (since and f", since {since}")
            if measurement.doubt:
                reason += f"; not kept for later runs, since {measurement.doubt}"
            else:
                save_measurement(case, compared, measurement)
    images = sum(len(batch.labels) for batch in benchmark.batches)
    rates = {plan: images / value for plan, value in measurement.seconds.items()}
    return PlanChoice(_fastest(measurement, plans), reason, rates)


def _fastest(measurement: Measurement, plans: Sequence[Plan]) -> Plan:
    """Return the fastest of `plans`; the first, which is the default, unless another is clearly faster."""
    seconds = measurement.seconds
    fastest = min((plan for plan in plans if plan in seconds), key=lambda plan: seconds[plan])
    return fastest if seconds[fastest] * MIN_SPEEDUP < seconds[plans[0]] else plans[0]


def _deserves_more(measurement: Measurement, plans: tuple[Plan, ...], steps: int) -> bool:
    """Return whether plans are missing in the measurement and a run of `steps` steps has more than twice its budget."""
    lacks_some = any(plan not in measurement.seconds for plan in plans)
    return lacks_some and time_limit(plans, steps, measurement.seconds[plans[0]]) > 2 * measurement.budget


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
        "weights": [
            f"{name} {list(weight.shape)} {weight.dtype}"
            for name, weight in model.state_dict().items()
            if isinstance(weight, torch.Tensor)
        ],
        "trained": [name for name, weight in model.named_parameters() if weight.requires_grad],
        "batches": [list(batch.images.shape) for batch in benchmark.batches],
        "loss": repr(setup.loss),
        "optimizer": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
        "clips": setup.limits.gradient_clip is not None,
        "plans": [plan.to_dict() for plan in plans],
        "machine": [
            processor(),
            os.cpu_count(),
            core_count(),
            torch.get_num_threads(),
            torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        ],
        "torch": torch.__version__,
    }
