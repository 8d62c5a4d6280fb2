import copy
import itertools
import random
from collections.abc import Callable

import pytest
import torch
from torch import nn

from convboard.config.groups import TrainerConfig
from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.step_benchmark import StepBenchmark, compare_plans, time_step
from convboard.training.training_setup import TrainingSetup
from training_setups import make_setup, make_splits

CPU = torch.device("cpu")
PLANS = [Plan(CPU, threads=threads) for threads in (1, 2, 3, 4)]


def make_setup_of(batches: int = 1) -> TrainingSetup:
    model = nn.Sequential(
        nn.Identity(), nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(144, 3)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=1e6, momentum=0.9)  # no step at this rate would stay finite
    limits = TrainerConfig(max_epochs=1, accumulate_batches=batches)
    return make_setup(model, optimizer, limits, make_splits(images=16, batch_size=8, shape=(2, 8, 8)))


@pytest.mark.parametrize("batches", [1, 2])
def test_nothing_of_the_run_is_changed(batches: int) -> None:
    setup = make_setup_of(batches)
    benchmark = StepBenchmark(setup)
    assert len(benchmark.batches) == batches
    setup.model.get_submodule("2").eval()  # modes may differ
    before = copy.deepcopy((setup.model.state_dict(), setup.optimizer.state_dict()))
    layouts = [parameter.stride() for parameter in setup.model.parameters()]
    modes = [module.training for module in setup.model.modules()]
    numbers, python, threads = torch.get_rng_state(), random.getstate(), torch.get_num_threads()
    for channels_last, precision in itertools.product((False, True), ("fp32", "bf16")):
        plan = Plan(CPU, precision, channels_last, threads=threads + 1)
        assert time_step(benchmark, plan, images=5, steps=3) > 0
    weights, state = setup.model.state_dict(), setup.optimizer.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in before[0].items())
    assert state == before[1]
    assert all(parameter.grad is None for parameter in setup.model.parameters())
    assert [parameter.stride() for parameter in setup.model.parameters()] == layouts
    assert [module.training for module in setup.model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), numbers)
    assert random.getstate() == python
    assert torch.get_num_threads() == threads


def test_a_step_is_the_run_s_own() -> None:
    """In training mode, on the images asked for, and in the plan's precision and memory format."""
    setup = make_setup_of()
    benchmark = StepBenchmark(setup)
    seen = []

    class Watched(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append((len(images), self.training, images.is_contiguous(memory_format=torch.channels_last)))
            return images

    setup.model.add_module("0", Watched())
    time_step(benchmark, Plan(CPU, channels_last=True), images=5, steps=2)
    assert seen == [(5, True, True)] * 3


class FakeMachine:
    """A machine with a clock of its own, on which a step by each plan takes a given time."""

    def __init__(self, steps: dict[Plan, Callable[[int], float]]) -> None:
        self.steps = steps
        self.now = 0.0
        self.timed_plans: list[Plan] = []

    def timed(self, plan: Plan, steps: int) -> float:
        self.timed_plans.append(plan)
        step = self.steps[plan](len(self.timed_plans))
        self.now += (steps + 1) * step
        return step

    def run(self, seconds: float) -> dict[Plan, float]:
        return compare_plans(PLANS, self.timed, seconds, clock=lambda: self.now)


def constant(*seconds: float) -> FakeMachine:
    steps = dict(zip(PLANS, seconds, strict=True))
    return FakeMachine({plan: lambda _, plan=plan: steps[plan] for plan in PLANS})  # type: ignore[misc]


def test_the_plans_are_timed_in_turn_and_a_slow_one_only_once() -> None:
    machine = constant(0.010, 0.011, 0.030, 0.009)
    assert machine.run(100.0) == dict(zip(PLANS, (0.010, 0.011, 0.030, 0.009), strict=True))
    first, second, slow, last = PLANS
    assert machine.timed_plans[:7] == [first, second, slow, last, first, second, last]
    assert machine.timed_plans.count(slow) == 1


def test_the_least_time_counts() -> None:
    """Other load on the machine affects any of the plans, at any time."""
    noise = random.Random(0)
    steps = {plan: 0.01 + at / 1000 for at, plan in enumerate(PLANS)}
    machine = FakeMachine(
        {plan: lambda _, plan=plan: steps[plan] + noise.choice((0, 0.002)) for plan in PLANS}  # type: ignore[misc]
    )
    best = machine.run(100.0)
    assert min(best, key=lambda plan: best[plan]) == PLANS[0]


@pytest.mark.parametrize("step", [0.0001, 0.01, 0.3, 0.5])
@pytest.mark.parametrize("slower", [1.0, 1.4])
def test_the_time_is_kept(step: float, slower: float) -> None:
    machine = constant(step, *[step * slower] * 3)
    best = machine.run(3.0)
    assert PLANS[0] in best
    assert machine.now <= 3.0
    assert len(best) == (4 if step < 0.1 else 3 if (step, slower) == (0.3, 1.0) else len(best))


def test_kernels_are_loaded_only_where_there_is_time_for_it() -> None:
    """A recording has the kernels of the plan that it records."""
    plans = [
        Plan(CPU, precision=precision, cuda_graph=graph) for precision in ("fp32", "bf16") for graph in (False, True)
    ]
    machine = FakeMachine({plan: lambda _: 0.01 for plan in plans})
    assert list(compare_plans(plans, machine.timed, 1.0, loading=2.0, clock=lambda: machine.now)) == plans[:2]
    assert list(compare_plans(plans, machine.timed, 4.0, loading=2.0, clock=lambda: machine.now)) == plans


def test_the_first_replays_of_a_recording_may_be_slow() -> None:
    plans = [Plan(CPU), Plan(CPU, cuda_graph=True)]
    machine = FakeMachine({plans[0]: lambda _: 0.01, plans[1]: lambda count: 0.05 if count < 3 else 0.002})
    assert compare_plans(plans, machine.timed, 4.0, clock=lambda: machine.now) == {plans[0]: 0.01, plans[1]: 0.002}


def test_a_plan_that_fails_is_no_candidate() -> None:
    machine = constant(0.02, 0.01, 0.01, 0.01)

    def fail(_: int) -> float:
        raise RuntimeError("not implemented for BFloat16")

    machine.steps[PLANS[1]] = fail
    assert set(machine.run(100.0)) == {PLANS[0], *PLANS[2:]}
    assert machine.timed_plans.count(PLANS[1]) == 1
    machine.steps = dict.fromkeys(PLANS, fail)
    assert machine.run(100.0) == {}
