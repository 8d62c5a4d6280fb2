"""A sweep whose workers are started elsewhere: submitted, watched, cancelled, gone on with, each trial as alone."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import TRAIN
from convboard.experiment.run_files import RESULT
from convboard.experiment.stored_json import read_result
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

BACKEND = ("sweep/backend=command", "sweep.backend.template=sh -c {command}", "sweep.workers=2")
QUICK = ("dataset=digits", "seed=1,2,3", "board=minimal", "hydra.sweep.dir=sweep")


def wait_until(sweep: Sweep, state: State, number: int) -> None:
    while sweep.journal.count(range(len(sweep.trials)))[state] < number:
        time.sleep(0.1)
        sweep.refresh()


@pytest.mark.thorough
def test_it_is_submitted_cancelled_and_gone_on_with(run_command: RunCommand, tmp_path: Path) -> None:
    submitted = run_command("train.py", "-m", *BACKEND, *QUICK, "trainer.max_epochs=30")
    words = [f"sweep.{key}=sweep" for key in ("watch", "join", "cancel")]
    assert [word for word in words if f"{TRAIN} -m {word}" in submitted.stdout] == words
    sweep = Sweep.open(tmp_path / "sweep")
    wait_until(sweep, State.RUNNING, 2)
    cancelled = run_command("train.py", "-m", "sweep.cancel=sweep")
    assert "3 trials to run\n" in cancelled.stdout
    sweep.refresh()
    assert not list(sweep.journal.running())
    logs = sorted((tmp_path / "sweep/submissions").glob("*.log"))
    assert all("stopping: the sweep was cancelled" in log.read_text() for log in logs)
    assert len(logs) == 2

    more = re.search(r"^more: +(.*)$", submitted.stdout, re.MULTILINE)
    assert more is not None
    run_command("train.py", *shlex.split(more[1].removeprefix(f"{TRAIN} ")))  # as it is printed
    watched = run_command("train.py", "-m", "sweep.watch=sweep")
    assert len(re.findall(r"^\d/3  finished ", watched.stdout, re.MULTILINE)) == 3
    assert "best:" in watched.stdout
    sweep.refresh()
    assert sweep.journal.count(range(3))[State.FINISHED] == 3

    alone = sweep.trials[0].overrides
    run_command("train.py", *alone, "hydra.run.dir=alone")
    metrics = [read_result(run / RESULT)["metrics"] for run in (tmp_path / "alone", sweep.run_dir(0))]
    assert metrics[0] == metrics[1]


@pytest.mark.thorough
def test_a_line_that_fails_is_told_with_its_output(run_command: RunCommand, tmp_path: Path) -> None:
    line = "test -e ready || {{ echo no such host >&2; exit 1; }}; sh -c {command}"
    given = (BACKEND[0], f"sweep.backend.template={line}", "sweep.workers=1", *QUICK)
    failed = run_command("train.py", "-m", *given, "trainer.max_epochs=1", expected_code=2)
    assert "a worker could not be started: this command ended with exit code 1." in failed.stderr
    assert "no such host" in failed.stderr
    (tmp_path / "ready").touch()
    again = failed.stderr.partition("The sweep itself is written. To start workers of it: ")[2]
    run_command("train.py", *shlex.split(again.removeprefix(f"{TRAIN} ")))  # as it is printed
    assert "(mean over 3 seeds)" in run_command("train.py", "-m", "sweep.watch=sweep").stdout
    assert json.loads((tmp_path / "sweep/submissions/0000.json").read_text())["workers"] == 1
