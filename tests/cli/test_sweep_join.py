"""A sweep that several commands train together: each trial once, whoever joins, leaves, or has a wrong clock."""

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import TRAIN, Command
from convboard.experiment.run_files import RESULT
from convboard.experiment.stored_json import read_result
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep

StartCommand = Callable[..., Command]

# Trials begin when three workers have one, and are slow enough for one of them to leave.
NETWORK = """
import json
import time
from pathlib import Path

from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(784, 10))
        while 0 < len({json.loads(file.read_text())["worker"] for file in Path("sweep/journal").rglob("0*.json")}) < 3:
            time.sleep(0.05)

    def forward(self, images):
        time.sleep(0.02)
        return super().forward(images)
"""
CLOCK = "import time\nright = time.time\ntime.time = lambda: right() + 3600"
ARGUMENTS = ("model._target_=mine.Net", "optimizer.lr=0.1,0.01", "seed=1,2,3,4", "dataset=digits", "trainer.plan=none")
SHORT = ("trainer.max_epochs=3", "trainer.limit_train_batches=8", "board=minimal", "sweep.workers=1")


@pytest.mark.thorough
def test_workers_join_and_leave_and_every_trial_is_trained_once(start_command: StartCommand, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NETWORK)
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(CLOCK)
    first = start_command("train.py", "-m", *ARGUMENTS, *SHORT, "hydra.sweep.dir=sweep")
    while not (tmp_path / "sweep/sweep.yaml").exists():
        time.sleep(0.05)
    join = ("train.py", "-m", "sweep.join=sweep", "sweep.workers=1")
    early = start_command(*join, environment={"PYTHONPATH": str(tmp_path / "clock")})
    leaves = start_command(*join)
    sweep = Sweep.open(tmp_path / "sweep")
    while sum(1 for _ in sweep.journal.running()) < 3:
        time.sleep(0.05)
        sweep.refresh()
    (tmp_path / "mine.py").write_text("edited, for what comes after the sweep")
    os.kill(leaves.pid, signal.SIGINT)
    left = leaves.finish()
    assert left.returncode == 130
    go_on = f"Go on with the sweep: {TRAIN} -m sweep.join=sweep"
    assert f"Other workers go on with the sweep. {go_on}" in left.stderr
    ends = [command.finish() for command in (first, early)]
    assert [end.returncode for end in ends] == [0, 0]
    assert "joined:     beside " in ends[1].stdout
    assert len(re.findall(r"^\d/8  finished .*seed=\d", ends[0].stdout, re.MULTILINE)) == 8
    assert re.search(r"finished .*seed=\d   by \S+$", ends[0].stdout, re.MULTILINE)
    tables = [re.search("ranking(.|\n)*", end.stdout) for end in ends]
    assert tables[0] is not None
    assert tables[1] is not None
    assert tables[0][0] == tables[1][0]
    sweep.refresh()
    workers = set()
    for trial in sweep.trials:
        entries = sweep.journal.entries(trial.number)
        workers |= {entry.worker for entry in entries}
        assert [entry.state for entry in entries][-2:] == [State.RUNNING, State.FINISHED]
        assert {entry.state for entry in entries[:-2]} <= {State.RUNNING, State.INTERRUPTED}
        assert read_result(sweep.run_dir(trial.number) / RESULT)["objective"] == entries[-1].value
    assert len(sweep.trials) == 8
    assert len(workers) == 3
    times = [[entry.time for entry in sweep.journal.entries(trial.number)] for trial in sweep.trials]
    assert max(map(max, times)) - min(map(min, times)) > 3000  # one of the clocks
