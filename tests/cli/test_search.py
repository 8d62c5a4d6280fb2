"""A search from the command line: it goes on after a kill, and what is wrong with it is told before it starts."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Command
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
SEARCH = (
    *("-m", "sweep=tpe", "sweep.max_trials=13", "sweep.workers=1", "optimizer.lr=tag(log,interval(0.001,0.3))"),
    *("batch_size=32,64", "board=minimal", "trainer.max_epochs=1", "trainer.limit_train_batches=8"),
)


def results(folder: Path) -> list[tuple[dict[str, str], float | None]]:
    """The settings of a sweep, each with its objective."""
    sweep = Sweep.open(folder)
    assert all(sweep.journal.state(trial.number) is State.FINISHED for trial in sweep.trials)
    return [(dict(trial.swept), sweep.journal.entries(trial.number)[-1].value) for trial in sweep.trials]


@pytest.mark.thorough
def test_a_search_that_is_killed_makes_the_proposals_of_one_that_is_not(
    run_command: RunCommand, start_command: Callable[..., Command], tmp_path: Path
) -> None:
    whole = run_command("train.py", *SEARCH, "hydra.sweep.dir=whole")
    assert "13 trials, 13 to run, 1 at a time" in whole.stdout
    assert re.search(r"13/13 +finished", whole.stdout)
    started = start_command("train.py", *SEARCH, "hydra.sweep.dir=killed")
    while len(list(tmp_path.glob("killed/*/result.json"))) < 11:
        time.sleep(0.02)
    os.kill(started.pid, signal.SIGKILL)
    started.finish()
    assert len(Sweep.open(tmp_path / "killed").trials) < 13
    run_command("train.py", "-m", "sweep.resume=killed", "sweep.workers=1")
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def test_what_is_wrong_with_a_search_is_told_before_any_run(refused: Callable[..., str], tmp_path: Path) -> None:
    assert refused("-m", "sweep=tpe", "seed=1,2").startswith("sweep=random and sweep=tpe choose values, but no key has")
    assert refused("-m", "sweep=bayes", "model=lenet,conv_mlp").startswith("sweep='bayes' is not known. Allowed: grid,")
    (tmp_path / "runs.csv").write_text("batch_size\n32\n0\n")
    told = refused("-m", "sweep.trials=runs.csv", "seed=1,2")
    assert told.startswith("trial seed=1 batch_size=0: batch_size=0: must be at least 1.")
