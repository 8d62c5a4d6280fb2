"""Going on with a run: what may change, what is refused, and what is kept."""

import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from commands import MakeOnce
from convboard.experiment.run_dir import load_run
from convboard.training.checkpoint import load_checkpoint
from interrupted import CONFIG, KILLED_TRAIN, RunCommand, assert_same, scalars

MAY_CHANGE = (
    "trainer.max_epochs, trainer.checkpoint_minutes, trainer.rank_timeout, board, data_dir, dataset.path, "
    "dataset.num_workers"
)
NOISY = """
import random

import numpy as np
import torch


class Noisy(torch.nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.linear = torch.nn.LazyLinear(num_classes)

    def forward(self, images):
        noise = torch.randn(()).item() + random.gauss(0, 1) + np.random.standard_normal()
        return self.linear(images.flatten(1)) * (1 + noise / 10)
"""


@pytest.fixture
def finished(run_command: RunCommand, make_once: MakeOnce, tmp_path: Path) -> Path:
    short = ("trainer.max_epochs=1", "board=minimal")
    run = make_once("resumable", lambda run: run_command("train.py", *CONFIG, *short, f"hydra.run.dir={run}"))
    return shutil.copytree(run, tmp_path / "run")


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_taken(
    whole: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    run_command(KILLED_TRAIN, *CONFIG, "hydra.run.dir=killed", environment={"KILL_AT": "a step:7"}, expected_code=-9)
    last = tmp_path / "killed/checkpoints/last.safetensors"
    last.write_bytes(last.read_bytes()[:-100])
    done = run_command("train.py", "resume=killed")
    assert "last.safetensors is not a whole checkpoint" in done.stdout
    assert "Continuing from the one before it, previous.safetensors" in done.stdout
    assert_same(tmp_path / "killed", whole)


def test_a_network_that_draws_from_every_generator_goes_on_as_it_would_have(
    run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    config = ["model._target_=noisy.Noisy", "batch_size=120", "trainer.max_epochs=1", "trainer.checkpoint_minutes=0"]
    run_command("train.py", *config, "hydra.run.dir=whole")
    kill = {"KILL_AT": "the end of a step:6"}
    run_command(KILLED_TRAIN, *config, "hydra.run.dir=killed", environment=kill, expected_code=-signal.SIGKILL)
    run_command("train.py", "resume=killed", "model._target_=noisy.Noisy")
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_only_what_may_change_can_be_changed(finished: Path, run_command: RunCommand) -> None:
    done = run_command("train.py", "resume=run", "optimizer.lr=0.5", "seed=0", "batch_size=7", expected_code=2)
    assert done.stderr == (
        "convboard: resume=run: optimizer.lr is 0.02 in that run, not 0.5; batch_size is 120 in that run, not 7. A "
        f"resumed run keeps its config, but for {MAY_CHANGE}. Omit the other keys, or start a new run.\n"
    )
    changes = ("trainer.max_epochs=2", "trainer.rank_timeout=30", "board=default")
    again = run_command("train.py", "resume=run", *changes)
    assert "resumed after 1 epoch, 11 steps" in again.stdout
    assert {tag for tag, _, _ in scalars(finished)} >= {"loss/val", "accuracy/test"}
    assert load_run(finished).config.trainer.rank_timeout == 30


@pytest.mark.parametrize(
    ("given", "differences"),
    [
        ("trainer.threads=7", "trainer.threads is null in that run, not 7"),
        ("trainer.deterministic=true", "trainer.deterministic is false in that run, not true"),
        ("model=resnet18", "model is sequential in that run, not resnet18"),
        ("dataset=mnist", "dataset is digits in that run, not mnist"),
        ("optimizer=sgd optimizer.nesterov=false", "optimizer.nesterov is true in that run, not false"),
    ],
)
def test_what_differs_is_said_as_it_is_written(
    given: str, differences: str, finished: Path, run_command: RunCommand
) -> None:
    done = run_command("train.py", "resume=run", *given.split(), expected_code=2)
    assert f"resume=run: {differences}. A resumed run" in done.stderr.replace(f"; {differences}", "")


def test_what_was_trained_cannot_be_untrained(finished: Path, run_command: RunCommand) -> None:
    run_command("train.py", "resume=run", "trainer.max_epochs=2")
    before = files(finished)
    done = run_command("train.py", "resume=run", "trainer.max_epochs=1", expected_code=2)
    assert done.stderr == (
        "convboard: trainer.max_epochs=1 is fewer than the run has trained already, which is 2 epochs. Give 2 or more, "
        "or omit it.\n"
    )
    assert before == files(finished)


def test_a_run_goes_on_where_it_is(finished: Path, run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("train.py", "resume=run", "hydra.run.dir=else", expected_code=2)
    assert done.stderr == ("convboard: resume=run continues in the directory of that run: omit hydra.run.dir=else.\n")
    assert not (tmp_path / "else").exists()


def test_the_seconds_of_a_run_are_those_of_all_its_parts(finished: Path, run_command: RunCommand) -> None:
    run_command("train.py", "resume=run", "trainer.max_epochs=2")
    before = load_checkpoint(finished / "checkpoints/last.safetensors").state["seconds"]
    done = run_command("train.py", "resume=run")
    assert "2 epochs, and is only tested again. trainer.max_epochs=<more> trains it further.\n\nepoch" in done.stdout
    assert "train loss" not in done.stdout
    assert load_run(finished).result["seconds"] > before


def test_an_existing_run_says_how_it_is_resumed(finished: Path, run_command: RunCommand) -> None:
    done = run_command("train.py", "hydra.run.dir=run", expected_code=2)
    assert "resume=" in done.stderr
    assert str(finished) in done.stderr


def test_a_preset_and_a_sweep_are_refused(finished: Path, run_command: RunCommand) -> None:
    done = run_command("train.py", "resume=run", "experiment=mnist_99", expected_code=2)
    assert "a preset changes more than may change" in done.stderr
    done = run_command("train.py", "-m", "resume=run", expected_code=2)
    assert "resume=run resumes a single run and cannot be used with -m. Remove -m." in done.stderr


def test_code_that_only_the_run_directory_names_is_not_run(finished: Path, run_command: RunCommand) -> None:
    config = finished / "config.yaml"
    config.write_text(config.read_text().replace("convboard.models.sequential", "convboard.files.os.remove"))
    done = run_command("train.py", "resume=run", expected_code=2)
    assert done.stderr == (
        "convboard: run was trained with convboard.files.os.remove, which is not convboard's own: building it runs "
        "that code. If you trust it, say so by giving it again: model._target_=convboard.files.os.remove\n"
    )


def test_other_data_is_refused(run_command: RunCommand, tmp_path: Path) -> None:
    def draw(label: str, grey: int) -> None:
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for at in range(20):
            Image.new("L", (20, 20), grey + at).save(tmp_path / "pictures" / label / f"{at}.png")

    draw("dark", 30)
    draw("light", 200)
    data = ["dataset=image_folder", "dataset.path=pictures", "batch_size=8", "trainer.max_epochs=1"]
    run_command("train.py", *data, "hydra.run.dir=run")
    draw("middle", 100)
    for script, argument in (("train.py", "resume=run"), ("scripts/evaluate.py", "run=run")):
        done = run_command(script, argument, expected_code=2)
        assert "run: the data has changed since it was trained: class_names was ['dark', 'light']" in done.stderr


def test_a_run_that_cannot_be_resumed_keeps_what_it_came_to(finished: Path, run_command: RunCommand) -> None:
    for name in ("last", "previous"):
        checkpoint = finished / "checkpoints" / f"{name}.safetensors"
        checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    before = files(finished)
    done = run_command("train.py", "resume=run", expected_code=2)
    assert "previous.safetensors is not a whole checkpoint" in done.stderr
    assert before == files(finished)


def files(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
