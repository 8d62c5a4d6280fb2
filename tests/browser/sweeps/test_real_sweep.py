"""A real sweep of 12 runs, one of which fails and one of which is still running, in TensorBoard and Chromium."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from commands import ROOT
from convboard.config.objectives import format_metric
from convboard.results.curves import read_curve
from convboard.results.ranking import rank
from convboard.results.table import load_runs
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep

OPTIMIZER = """
import os, time

import torch

BATCHNORM = 2174  # parameters of batchnorm_cnn


class Planted(torch.optim.SGD):
    steps = 0

    def __init__(self, params, lr):
        super().__init__(params, lr=lr, momentum=0.9)

    def step(self, closure=None):
        self.steps += 1
        size = sum(p.numel() for group in self.param_groups for p in group["params"])
        if self.steps > 20 and torch.initial_seed() == 3 and size == BATCHNORM:
            if self.defaults["lr"] == 0.01:
                raise RuntimeError("planted: out of memory")
            while self.steps == 23 and not os.path.exists("go-on"):
                time.sleep(0.1)
        return super().step(closure)
"""
GRID = ("model=lenet,batchnorm_cnn", "optimizer.lr=0.1,0.01", "seed=1,2,3")
SHORT = ("trainer.max_epochs=2", "trainer.plan=none", "board=minimal", "hydra.sweep.dir=outputs/sweep")


@dataclass(frozen=True)
class Real:
    """The sweep, and the server over its log directory."""

    sweep: Sweep
    server: Any
    go_on: Path
    command: "subprocess.Popen[str]"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, start_tensorboard: Any) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("real")
    (folder / "planted.py").write_text(OPTIMIZER)
    (folder / "conf/optimizer").mkdir(parents=True)
    (folder / "conf/optimizer/planted.yaml").write_text("_target_: planted.Planted\nlr: 0.1\n")
    command = [sys.executable, str(ROOT / "train.py"), "-m", "optimizer=planted", *GRID, *SHORT]
    with subprocess.Popen(command, cwd=folder, env=os.environ, text=True, stdout=subprocess.PIPE) as process:
        try:
            sweep = _opened(folder / "outputs/sweep", process)
            wait_for(sweep, process, finished=10, failed=1, running=1)
            with start_tensorboard(folder / "outputs") as server:
                yield Real(sweep, server, folder / "go-on", process)
        finally:
            (folder / "go-on").touch()
            process.communicate(timeout=120)


def _opened(folder: Path, process: "subprocess.Popen[str]") -> Sweep:
    while not (folder / "sweep.yaml").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)
    return Sweep.open(folder)


def wait_for(sweep: Sweep, process: "subprocess.Popen[str]", **wanted: int) -> None:
    """Wait until so many trials are in each state."""
    while True:
        sweep.refresh()
        counts = sweep.journal.count(range(len(sweep.trials)))
        if all(counts[State(state)] == count for state, count in wanted.items()):
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)


@pytest.mark.thorough
def test_a_sweep_is_seen_while_it_runs(real: Real, open_window: Any) -> None:
    page = open_window(real.server).page
    page.goto(f"{real.server.address}/#sweeps")
    frame = page.frame_locator("iframe")
    frame.locator(".rows .of-setting").nth(3).wait_for()
    assert frame.locator(".state-words").inner_text().split("\n") == ["10 finished", "1 running", "1 failed"]
    table = load_runs(real.sweep.folder)
    settings = rank(table.settings())
    shown = frame.locator(".rows .of-setting .figure").all_inner_texts()
    means = [setting.objective.mean for setting in settings if setting.objective is not None]
    assert [text.split(" ")[0] for text in shown] == [format_metric("accuracy/val", mean)[:-1] for mean in means]
    for row in frame.locator(".rows .of-setting").all():
        row.hover()
        row.locator(".expand").click()
    assert frame.locator(".of-run .reason").inner_text() == "RuntimeError: planted: out of memory"
    assert frame.locator(".of-run .of-state", has_text="running").inner_text() == "running 1/2"
    page.keyboard.press("2")
    frame.get_by_text("Last values").wait_for()
    page.keyboard.press("3")
    frame.locator(".importance .bar").first.wait_for()
    page.keyboard.press("1")
    real.go_on.touch()
    frame.locator(".state-words", has_text="11 finished").wait_for()
    wait_for(real.sweep, real.command, finished=11, failed=1)


@pytest.mark.thorough
def test_the_curves_of_a_run_are_those_of_its_file(real: Real) -> None:
    run = real.sweep.trials[0].folder
    curves = real.server.get("data/plugin/sweeps/curves", folder="sweep", tag="accuracy/val", runs=f"sweep/{run}")
    written = read_curve(real.sweep.run_dir(0), "accuracy/val")
    assert written is not None
    (curve,) = curves.values()
    assert curve["values"] == pytest.approx(written.values, abs=1e-6)
    assert [step / curve["steps_per_epoch"] for step in curve["steps"]] == [1, 2]
