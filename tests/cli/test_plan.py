"""The plan of a run: chosen once, recorded, and used again when the run is resumed or evaluated."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convboard.training.checkpoint import load_latest
from convboard.training.execution_plan.other_load import core_count

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SHORT = ("trainer.device=cpu", "trainer.limit_train_batches=3", "trainer.max_epochs=2", "board=minimal")
PLAIN = {
    "device": "cpu",
    "precision": "fp32",
    "channels_last": False,
    "threads": 1,
    "compile": False,
    "cuda_graph": False,
}


def plan_of(run: Path) -> Any:
    return json.loads((run / "plan.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "plan"),
    [
        ("trainer.plan=none", PLAIN),
        ("trainer.plan=none trainer.precision=auto", PLAIN),
        (
            "trainer.plan=none trainer.precision=bf16 trainer.threads=2 trainer.channels_last=true",
            {**PLAIN, "precision": "bf16", "threads": 2, "channels_last": True},
        ),
        ("trainer.deterministic=true trainer.precision=auto", {**PLAIN, "channels_last": True}),
        ("trainer.channels_last=false", PLAIN),
    ],
)
def test_what_is_set_by_hand_holds(
    arguments: str, plan: dict[str, Any], run_command: RunCommand, tmp_path: Path
) -> None:
    run_command("train.py", *arguments.split(), *SHORT, "hydra.run.dir=run")
    assert plan_of(tmp_path / "run") == plan


def test_the_run_s_plan_is_kept_by_resume_and_evaluation(run_command: RunCommand, tmp_path: Path) -> None:
    run_command("train.py", *SHORT, "hydra.run.dir=run")
    kept = {**PLAIN, "precision": "bf16", "threads": 3}
    (tmp_path / "run/plan.json").write_text(json.dumps(kept))
    resumed = run_command("train.py", "resume=run", "trainer.max_epochs=3")
    assert "device:     cpu (3 threads), bf16\nplan:       kept from the run's plan.json\n" in resumed.stdout
    assert plan_of(tmp_path / "run") == kept
    again = run_command("scripts/evaluate.py", "run=run")
    assert again.stdout.endswith("The metrics equal those in result.json, to the last bit.\n")


@pytest.mark.parametrize("lost", ["device", "file"])
def test_a_plan_that_cannot_be_followed_is_made_anew_and_loudly(
    lost: str, run_command: RunCommand, tmp_path: Path
) -> None:
    run_command("train.py", *SHORT[1:], "hydra.run.dir=run")
    made = plan_of(tmp_path / "run")
    if lost == "device":
        (tmp_path / "run/plan.json").write_text(json.dumps({**made, "device": "mps"}))
        reason = "the run computes on mps, which this machine does not have"
    else:
        (tmp_path / "run/plan.json").unlink()
        reason = "run/plan.json is missing"
    reason += ": a new plan is chosen, and results may differ from those of the run in their last digits."
    for done in (
        run_command("scripts/evaluate.py", "run=run"),
        run_command("train.py", "resume=run", "trainer.max_epochs=3"),
    ):
        assert reason in done.stdout + done.stderr
    assert plan_of(tmp_path / "run") == made


@pytest.mark.thorough
def test_jobs_of_a_sweep_do_not_change_each_other_s_threads(run_command: RunCommand, tmp_path: Path) -> None:
    run_command("train.py", "-m", "trainer.threads=3,null", "hydra.sweep.dir=sweep", *SHORT)
    threads = {path.parent.name: json.loads(path.read_text())["threads"] for path in tmp_path.glob("sweep/*/plan.json")}
    places = max(1, core_count() // 3)  # for the run with most threads
    assert threads == {"trainer.threads=3": 3, "trainer.threads=null": core_count() // places}
    state, _ = load_latest(tmp_path / "sweep/trainer.threads=3/checkpoints")
    assert state.state["global_step"] == 6


def test_more_threads_than_cores_get_a_warning(run_command: RunCommand) -> None:
    cores = core_count()
    done = run_command("train.py", f"trainer.threads={cores + 1}", *SHORT)
    assert f"trainer.threads={cores + 1} on {cores} cores: more threads than cores are slow.\n" in done.stdout
    assert "cores" not in run_command("train.py", f"trainer.threads={cores}", *SHORT).stdout


VIEWS = """
import torch.nn.functional as F
from torch import nn

class Views(nn.Module):
    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4, 3)
        self.fc = nn.Linear(4 * 13 * 13, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return self.fc(x.view(x.size(0), -1))
"""


def test_a_network_that_flattens_by_view_is_computed_channel_by_channel(
    run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "views.py").write_text(VIEWS)
    given = ["model._target_=views.Views", *SHORT]
    run_command("train.py", *given, "hydra.run.dir=run")
    assert plan_of(tmp_path / "run")["channels_last"] is False
    refused = run_command("train.py", *given, "trainer.channels_last=true", "hydra.run.dir=other", expected_code=2)
    assert refused.stderr.startswith("convboard: trainer.channels_last=true: the network flattens by .view(...)")
    assert not (tmp_path / "other").exists()
