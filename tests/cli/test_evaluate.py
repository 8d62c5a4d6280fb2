"""A finished run is tested again by scripts/evaluate.py, with the same figures."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SHORT = ("hydra.run.dir=run", "trainer.device=cpu", "trainer.max_epochs=2", "trainer.limit_train_batches=5")
SAME = "The metrics equal those in result.json, to the last bit.\n"
STREAMED = (
    "model=sequential",
    "dataset.data_location=stream",
    "dataset.horizontal_flip=true",
    "loss.label_smoothing=0.1",
)
BF16 = "trainer.precision=bf16 trainer.channels_last=false trainer.eval_batch_size=77"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "model=batchnorm_cnn loss=mse",
        pytest.param(" ".join(STREAMED), marks=pytest.mark.thorough),
        pytest.param(BF16, marks=pytest.mark.thorough),
        "trainer.limit_val_batches=1 trainer.limit_test_batches=2 trainer.eval_batch_size=50",
    ],
)
def test_it_gives_the_same_figures(arguments: str, run_command: RunCommand, tmp_path: Path) -> None:
    trained = run_command("train.py", *arguments.split(), *SHORT)
    again = run_command("scripts/evaluate.py", "run=run")
    assert again.stdout.endswith(SAME)
    assert again.stderr == ""
    figures = [line for line in trained.stdout.splitlines() if line.startswith("│ ")]
    assert [line for line in again.stdout.splitlines() if line.startswith("│ ")] == figures
    assert len(figures) == 2


def test_other_figures_are_shown_side_by_side(run_command: RunCommand, finished: Path) -> None:
    result = finished / "result.json"
    facts = json.loads(result.read_text())
    facts["metrics"]["accuracy/test"] = 0.12345
    result.write_text(json.dumps(facts))
    again = run_command("scripts/evaluate.py", "run=finished")
    assert SAME not in again.stdout
    assert "evaluated again" in again.stdout
    assert "in result.json" in again.stdout
    assert "They differ although images and checkpoint are the same: " in again.stdout
    assert " 12.35% " in again.stdout or " 12.34% " in again.stdout


def test_a_run_that_has_not_finished_has_no_figures(run_command: RunCommand, finished: Path) -> None:
    (finished / "result.json").unlink()
    again = run_command("scripts/evaluate.py", "run=finished")
    assert again.stdout.endswith("\nThe run has not finished: its result.json has no metrics.\n")


def test_a_network_of_one_s_own_is_built_when_it_is_trusted(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mynet.py").write_text(MYNET)
    run_command("train.py", "model._target_=mynet.MyNet", "model.width=4", *SHORT)
    assert run_command("scripts/evaluate.py", "run=run", "trust=true").stdout.endswith(SAME)


MYNET = """
from torch import nn

class MyNet(nn.Module):
    def __init__(self, in_channels, num_classes, width):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        self.classify = nn.LazyLinear(num_classes)

    def forward(self, images):
        return self.classify(self.conv(images).relu().flatten(1))
"""


def test_help_says_what_it_takes(run_command: RunCommand) -> None:
    done = run_command("scripts/evaluate.py", "--help")
    usage, about, places, arguments = done.stdout.split("\n\n")
    assert re.fullmatch(r"usage: python \S+/evaluate\.py run=\.\.\. \[trust=false\]", " ".join(usage.split()))
    assert about.startswith("Evaluate the best network of a finished run again, ")
    assert "dataset.path=<folder>" in places
    assert re.findall(r"^  (\S+) {2,}(\w+ \w+ \w+)", arguments, re.MULTILINE) == [
        ("run=...", "The run directory"),
        ("trust=false", "Build the network"),
    ]
