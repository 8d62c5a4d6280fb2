"""Runs on a GPU: they learn, go on after a kill to the same bits, and say what goes wrong, as on a CPU."""

import json
import re
from pathlib import Path

import pytest
import torch

from interrupted import CONFIG, KILLED_TRAIN, RunCommand, assert_same

# What one optimizer of torch's asks for and another does not differs most on a GPU.
OPTIMIZERS = [
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adamax",
    "NAdam",
    "RAdam",
    "Rprop",
]
QUICK = (
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1",
    "board=minimal",
)


def test_the_default_run_learns_and_is_evaluated_to_the_same(run_on_gpu: RunCommand, tmp_path: Path) -> None:
    done = run_on_gpu("train.py", "hydra.run.dir=run")
    assert re.search(r"^device: +cuda \(", done.stdout, re.MULTILINE)
    accuracy = json.loads((tmp_path / "run/result.json").read_text())["metrics"]["accuracy/test"]
    assert accuracy > 0.95
    assert f"{accuracy:.2%}" in run_on_gpu("scripts/evaluate.py", "run=run").stdout


@pytest.mark.parametrize("place", ["a step:7", "the end of an evaluation:2", "a file not yet in place:9"])
def test_a_killed_deterministic_run_ends_as_if_nothing_had_been(
    place: str, run_on_gpu: RunCommand, tmp_path: Path
) -> None:
    deterministic = (*CONFIG, "trainer.deterministic=true")
    run_on_gpu("train.py", *deterministic, "hydra.run.dir=whole")
    run_on_gpu(KILLED_TRAIN, *deterministic, "hydra.run.dir=run", environment={"KILL_AT": place}, expected_code=-9)
    run_on_gpu("train.py", "resume=run")
    assert_same(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_recorded_step_learns_what_a_step_anew_does(precision: str, run_on_gpu: RunCommand, tmp_path: Path) -> None:
    """Dropout and augmentation are drawn anew in each replay; the smaller last batch is not replayed."""
    run_on_gpu(
        "train.py",
        "-m",
        "hydra.sweep.dir=jobs",
        "model=lenet",
        f"trainer.precision={precision}",
        "trainer.cuda_graph=true,false",
        "trainer.max_epochs=8",
        "board=minimal",
    )
    results = [json.loads(path.read_text())["metrics"] for path in (tmp_path / "jobs").glob("*/result.json")]
    assert [metrics["accuracy/val"] > 0.8 for metrics in results] == [True, True]


@pytest.mark.parametrize("cuda_graph", [False, True])
def test_every_optimizer(cuda_graph: bool, run_on_gpu: RunCommand, tmp_path: Path) -> None:
    targets = ",".join(f"torch.optim.{name}" for name in OPTIMIZERS)
    recorded = f"trainer.cuda_graph={cuda_graph}"
    run_on_gpu("train.py", "-m", "hydra.sweep.dir=jobs", f"optimizer._target_={targets}", recorded, *QUICK)
    assert len(list((tmp_path / "jobs").glob("*/result.json"))) == len(OPTIMIZERS)


def test_a_loss_that_is_not_finite_stops_the_run_with_its_step_and_epoch(run_on_gpu: RunCommand) -> None:
    done = run_on_gpu("train.py", "optimizer.lr=1e9", "board=minimal", expected_code=2)
    assert re.match(r"convboard: The loss is nan at step \d+ \(epoch 1\); the run stopped before the", done.stderr)


def test_what_a_run_on_a_gpu_wrote_is_looked_at_without_one(run_on_gpu: RunCommand, run_command: RunCommand) -> None:
    run_on_gpu("train.py", "hydra.run.dir=run", *QUICK)
    assert "Conv2d" in run_command("scripts/layers.py", "run=run").stdout
    assert not torch.cuda.is_available()
