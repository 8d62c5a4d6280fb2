"""A sweep of which any process is killed at any moment ends, when it is resumed, as if nothing had been."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from convboard.sweeps.journal import State
from convboard.sweeps.sweep_folder import Sweep
from interrupted import CONFIG, RunCommand, assert_same

ARGUMENTS = ["-m", *CONFIG, "seed=1,2,3", "sweep.workers=2", "trainer.plan=none"]
TRAIN = str(Path(__file__).parents[2] / "train.py")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run([sys.executable, TRAIN, *ARGUMENTS, "hydra.sweep.dir=sweep"], cwd=folder, check=True, timeout=120)
    return folder / "sweep"


def processes_of(sweep: psutil.Process) -> list[psutil.Process]:
    """The sweep's own process, its fork server and the trials."""
    return [sweep, *sweep.children(recursive=True)]


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_killed_every_trial_is_there_once_and_as_if_nothing_had_been(
    seed: int, whole: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    command = [sys.executable, TRAIN, *ARGUMENTS, "hydra.sweep.dir=sweep"]
    for _ in range(3):
        started = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + draw.uniform(2, 9)
        while time.monotonic() < end and started.poll() is None:
            time.sleep(0.02)
        if started.poll() is None:
            everything = processes_of(psutil.Process(started.pid))
            victim = draw.choice(everything)
            victim.kill()
            if victim.pid != started.pid:
                time.sleep(draw.uniform(0, 2))
                started.kill()
            started.wait()
            _, alive = psutil.wait_procs(everything, timeout=15)
            assert not alive
        if (tmp_path / "sweep/sweep.yaml").exists():
            command = [sys.executable, TRAIN, "-m", "sweep.resume=sweep", "sweep.workers=2"]
            assert_whole(Sweep.open(tmp_path / "sweep"))
    if (tmp_path / "sweep/sweep.yaml").exists():
        run_command("train.py", "-m", "sweep.resume=sweep")
    else:
        run_command("train.py", *ARGUMENTS, "hydra.sweep.dir=sweep")
    sweep = Sweep.open(tmp_path / "sweep")
    assert [sweep.journal.state(trial.number) for trial in sweep.trials] == [State.FINISHED] * 3
    for trial in sweep.trials:
        ends = [entry for entry in sweep.journal.entries(trial.number) if entry.state is State.FINISHED]
        assert len(ends) == 1
        assert_same(sweep.run_dir(trial.number), whole / trial.folder)


def assert_whole(sweep: Sweep) -> None:
    """Every trial has one state."""
    assert len(sweep.trials) == 3
    assert sum(sweep.journal.count(range(3)).values()) == 3


@pytest.mark.thorough
def test_nobody_is_left_ten_seconds_after_a_signal(tmp_path: Path) -> None:
    started = subprocess.Popen([sys.executable, TRAIN, *ARGUMENTS, "trainer.max_epochs=1000"], cwd=tmp_path)
    while not list(tmp_path.glob("outputs/sweeps/*/*/checkpoints/last.safetensors")):
        assert started.poll() is None
        time.sleep(0.05)
    everything = processes_of(psutil.Process(started.pid))
    os.kill(started.pid, signal.SIGTERM)
    assert started.wait(10) == 143
    _, alive = psutil.wait_procs(everything, timeout=10)
    assert not alive
