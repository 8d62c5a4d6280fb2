from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convboard.config.groups import TrainerConfig
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError
from convboard.experiment import run_plan
from convboard.experiment.run_dir import Run
from convboard.experiment.run_plan import choose_device, choose_plan, default_plan, recorded_plan, shared_plan
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan import choose_plan as measuring
from convboard.training.execution_plan.choose_plan import PlanChoice
from convboard.training.execution_plan.plan import Plan
from training_setups import make_setup

CPU = torch.device("cpu")
DEFAULT = Plan(CPU, channels_last=True, threads=4)
PLAIN = Plan(CPU, threads=4)


class Pair(Communicator):
    """Two processes, of which this is the first."""

    world_size = 2


def make_config(trainer: TrainerConfig | None = None) -> TrainConfig:
    plain: dict[str, Any] = {
        "model": {"_target_": "convboard.models.LeNet"},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
    }
    return replace(TrainConfig.from_dict(plain), trainer=trainer or TrainerConfig())


def test_auto_takes_a_device_that_is_there() -> None:
    assert torch.zeros(1, device=choose_device("auto")).item() == 0


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    message = r"^trainer\.device=cuda: torch \S+ finds no cuda device on this machine\. Available here: cpu\. Use tr"
    with pytest.raises(ConfigError, match=message):
        choose_device("cuda")


def test_more_threads_than_this_process_has_cores(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    default_plan(make_config(TrainerConfig(threads=3)))
    assert not caplog.messages
    default_plan(make_config(TrainerConfig(threads=4)))
    assert caplog.messages == ["trainer.threads=4 on 3 cores: more threads than cores are slow."]


def test_a_recorded_plan_that_this_machine_cannot_follow_is_made_anew(caplog: pytest.LogCaptureFixture) -> None:
    run = Run(Path("run"), make_config(), {}, {}, DEFAULT.to_dict())
    assert recorded_plan(run) == DEFAULT
    assert not caplog.records
    assert recorded_plan(replace(run, plan={**DEFAULT.to_dict(), "device": "cuda"})) is None
    assert "the run computes on cuda, which this machine does not have: a new plan is chosen" in caplog.text
    assert recorded_plan(replace(run, plan={})) is None
    assert "run/plan.json is missing: a new plan is chosen" in caplog.text


def test_several_processes_record_no_step() -> None:
    recorded = replace(DEFAULT, cuda_graph=True)
    assert shared_plan(recorded, Communicator(), is_recorded=True) == recorded
    assert shared_plan(recorded, Pair(), is_recorded=True) == DEFAULT
    with pytest.raises(ConfigError, match=r"^trainer\.cuda_graph=true: a step of several processes cannot be"):
        shared_plan(recorded, Pair(), is_recorded=False)


def test_each_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"started 2 processes on a machine with 1 GPUs.*--nproc-per-node 1"):
        shared_plan(Plan(torch.device("cuda")), Pair(), is_recorded=False)
    with pytest.raises(ConfigError, match=r"^mps cannot be shared by several processes: set trainer\.device=cpu\."):
        shared_plan(Plan(torch.device("mps")), Pair(), is_recorded=False)


@pytest.mark.parametrize(
    ("trainer", "default", "reason"),
    [
        (TrainerConfig(plan="none"), PLAIN, "none, nothing measured; plain eager fp32"),
        (TrainerConfig(plan="none", channels_last=True), DEFAULT, "none, nothing measured; as given in the config"),
        (
            TrainerConfig(plan="none", precision="auto"),
            PLAIN,
            "none, nothing measured; plain eager fp32; trainer.precision=auto is then fp32",
        ),
        (TrainerConfig(deterministic=True), DEFAULT, "not measured, since trainer.deterministic=true"),
        (
            TrainerConfig(plan="measure", deterministic=True, precision="auto"),
            DEFAULT,
            "not measured, since trainer.deterministic=true; trainer.precision=auto is then fp32",
        ),
        (TrainerConfig(channels_last=True, threads=4), DEFAULT, "given in the config, nothing measured"),
        (
            TrainerConfig(compile=True),
            replace(DEFAULT, compile=True),
            "not measured, since trainer.compile=true would compile each",
        ),
    ],
)
def test_where_no_measurement_decides(
    trainer: TrainerConfig, default: Plan, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(*_: Any, **more: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(measuring, "has_bf16", lambda _: True)
    monkeypatch.setattr(run_plan, "choose_fastest", poisoned)
    setup = make_setup(nn.Linear(2, 2), limits=trainer, plan=default)
    assert choose_plan(setup) == PlanChoice(default, reason)
    pair = replace(setup, comm=Pair())
    assert choose_plan(pair).reason.startswith("not measured, since several processes compute at")
    kept = PlanChoice(default, "kept from the run's plan.json", processes=2)
    assert choose_plan(pair, is_recorded=True) == kept


def test_a_run_that_is_too_short_to_measure_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "has_bf16", lambda _: True)
    trainer = TrainerConfig(max_epochs=1, precision="auto")
    choice = choose_plan(make_setup(nn.Linear(2, 2), limits=trainer, plan=DEFAULT))
    assert choice.reason == "not measured, since the run is short; trainer.precision=auto is then fp32"
