"""Run directories that an earlier version wrote: they load, evaluate, and resume."""

import shutil
from pathlib import Path

import pytest

import convboard
from conftest import RunCommand

RUNS = Path(__file__).parents[1] / "data/runs_of_version_0_1"


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path) -> None:
    shutil.copytree(RUNS, tmp_path, dirs_exist_ok=True)


def test_a_renamed_key_is_understood(tmp_path: Path) -> None:
    assert "residence: stream" in (tmp_path / "finished/config.yaml").read_text()
    run = convboard.load_run(tmp_path / "finished")
    assert run.config.dataset.data_location == "stream"
    assert run.metrics["accuracy/val"] == 0.644


def test_a_renamed_key_on_the_command_line_is_named_anew(run_command: RunCommand) -> None:
    done = run_command("train.py", "dataset.residence=stream", expected_code=2)
    assert done.stderr == "convboard: dataset.residence is now called dataset.data_location.\n"


def test_a_finished_run_evaluates_to_its_own_figures(tmp_path: Path) -> None:
    """Not to the last bit: the machine that wrote it may have had another processor."""
    run = convboard.load_run(tmp_path / "finished")
    assert convboard.evaluate_run(run) == pytest.approx(run.metrics, rel=1e-3)


def test_a_killed_run_is_resumed_to_its_end(run_command: RunCommand, tmp_path: Path) -> None:
    done = run_command("train.py", "resume=killed")
    assert "resumed after 1 epoch, 8 steps" in done.stdout
    run, whole = convboard.load_run(tmp_path / "killed"), convboard.load_run(tmp_path / "finished")
    assert run.result["epochs"] == 2
    assert run.metrics["loss/val"] == pytest.approx(whole.metrics["loss/val"], rel=1e-3)
    assert "data_location: stream" in (tmp_path / "killed/config.yaml").read_text()
