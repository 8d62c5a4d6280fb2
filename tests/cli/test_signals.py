"""A run that SIGINT or SIGTERM asks to end: it saves, says how to go on, and ends as if nothing had been."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import TRAIN
from convboard.training.checkpoint import load_checkpoint
from interrupted import CONFIG, KILLED_TRAIN, RunCommand, assert_same

SAVE_SELDOM = "trainer.checkpoint_minutes=60"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
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
        f"convboard: interrupted by {number.name}; the run is saved. Go on with it: {TRAIN} resume=ended\n"
    )
    epoch = load_checkpoint(tmp_path / "ended/checkpoints/last.safetensors").state["epoch"]
    again = run_command("train.py", "resume=ended", f"trainer.max_epochs={epoch + 1}")
    assert f"resumed after {epoch:,} epoch" in again.stdout


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kill", "then"),
    [
        ("the board's beginning:1", None),
        ("a step:7", "a file not yet in place"),
        ("the end of a step:22", "a file in place"),  # an epoch's last
        ("an evaluation:2", "events not yet on the disk"),
        ("a step:7", "the end of the run"),  # the failure is told
    ],
)
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_changes_nothing_of_a_run_nor_does_a_second_one_during_the_save(
    kill: str, then: str | None, name: str, code: int, whole: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    environment = {"KILL_AT": kill, "SIGNAL": name} | ({"THEN": then} if then else {})
    arguments = [*CONFIG, SAVE_SELDOM, "hydra.run.dir=run"]
    done = run_command(KILLED_TRAIN, *arguments, environment=environment, expected_code=code)
    assert f"interrupted by {name}; the run is saved" in done.stderr
    run_command("train.py", "resume=run")
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("place", ["the test", "the end of the run"])
def test_a_run_that_has_only_to_be_tested_comes_to_its_end(
    place: str, whole: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    environment = {"KILL_AT": f"{place}:1", "SIGNAL": "SIGINT", "THEN": "the end of the run"}
    run_command(KILLED_TRAIN, *CONFIG, "hydra.run.dir=run", environment=environment)
    assert_same(tmp_path / "run", whole)
    assert (tmp_path / "run/result.json").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("place", ["the test", "after the end of the run"])
def test_a_signal_too_late_for_a_run_ends_a_sweep_of_hydra_s_launcher(
    place: str, run_command: RunCommand, tmp_path: Path
) -> None:
    environment = {"KILL_AT": f"{place}:1", "SIGNAL": "SIGTERM"}
    arguments = ["-m", *CONFIG, "seed=1,2", "hydra.sweep.dir=sweep", "hydra/launcher=basic"]
    done = run_command(KILLED_TRAIN, *arguments, environment=environment, expected_code=143)
    assert done.stderr == "convboard: interrupted.\n"
    assert {path.name for path in (tmp_path / "sweep").iterdir()} == {"multirun.yaml", "seed=1"}
    run_command("scripts/evaluate.py", "run=sweep/seed=1")
    run_command("train.py", "resume=sweep/seed=1")
    assert (tmp_path / "sweep/seed=1/result.json").exists()


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_before_the_training_leaves_nothing_behind(
    name: str, code: int, run_command: RunCommand, tmp_path: Path
) -> None:
    environment = {"KILL_AT": "the data's loading:1", "SIGNAL": name}
    done = run_command(KILLED_TRAIN, *CONFIG, "hydra.run.dir=run", environment=environment, expected_code=code)
    assert done.stderr == "convboard: interrupted before the first step.\n"
    assert not (tmp_path / "run").exists()


def test_a_signal_after_the_training_says_how_to_come_to_the_result(run_command: RunCommand, tmp_path: Path) -> None:
    environment = {"KILL_AT": "the run's own files:5", "SIGNAL": "SIGTERM"}  # the last of them is its result
    done = run_command(KILLED_TRAIN, *CONFIG, "hydra.run.dir=run", environment=environment, expected_code=143)
    assert done.stderr == f"convboard: interrupted. Go on with it: {TRAIN} resume=run\n"
    run_command("train.py", "resume=run")
    assert (tmp_path / "run/result.json").exists()


@pytest.mark.parametrize(
    ("module", "name", "again", "code", "sentence"),
    [
        ("hydra", "SIGINT", 50, 130, "interrupted."),
        ("convboard.experiment.resume", "SIGTERM", 0, 143, "interrupted."),
        ("numpy.lib", "SIGINT", 0, 130, "interrupted before the first step."),  # by torch, which clears exceptions
        ("numpy.lib", "SIGINT", 50, 130, "interrupted before the first step."),
    ],
)
def test_a_signal_while_the_command_starts_ends_it_at_once(
    module: str, name: str, again: int, code: int, sentence: str, run_command: RunCommand, tmp_path: Path
) -> None:
    """One sentence, and nothing left behind, however often the signal comes."""
    environment = {"KILL_AT": f"the import of {module}:1", "SIGNAL": name, "AGAIN": str(again)}
    done = run_command(KILLED_TRAIN, *CONFIG, environment=environment, fresh=True, expected_code=code)
    assert (done.stdout, done.stderr) == ("", f"convboard: {sentence}\n")
    assert not any(tmp_path.iterdir())
