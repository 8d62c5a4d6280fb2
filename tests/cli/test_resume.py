"""A run that is killed, at any moment and however often, ends as if nothing had been."""

import os
import random
import runpy
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from convboard.training.checkpoint import load_checkpoint

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
KILLED_TRAIN = Path(__file__).parents[1] / "killed_train.py"
PLACES = runpy.run_path(str(KILLED_TRAIN))["PLACES"]
EPOCHS, STEPS = 3, 11
ONCE = ["the test", "the end of the run", "after the end of the run"]
# BatchNorm and dropout in the network, augmentation in the data, a checkpoint at every step; a point of the curves
# every 4 steps, which divide neither an epoch nor the run: the last point is of the run's end.
CONFIG = [
    "model=sequential",
    "dataset=digits",
    "dataset.random_crop=2",
    "dataset.horizontal_flip=true",
    "dataset.cutout=4",
    "batch_size=120",
    f"trainer.max_epochs={EPOCHS}",
    "trainer.checkpoint_minutes=0",
    "board.scalar_every=4",
]
TIMED = "throughput/images_per_second"  # a measurement, so never the same twice


def scalars(run: Path) -> list[tuple[str, int, float]]:
    """(tag, step, value) of each scalar in a run's event files, as the raw records have them."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    found = []
    for file in sorted(run.glob("*tfevents*")):
        for record in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(record)
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars" or value.HasField("simple_value"):
                    number = value.simple_value if value.HasField("simple_value") else value.tensor.float_val[0]
                    found.append((value.tag, event.step, number))
    return found


@pytest.fixture(scope="module")
def kills(request: pytest.FixtureRequest) -> list[str]:
    """Where the run is killed, in turn."""
    draw = random.Random(0)
    often = {"a step": STEPS, "the end of a step": STEPS, "an evaluation": 1, "the end of an evaluation": 1}
    often |= dict.fromkeys(ONCE, 1)
    return [
        f"{place}:{draw.randint(1, often.get(place, 5))}"
        for place in draw.choices(list(PLACES), k=request.config.getoption("--kills"))
    ]


@pytest.fixture
def uninterrupted(run_command: RunCommand, tmp_path: Path) -> Path:
    run_command("train.py", *CONFIG, "hydra.run.dir=whole")
    return tmp_path / "whole"


def assert_same(run: Path, other: Path) -> None:
    """Weights, optimizer, random state and every scalar are equal to the last bit."""
    for name in ("best", "last"):
        ours, theirs = (load_checkpoint(folder / "checkpoints" / f"{name}.safetensors") for folder in (run, other))
        for part in ("model", "optimizer", "rng"):
            torch.testing.assert_close(getattr(ours, part), getattr(theirs, part), rtol=0, atol=0)
        assert ours.state["best"] == theirs.state["best"]
    ours_told, theirs_told = ([scalar for scalar in scalars(folder) if scalar[0] != TIMED] for folder in (run, other))
    assert max(Counter((tag, step) for tag, step, _ in ours_told).values()) == 1
    assert sorted(ours_told) == sorted(theirs_told)


def test_a_run_killed_again_and_again_ends_as_if_nothing_had_been(
    kills: list[str], uninterrupted: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    begin = [*CONFIG, "hydra.run.dir=killed"]
    killed = tmp_path / "killed"
    for kill in kills:
        arguments = ["resume=killed"] if (killed / "config.yaml").exists() else begin
        done = run_command(KILLED_TRAIN, *arguments, environment={"KILL_AT": kill}, expected_code=None)
        assert done.returncode in (-signal.SIGKILL, 0), done.stderr
        if done.returncode == 0:  # it came to its end before the count was reached: begin another
            assert_same(killed, uninterrupted)
            shutil.rmtree(killed)
    run_command("train.py", *(["resume=killed"] if (killed / "config.yaml").exists() else begin))
    assert_same(killed, uninterrupted)


def test_five_kills_in_one_epoch(uninterrupted: Path, run_command: RunCommand, tmp_path: Path) -> None:
    for at in range(5):
        arguments = ["resume=killed"] if at else [*CONFIG, "hydra.run.dir=killed"]
        run_command(KILLED_TRAIN, *arguments, environment={"KILL_AT": "the end of a step:2"}, expected_code=-9)
    run_command("train.py", "resume=killed")
    assert_same(tmp_path / "killed", uninterrupted)


def test_a_kill_after_the_last_checkpoint(uninterrupted: Path, run_command: RunCommand, tmp_path: Path) -> None:
    for at, place in enumerate(ONCE):
        arguments = ["resume=killed"] if at else [*CONFIG, "hydra.run.dir=killed"]
        run_command(KILLED_TRAIN, *arguments, environment={"KILL_AT": f"{place}:1"}, expected_code=-9)
    for _ in range(2):  # a finished run that is resumed is ended again
        run_command("train.py", "resume=killed")
        assert_same(tmp_path / "killed", uninterrupted)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_run_and_says_how_to_go_on(
    number: signal.Signals, code: int, start_command: Callable[..., Any], run_command: RunCommand, tmp_path: Path
) -> None:
    command = start_command("train.py", *CONFIG, "trainer.max_epochs=500", "hydra.run.dir=ended")
    checkpoint = tmp_path / "ended/checkpoints/best.safetensors"
    wait_until(checkpoint.exists)
    os.kill(command.pid, number)
    done = command.finish()
    assert done.returncode == code
    assert done.stderr == (
        f"convboard: interrupted by {number.name}; the run is saved. Go on with it: python train.py resume=ended\n"
    )
    epoch = load_checkpoint(tmp_path / "ended/checkpoints/last.safetensors").state["epoch"]
    again = run_command("train.py", "resume=ended", f"trainer.max_epochs={epoch + 1}")
    assert f"resumed after {epoch:,} epochs" in again.stdout


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def finished(run_command: RunCommand, tmp_path: Path) -> Path:
    run_command("train.py", *CONFIG, "trainer.max_epochs=1", "board=minimal", "hydra.run.dir=run")
    return tmp_path / "run"


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_taken(
    uninterrupted: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    run_command(KILLED_TRAIN, *CONFIG, "hydra.run.dir=killed", environment={"KILL_AT": "a step:7"}, expected_code=-9)
    last = tmp_path / "killed/checkpoints/last.safetensors"
    last.write_bytes(last.read_bytes()[:-100])
    done = run_command("train.py", "resume=killed")
    assert "last.safetensors is not a whole checkpoint" in done.stdout
    assert "Going on from the one before it, previous.safetensors" in done.stdout
    assert_same(tmp_path / "killed", uninterrupted)


def test_only_what_may_change_can_be_changed(finished: Path, run_command: RunCommand) -> None:
    done = run_command("train.py", "resume=run", "optimizer.lr=0.5", "seed=0", "batch_size=7", expected_code=2)
    assert done.stderr == (
        "convboard: resume=run: optimizer.lr is 0.02 in that run, not 0.5; batch_size is 120 in that run, not 7. A "
        "resumed run keeps its config, but for trainer.max_epochs, trainer.checkpoint_minutes, board, data_dir, "
        "dataset.path. Leave the rest away, or start a new run.\n"
    )
    again = run_command("train.py", "resume=run", "trainer.max_epochs=2", "board=default")
    assert "resumed after 1 epochs, 11 steps" in again.stdout
    assert {tag for tag, _, _ in scalars(finished)} >= {"loss/val", "accuracy/test"}


def test_an_existing_run_says_how_it_is_resumed(finished: Path, run_command: RunCommand) -> None:
    done = run_command("train.py", "hydra.run.dir=run", expected_code=2)
    assert "resume=" in done.stderr
    assert str(finished) in done.stderr


def test_a_preset_and_a_sweep_are_refused(finished: Path, run_command: RunCommand) -> None:
    done = run_command("train.py", "resume=run", "experiment=mnist_99", expected_code=2)
    assert "a preset changes more than may change" in done.stderr
    done = run_command("train.py", "-m", "resume=run", expected_code=2)
    assert "resume=run goes on with one run; leave -m away." in done.stderr


def test_code_that_only_the_run_directory_names_is_not_run(finished: Path, run_command: RunCommand) -> None:
    config = finished / "config.yaml"
    config.write_text(config.read_text().replace("convboard.models.sequential", "convboard.building.torch.load"))
    done = run_command("train.py", "resume=run", expected_code=2)
    assert done.stderr == (
        "convboard: run was trained with convboard.building.torch.load, which is not convboard's own: building it runs "
        "that code. If you trust it, say so by giving it again: model._target_=convboard.building.torch.load\n"
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
    before = {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
    done = run_command("train.py", "resume=run", expected_code=2)
    assert "previous.safetensors is not a whole checkpoint" in done.stderr
    assert before == {file: file.read_bytes() for file in finished.rglob("*") if file.is_file()}
