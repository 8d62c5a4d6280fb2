"""Trials that fail in every way: each costs itself alone, is told, and goes on when its cause is mended."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from convboard.experiment.run_summary import read_summary
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from interrupted import CONFIG, RunCommand, assert_same

NETWORK = """
import ctypes, json, os, resource, signal, sys, threading
from pathlib import Path

import torch
from torch import nn


class Fragile(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 4, 5), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))
        failures = Path("failures.json")
        self.failure = json.loads(failures.read_text()).get(str(number)) if failures.exists() else None
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        if self.failure and self.calls == 20:
            getattr(self, self.failure)()
        return self.net(x)

    def raises(self):
        raise ValueError("a bad day")

    def exits(self):
        os._exit(5)

    def is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def crashes(self):
        ctypes.string_at(0)

    def lacks_memory(self):
        resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
        torch.zeros(2**34)

    def hangs(self):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
"""
SEEDS = 5
REASONS = {
    "raises": "ValueError: a bad day",
    "exits": "its process ended with exit code 5 and without a word",
    "is_killed": "its process was killed by SIGKILL; the usual reason is that memory ran out",
    "crashes": "its process was killed by SIGSEGV",
    "lacks_memory": "There is not enough memory: 68.7 GB are needed at once",
    "hangs": "no progress for sweep.hang_minutes=0.3, the last sign of it was step ",
}
LOGGED = {"raises": "in raises", "crashes": " in crashes", "hangs": " in hangs"}  # where it was


def arguments(folder: str) -> list[str]:
    """Of a sweep in a folder, whose trials compute by the same plan."""
    number = f"model.number={','.join(map(str, range(SEEDS)))}"
    own = ["model._target_=mine.Fragile", number, f"hydra.sweep.dir={folder}", "sweep.hang_minutes=0.3"]
    return ["-m", *CONFIG[2:], *own, "trainer.plan=none", "board=minimal"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sweep without failures, which the first test makes."""
    return tmp_path_factory.mktemp("whole") / "sweep"


def status(run: Path) -> int:
    """Of a run in the HParams tab: 1 for success, 2 for failure."""
    events = EventAccumulator(str(run))
    events.Reload()
    content = events.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    return int(metadata.parse_session_end_info_plugin_data(content).status)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "failures",
    [
        {0: "raises"},
        {2: "is_killed"},
        {SEEDS - 1: "hangs"},
        dict(enumerate(("crashes", "exits", "is_killed", "lacks_memory", "raises"))),
    ],
    ids=["first", "middle", "last", "all"],
)
def test_what_fails_costs_itself_alone_and_goes_on_when_it_is_mended(
    failures: dict[int, str], whole: Path, run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(NETWORK)
    if not whole.exists():
        run_command("train.py", *arguments(str(whole)))
    (tmp_path / "failures.json").write_text(json.dumps(failures))
    done = run_command("train.py", *arguments("sweep"), expected_code=1)
    assert done.stderr == f"convboard: {len(failures)} of {SEEDS} trials failed.\n"
    sweep = Sweep.open(tmp_path / "sweep")
    for trial in sweep.trials:
        failure = failures.get(trial.number)
        assert sweep.journal.state(trial.number) is (State.FAILED if failure else State.FINISHED)
        assert status(sweep.run_dir(trial.number)) == (2 if failure else 1)
        summary = read_summary(sweep.run_dir(trial.number)) or {}
        assert summary["state"] == ("failed" if failure else "finished")
        if failure:
            assert REASONS[failure] in summary["reason"]
            for told in (REASONS[failure], f"train.py {' '.join(trial.overrides)}"):
                assert done.stdout.count(told) >= 2  # when it happened, and at the end
            log = (sweep.run_dir(trial.number) / "log.txt").read_text()
            assert REASONS[failure].removeprefix("ValueError: ") in log
            assert LOGGED.get(failure, "") in log
        else:
            assert_same(sweep.run_dir(trial.number), whole / trial.folder)
    (tmp_path / "failures.json").unlink()
    resumed = run_command("train.py", "-m", "sweep.resume=sweep")
    assert f"{SEEDS} trials, {len(failures)} to run" in resumed.stdout
    for trial in sweep.trials:
        assert_same(sweep.run_dir(trial.number), whole / trial.folder)
        assert status(sweep.run_dir(trial.number)) == 1


@pytest.mark.thorough
def test_a_sweep_stops_at_the_first_failure_on_request(run_command: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NETWORK)
    (tmp_path / "failures.json").write_text('{"0": "raises"}')
    given = [*arguments("sweep"), "sweep.workers=1"]
    done = run_command("train.py", *given, "sweep.on_failure=stop", expected_code=1)
    assert "stopping: sweep.on_failure=stop, and a trial has failed" in done.stdout
    assert f"{SEEDS - 1} trials left to run. Go on with the sweep: " in done.stdout
    journal = Sweep.open(tmp_path / "sweep").journal
    assert [journal.state(number) for number in range(SEEDS)] == [State.FAILED, *[State.WAITING] * (SEEDS - 1)]


@pytest.mark.thorough
def test_a_sweep_stops_when_its_time_is_over(run_command: RunCommand, tmp_path: Path) -> None:
    given = ["-m", *CONFIG, "seed=1,2,3", "trainer.max_epochs=100000", "board=minimal", "hydra.sweep.dir=sweep"]
    done = run_command("train.py", *given, "sweep.workers=2", "sweep.max_minutes=0.1")
    assert "stopping: sweep.max_minutes=0.1 have passed; 2 trials being saved" in done.stdout
    told = re.search(r"3 trials left to run. Go on with the sweep: (.*)", done.stdout)
    assert told is not None
    _, script, *go_on = shlex.split(told[1])
    again = run_command(script, *go_on, "sweep.max_minutes=0.05")  # at each command anew
    assert "3 trials left to run." in again.stdout
    assert list((tmp_path / "sweep/seed=1/checkpoints").glob("last.safetensors"))
