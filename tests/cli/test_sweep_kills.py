"""A sweep of which any process is killed at any moment ends, when it is resumed, as if nothing had been.

`--kills 100` kills a hundred times, in sweeps of four kills each; CI does so eight times.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from interrupted import CONFIG, RunCommand, assert_same

TRIALS = 4
ARGUMENTS = ["-m", *CONFIG, "seed=range(0,4)", "trainer.max_epochs=8", "sweep.workers=2", "trainer.plan=none"]
TRAIN = str(Path(__file__).parents[2] / "train.py")
VICTIMS = ("pool", "trial", "fork server", "joined worker")  # one of each is killed in every sweep
LONGEST = 60.0  # seconds that a loaded machine may take to start something


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--kills") // len(VICTIMS)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    subprocess.run([sys.executable, TRAIN, *ARGUMENTS, "hydra.sweep.dir=sweep"], cwd=folder, check=True, timeout=240)
    return folder / "sweep"


class Worker:
    """A command that runs trials of a sweep, with its fork server and the processes of its trials."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        nothing = subprocess.DEVNULL
        command = [sys.executable, TRAIN, *arguments]
        self.process = subprocess.Popen(command, cwd=folder, stdout=nothing, stderr=nothing)

    def below(self) -> list[psutil.Process]:
        """The processes that it has started."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def fork_servers(self) -> Iterator[psutil.Process]:
        for process in self.below():
            with suppress(psutil.Error):
                if process.ppid() == self.process.pid and "forkserver" in " ".join(process.cmdline()):
                    yield process

    def trials(self) -> Iterator[psutil.Process]:
        for server in self.fork_servers():
            with suppress(psutil.Error):
                yield from server.children()

    def is_over(self) -> bool:
        return self.process.poll() is not None


def find(victim: str, worker: Worker, joined: Worker | None) -> psutil.Process | None:
    """The process to kill, if it is there by now."""
    with suppress(psutil.NoSuchProcess):
        match victim:
            case "trial":
                return next(worker.trials(), None)
            case "fork server":
                return next(worker.fork_servers(), None)
            case "joined worker":
                return psutil.Process(joined.process.pid) if joined and any(joined.trials()) else None
        return psutil.Process(worker.process.pid)
    return None


def kill_one(victim: str, folder: Path, draw: random.Random) -> None:
    """Begin the sweep, or go on with it, kill a process, and a while later all that goes on without it."""
    has_begun = (folder / "sweep/sweep.yaml").exists()
    resume = ["-m", "sweep.resume=sweep", "sweep.workers=2"]
    worker = Worker(folder, *(resume if has_begun else [*ARGUMENTS, "hydra.sweep.dir=sweep"]))
    workers, joined = [worker], None
    ends = time.monotonic() + LONGEST
    while (found := find(victim, worker, joined)) is None and not worker.is_over() and time.monotonic() < ends:
        if victim == "joined worker" and joined is None and any(worker.trials()):
            joined = Worker(folder, "-m", "sweep.join=sweep", "sweep.workers=1")
            workers.append(joined)
        time.sleep(0.02)
    time.sleep(draw.uniform(0, 8 if victim == "pool" else 3))
    everything = [process for one in workers for process in one.below()]
    if found is not None:
        with suppress(psutil.NoSuchProcess):
            found.kill()
    time.sleep(draw.uniform(0, 3))
    for one in workers:
        everything += one.below()
        one.process.kill()
        one.process.wait()
    _, alive = psutil.wait_procs(everything, timeout=LONGEST)
    assert not alive


@pytest.mark.thorough
def test_whatever_is_killed_every_trial_is_there_once_and_as_if_nothing_had_been(
    seed: int, whole: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    ended: dict[int, int] = {}  # when the result of a trial was written that has finished
    for victim in draw.sample(VICTIMS, len(VICTIMS)):
        kill_one(victim, tmp_path, draw)
        if (tmp_path / "sweep/sweep.yaml").exists():
            assert_whole(Sweep.open(tmp_path / "sweep"), ended)
    if (tmp_path / "sweep/sweep.yaml").exists():
        run_command("train.py", "-m", "sweep.resume=sweep", timeout=240)
    else:
        run_command("train.py", *ARGUMENTS, "hydra.sweep.dir=sweep", timeout=240)
    sweep = Sweep.open(tmp_path / "sweep")
    assert_whole(sweep, ended)
    assert len(ended) == TRIALS
    for trial in sweep.trials:
        assert_same(sweep.run_dir(trial.number), whole / trial.folder)


def assert_whole(sweep: Sweep, ended: dict[int, int]) -> None:
    """Every trial has one state, and none that has finished was run again."""
    assert len(sweep.trials) == TRIALS
    assert sum(sweep.journal.count(range(TRIALS)).values()) == TRIALS
    for number in range(TRIALS):
        finished = [entry for entry in sweep.journal.entries(number) if entry.state is State.FINISHED]
        assert len(finished) == (sweep.journal.state(number) is State.FINISHED)
        if finished:
            written = (sweep.run_dir(number) / "result.json").stat().st_mtime_ns
            assert ended.setdefault(number, written) == written


@pytest.mark.thorough
def test_nobody_is_left_ten_seconds_after_a_signal(tmp_path: Path) -> None:
    started = Worker(tmp_path, *ARGUMENTS, "trainer.max_epochs=1000")
    while not list(tmp_path.glob("outputs/sweeps/*/*/checkpoints/last.safetensors")):
        assert not started.is_over()
        time.sleep(0.05)
    everything = started.below()
    os.kill(started.process.pid, signal.SIGTERM)
    assert started.process.wait(10) == 143
    _, alive = psutil.wait_procs(everything, timeout=10)
    assert not alive
