"""The plans of trials: one for each kind, fixed before anything starts, and part of the command of a trial alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.trial_plans import with_plans

CPU = {
    "device": "cpu",
    "precision": "bf16",
    "channels_last": False,
    "threads": 1,
    "compile": False,
    "cuda_graph": False,
}
CUDA = CPU | {"device": "cuda", "threads": None, "channels_last": True, "cuda_graph": True}


class Chosen:
    """Gives the same plan to everyone, and remembers who asked."""

    def __init__(self, plan: Mapping[str, Any] | None = CPU) -> None:
        self.plan = plan
        self.asked: list[str] = []

    def __call__(self, trial: Trial) -> Mapping[str, Any] | None:
        self.asked.append(trial.name)
        return self.plan


def fixed(trial: Trial) -> list[str]:
    """The overrides of a trial alone that set its plan."""
    return [override for override in trial.overrides if override.startswith("trainer.")]


def test_trials_of_one_kind_get_one_plan() -> None:
    choose = Chosen()
    trials = with_plans(new_trials(["model=lenet,conv_mlp", "optimizer.lr=0.1,0.01", "seed=1,2"]), choose)
    assert choose.asked == ["model=lenet optimizer.lr=0.1 seed=1", "model=conv_mlp optimizer.lr=0.1 seed=1"]
    for trial in trials:
        assert fixed(trial) == ["trainer.channels_last=false"]  # fp32 is given
        assert trial.config["trainer"]["channels_last"] is False
        assert new_trials(trial.overrides)[0].config == trial.config


def test_the_longest_of_a_kind_decides() -> None:
    choose = Chosen()
    with_plans(new_trials(["trainer.max_epochs=1,9,3"]), choose)
    assert choose.asked == ["trainer.max_epochs=9"]


@pytest.mark.parametrize(
    ("given", "plan", "expected"),
    [
        (["trainer.precision=auto"], CPU, ["channels_last=false", "precision=bf16"]),
        (["trainer.channels_last=true"], CPU, []),
        ([], CUDA, ["channels_last=true", "compile=false", "cuda_graph=true"]),
        (["trainer.cuda_graph=false"], CUDA, ["channels_last=true", "compile=false"]),
        (["trainer.plan=measure"], CPU, ["channels_last=false"]),
        ([], None, ["plan=default"]),
        (["trainer.plan=measure"], None, ["plan=default"]),
    ],
)
def test_what_is_open_is_fixed(given: list[str], plan: Mapping[str, Any] | None, expected: list[str]) -> None:
    (trial,) = with_plans(new_trials(given), Chosen(plan))
    assert fixed(trial)[len(given) :] == [f"trainer.{override}" for override in expected]


@pytest.mark.parametrize(
    "given",
    [
        ["trainer.plan=none"],
        ["trainer.plan=default"],
        ["trainer.deterministic=true"],
        ["trainer.compile=true"],
        ["trainer.device=cpu", "trainer.channels_last=true"],
    ],
)
def test_a_trial_that_measures_nothing_stays_as_it_is(given: list[str]) -> None:
    choose, trials = Chosen(), new_trials(given)
    assert with_plans(trials, choose) == trials
    assert choose.asked == []


def test_nothing_is_measured_for_short_runs() -> None:
    choose = Chosen()
    (trial,) = with_plans(new_trials(["trainer.max_epochs=2", "trainer.limit_train_batches=9"]), choose)
    assert fixed(trial)[2:] == ["trainer.plan=default"]
    assert choose.asked == []
