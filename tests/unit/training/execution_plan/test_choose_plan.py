import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convboard.config.groups import TrainerConfig
from convboard.training.execution_plan import choose_plan, measure_plans
from convboard.training.execution_plan.choose_plan import PlanChoice, candidates, choose_fastest
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.step_benchmark import StepBenchmark
from convboard.training.training_setup import TrainingSetup
from training_setups import make_setup, make_splits

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
DEFAULT = Plan(CPU, channels_last=True, threads=4)
PLAIN = Plan(CPU, threads=4)
MANY = 1_000_000
Seconds = Callable[[Plan], float]


@dataclass
class Load:
    """Stands in for `OtherLoad`."""

    others: float

    def share(self) -> float:
        return self.others


@pytest.fixture(autouse=True)
def four_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(choose_plan, "has_bf16", lambda _: True)
    monkeypatch.setattr(measure_plans, "OtherLoad", lambda: Load(0.0))


class Timed:
    """Stands in for the steps: each takes, or seems to take, what `seconds` says of the plan and a whole batch."""

    def __init__(self, seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = seconds
        self.asked: list[tuple[Plan, int]] = []
        monkeypatch.setattr(measure_plans, "time_step", self)

    def __call__(self, benchmark: StepBenchmark, plan: Plan, images: int, steps: int = 1) -> float:
        self.asked.append((plan, images))
        return self.seconds(plan) * images / len(benchmark.batches[0].labels)


def linear_setup(steps: int = MANY, width: int = 2, **limits: Any) -> TrainingSetup:
    model = nn.Sequential(nn.Flatten(), nn.Linear(width, 2))
    splits = make_splits(images=64, batch_size=64, shape=(1, 1, width))  # one step each epoch
    return make_setup(model, limits=TrainerConfig(max_epochs=steps, **limits), splits=splits, plan=DEFAULT)


def choose(setup: TrainingSetup | None = None, precision: str = "fp32", **how: Any) -> PlanChoice:
    plans = candidates(TrainerConfig(precision=precision), DEFAULT)
    return choose_fastest(setup or linear_setup(), plans, **how)


def test_the_candidates_on_a_cpu() -> None:
    plans = candidates(TrainerConfig(precision="auto"), DEFAULT)
    assert plans[:3] == (DEFAULT, replace(DEFAULT, precision="bf16"), PLAIN)
    assert len(set(plans)) == len(plans) == 3 * 2 * 2
    assert {plan.threads for plan in plans} == {4, 2, 1}
    assert not any(plan.compile or plan.cuda_graph for plan in plans)


def test_what_is_set_by_hand_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {plan.precision for plan in candidates(TrainerConfig(), DEFAULT)} == {"fp32"}
    assert {plan.threads for plan in candidates(TrainerConfig(threads=3), replace(DEFAULT, threads=3))} == {3}
    assert {plan.channels_last for plan in candidates(TrainerConfig(channels_last=True), DEFAULT)} == {True}
    monkeypatch.setattr(choose_plan, "has_bf16", lambda _: False)
    assert {plan.precision for plan in candidates(TrainerConfig(precision="auto"), DEFAULT)} == {"fp32"}


def test_the_candidates_on_a_gpu() -> None:
    default = Plan(CUDA, channels_last=True)
    plans = candidates(TrainerConfig(precision="auto"), default)
    assert plans[:2] == (default, replace(default, cuda_graph=True))
    assert len(set(plans)) == len(plans) == 2 * 2 * 2 * 2
    assert {plan.threads for plan in plans} == {None}
    assert [plan.compile for plan in plans] == sorted(plan.compile for plan in plans)  # the slow to try come last


def test_the_fastest_is_chosen_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(plan: Plan) -> float:
        return (
            {"bf16": 0.01, "fp32": 0.03}[plan.precision] * (1 if plan.channels_last else 2) * (8 - (plan.threads or 0))
        )

    timed = Timed(seconds, monkeypatch)
    fastest = replace(DEFAULT, precision="bf16")
    choice = choose(precision="auto")
    assert choice.plan == fastest
    assert re.fullmatch(r"measured in 0\.\d s; 6\.00 times as fast as plain eager fp32", choice.describe())
    assert choice.images_per_second[fastest] == pytest.approx(64 / 0.04)
    assert list(choice.table().items())[2] == ("cpu (4 threads), bf16, channels_last", "1,600 images/s")
    timed.asked.clear()
    again = choose(linear_setup(steps=1), "auto")
    assert not timed.asked
    assert again.plan == fastest
    assert again.describe() == "remembered from an earlier run; 6.00 times as fast as plain eager fp32"
    choose(linear_setup(width=3), "auto")
    assert timed.asked  # another network


@pytest.mark.parametrize(("others", "is_remembered"), [(0.09, True), (0.3, False)])
def test_what_a_busy_machine_measures_is_not_remembered(
    others: float, is_remembered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_plans, "OtherLoad", lambda: Load(others))
    Timed(lambda plan: 0.1 if plan == PLAIN else 0.2, monkeypatch)
    for measure_anew in (False, True):
        first = choose(measure_anew=measure_anew)
        assert first.plan == PLAIN
        doubt = " s; not kept for later runs, since other processes used 30% of the processor"
        assert first.reason.endswith(doubt) == (not is_remembered)
        assert choose().reason.startswith("remembered") == is_remembered


def test_a_measurement_that_varies_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count(1)
    Timed(lambda plan: 0.1 / next(times) if plan == PLAIN else 1.0, monkeypatch)
    assert choose().reason.endswith(" s; not kept for later runs, since the time of a step varied")
    assert choose().reason.startswith("measured")


@pytest.mark.parametrize(("change", "words"), [(1.5, "1.5 times as slow"), (0.5, "2.0 times as fast")])
def test_what_is_remembered_is_measured_again_if_the_first_steps_differ(
    change: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that was measured beside other work seems slow then; a machine with less power makes steps slow now."""
    Timed(lambda plan: 0.1 if plan == PLAIN else 0.2, monkeypatch)
    assert choose().plan == PLAIN
    changed = Timed(lambda plan: 0.1 * change if plan == PLAIN else 0.01, monkeypatch)
    anew = choose()
    assert anew.plan == DEFAULT
    assert re.match(rf"measured in \d\.\d s, since steps are {words} as remembered$", anew.reason)
    changed.asked.clear()
    assert choose().reason == "remembered from an earlier run"
    assert {plan for plan, _ in changed.asked} == {DEFAULT}


def test_a_run_with_no_time_to_check_relies_on_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    Timed(lambda plan: 0.1 if plan == PLAIN else 0.2, monkeypatch)
    choose()
    poisoned = Timed(lambda plan: 1.0, monkeypatch)
    assert choose(linear_setup(steps=150)).reason == "remembered from an earlier run"  # 0.45 s for 6 steps of 0.1 s
    assert not poisoned.asked


def test_other_cores_or_frozen_weights_are_another_case(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = Timed(lambda plan: 0.1, monkeypatch)
    choose()
    frozen = linear_setup()
    frozen.model.get_parameter("1.weight").requires_grad_(False)
    timed.asked.clear()
    choose(frozen)
    assert timed.asked
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    timed.asked.clear()
    choose(frozen)
    assert timed.asked


@pytest.mark.parametrize(("gain", "chosen"), [(1.02, DEFAULT), (1.05, PLAIN)])
def test_a_small_gain_may_be_chance(gain: float, chosen: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    Timed(lambda plan: 0.1 / gain if plan == PLAIN else 0.1, monkeypatch)
    choice = choose()
    assert choice.plan == chosen
    assert choice.describe().endswith(" s; none is clearly faster than plain eager fp32")


def test_a_measurement_that_is_asked_for_replaces_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the run."""
    Timed(lambda plan: 0.01 if plan == PLAIN else 0.1, monkeypatch)
    assert choose().plan == PLAIN
    Timed(lambda plan: 0.1 if plan == PLAIN else 0.01, monkeypatch)
    assert choose(linear_setup(steps=1)).plan == PLAIN
    anew = choose(linear_setup(steps=1), measure_anew=True)
    assert anew.plan == DEFAULT
    assert anew.reason.startswith("measured in ")
    assert choose(linear_setup(steps=1)).plan == DEFAULT


@pytest.mark.parametrize(("slow_looks", "looks"), [(1, 2), (2, 3)])
def test_the_first_steps_of_a_process_are_slow(slow_looks: int, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They say nothing of how long the run will take: of 10 s, or less, nothing is spent on measuring."""
    timed = Timed(lambda plan: 0.1 if len(timed.asked) <= slow_looks else 0.004, monkeypatch)
    choice = choose(linear_setup(steps=315))
    assert choice == PlanChoice(DEFAULT, "not measured, since the run is short")
    assert len(timed.asked) == looks


@pytest.mark.parametrize("steps", [1, 19, 20, 99])
def test_a_short_run_is_not_measured(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = Timed(lambda plan: 0.1, monkeypatch)
    choice = choose(linear_setup(steps))
    assert choice == PlanChoice(DEFAULT, "not measured, since the run is short")
    assert len(timed.asked) == (1 if steps >= 20 else 0)


def test_of_a_slow_step_only_some_images_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = Timed(lambda plan: 1.0 if plan.channels_last else 0.5, monkeypatch)
    choice = choose()
    assert {images for _, images in timed.asked} == {8}
    assert choice.plan == PLAIN
    assert choice.images_per_second[PLAIN] == pytest.approx(128)


def test_a_longer_run_measures_what_a_shorter_one_had_no_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def clock() -> float:
        return now

    def seconds(plan: Plan) -> float:
        nonlocal now
        now += 0.08
        return 0.04

    timed = Timed(seconds, monkeypatch)
    first = choose(linear_setup(steps=500), clock=clock)
    assert 1 < len(first.images_per_second) < 6
    timed.asked.clear()
    assert choose(linear_setup(steps=600), clock=clock).reason == "remembered from an earlier run"
    assert len(timed.asked) == 1  # the check
    longer = choose(clock=clock)
    assert len(longer.images_per_second) == 6
    assert longer.reason.startswith("measured in ")


def test_a_network_that_cannot_be_copied_is_not_measured() -> None:
    setup = linear_setup()
    setup.model.cached = setup.model(torch.zeros(1, 2))
    choice = choose(setup)
    assert choice == PlanChoice(DEFAULT, "not measured, since no copy of this network can be trained")
