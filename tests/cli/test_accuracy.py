"""The networks learn: what a newcomer's first commands reach, with some room for another machine's rounding."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
TWO_THREADS = {"OMP_NUM_THREADS": "2"}


@pytest.mark.thorough
def test_the_default_run_learns_the_digits(run_command: RunCommand, tmp_path: Path) -> None:
    """Of the first of the seeds below, which reaches 99.2 % on the machine that this was written on."""
    run_command("train.py", "hydra.run.dir=run", "board=minimal")
    assert json.loads((tmp_path / "run/result.json").read_text())["metrics"]["accuracy/test"] >= 0.975


@pytest.mark.slow
def test_the_default_run_reaches_97_5_percent_as_the_mean_of_five_seeds(
    run_command: RunCommand, tmp_path: Path
) -> None:
    run_command("train.py", "-m", "seed=0,1,2,3,4", timeout=300)
    results = [json.loads(file.read_text()) for file in tmp_path.glob("outputs/sweeps/*/*/result.json")]
    assert len(results) == 5
    assert mean(result["metrics"]["accuracy/test"] for result in results) >= 0.975


@pytest.mark.slow
@pytest.mark.data
def test_lenet_learns_mnist_in_three_epochs(run_command: RunCommand, tmp_path: Path, data_dir: Path) -> None:
    arguments = ["model=lenet", "dataset=mnist", "trainer.max_epochs=3", f"data_dir={data_dir}"]
    run_command("train.py", *arguments, environment=TWO_THREADS, timeout=300)
    (result,) = tmp_path.glob("outputs/mnist/lenet/*/result.json")
    assert json.loads(result.read_text())["metrics"]["accuracy/test"] >= 0.988


@pytest.mark.slow
@pytest.mark.data
def test_mnist_99_learns_it_in_seconds(run_command: RunCommand, tmp_path: Path, data_dir: Path) -> None:
    """The preset's promise, 99.0 %, is of the mean of five seeds; the least of them had 99.03 %."""
    run_command("train.py", "experiment=mnist_99", f"data_dir={data_dir}", environment=TWO_THREADS, timeout=300)
    (result,) = tmp_path.glob("outputs/mnist/lenet/*/result.json")
    assert json.loads(result.read_text())["metrics"]["accuracy/test"] >= 0.988
