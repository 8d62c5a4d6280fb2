"""How long `scripts/runs.py list` takes in a new process, over folders of single runs and over sweeps."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from convboard.config.compose import compose_config
from convboard.experiment.run_files import CONFIG, DATASET, RESULT
from convboard.experiment.run_summary import SUMMARY
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial, folder_name

NUMBERS = (1_000, 10_000)
KINDS = {
    "single": "runs",
    "earlier": "runs of earlier versions, which have no summary.json",
    "sweep": "runs of one sweep",
}
_SEEDS, _RATES = 5, (0.1, 0.03, 0.01, 0.003)
_SCRIPT = Path(__file__).parents[1] / "runs.py"


def runs(rounds: int, numbers: tuple[int, ...] = NUMBERS) -> list[Section]:
    """Measure the command.

    Args:
        rounds: Number of times that each is measured.
        numbers: Numbers of runs.
    """
    progress = Progress("runs", [number * part for number in numbers for _ in KINDS for part in (3, rounds)])
    config = compose_config(["trainer.max_epochs=20"]).config.to_dict()
    rows: list[dict[str, Cell]] = []
    for number in numbers:
        for kind, about in KINDS.items():
            with TemporaryDirectory() as folder:
                progress.begin(f"making {number:,} {about}")
                _make(Path(folder), kind, [_varied(config, at) for at in range(number)])
                progress.begin(f"listing {number:,} {about}")
                seconds, cpu = zip(*(_list(folder, number) for _ in range(rounds)), strict=True)
            told = {"seconds": median(seconds), "slowest": max(seconds), "seconds of CPU": median(cpu)}
            rows.append({"folder": f"{number:,} {about}", **told})
    formats = {"folder": "", "seconds": ".2f", "slowest": ".2f", "seconds of CPU": ".2f"}
    return [Section("The command `runs list`, from its start to its end", formats, rows)]


def _list(folder: str, number: int) -> tuple[float, float]:
    """Return how long a new process takes to list a folder, in seconds, and how much CPU."""
    began, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, _SCRIPT, "list", folder], capture_output=True, text=True, check=True)
    seconds, after = time.perf_counter() - began, os.times()
    assert f"{number:,} runs" in done.stdout
    return seconds, sum(after[2:4]) - sum(before[2:4])


def _varied(config: dict[str, Any], at: int) -> dict[str, Any]:
    """Return the config of a run: settings differ in learning rate and batch size, and have several seeds."""
    optimizer = {**config["optimizer"], "lr": _RATES[at // _SEEDS % len(_RATES)]}
    return {**config, "seed": at % _SEEDS, "batch_size": 16 + at // (_SEEDS * len(_RATES)), "optimizer": optimizer}


def _make(folder: Path, kind: str, configs: list[dict[str, Any]]) -> None:
    """Write the small files of runs that have finished."""
    sweep = _sweep(folder, configs) if kind == "sweep" else None
    for at, config in enumerate(configs):
        run = folder / f"digits/lenet/{at}" if sweep is None else sweep.run_dir(at)
        (run / "checkpoints").mkdir(parents=True)
        (run / CONFIG).write_text(yaml.safe_dump(config, sort_keys=False))
        (run / DATASET).write_text("{}")
        (run / RESULT).write_text(json.dumps(_result(at)))
        if kind != "earlier":
            ended = {"state": "finished", "reason": "", "started": time.time() - 60, "ended": time.time()}
            summary = {**ended, "config": config, "environment": {"torch": "2.11"}}
            (run / SUMMARY).write_text(json.dumps(summary, indent=1))
        if sweep is not None:
            sweep.journal.append(at, Entry(State.RUNNING, "worker"))
            sweep.journal.append(at, Entry(State.FINISHED, "worker", value=_result(at)["metrics"]["accuracy/val"]))


def _sweep(folder: Path, configs: list[dict[str, Any]]) -> Sweep:
    trials = []
    for at, config in enumerate(configs):
        values = {"optimizer.lr": config["optimizer"]["lr"], "batch_size": config["batch_size"], "seed": config["seed"]}
        swept = {key: str(value) for key, value in values.items()}
        overrides = tuple(f"{key}={value}" for key, value in swept.items())
        trials.append(Trial(at, overrides, swept, folder_name(swept), config))
    record = SweepRecord("train.py -m", tuple(trials[0].swept), "accuracy/val", "benchmark", {})
    return Sweep.create(folder, record, trials)


def _result(at: int) -> dict[str, Any]:
    accuracy = 0.5 + at * 7919 % 1000 / 2001  # any that differ
    metrics = {"accuracy/val": accuracy, "accuracy/test": accuracy, "loss/val": 1 - accuracy, "loss/test": 1 - accuracy}
    return {"status": "finished", "best_epoch": 20, "epochs": 20, "seconds": 60.0, "metrics": metrics}
