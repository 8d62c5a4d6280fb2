"""Small sweeps on the disk, for tests of what reads them."""

import json
from pathlib import Path

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial


def sweep_of_seeds(folder: Path, trials: int, objective: str = "accuracy/val") -> Sweep:
    """A sweep over seeds, of trials whose configs say how long they are, and nothing else."""
    config = {"trainer": {"max_epochs": 1}}
    plain = [Trial(0, (f"seed={seed}",), {"seed": str(seed)}, f"seed={seed}", config) for seed in range(trials)]
    return Sweep.create(folder, SweepRecord("train.py -m", ("seed",), objective, "abc", {}), plain)


def ended_sweep(folder: Path, values: dict[str, list[float | None]]) -> Sweep:
    """A sweep over lr and seed that has ended with these values; None: the trial failed."""
    trials = [
        Trial(
            0,
            (f"optimizer.lr={lr}",),
            {"optimizer.lr": lr, "seed": str(seed)},
            f"lr={lr},seed={seed}",
            {"objective": "accuracy/val", "optimizer": {"lr": _number(lr)}, "seed": seed},
        )
        for lr, seeds in values.items()
        for seed in range(len(seeds))
    ]
    record = SweepRecord("train.py -m", ("optimizer.lr", "seed"), "accuracy/val", "abc", {})
    sweep = Sweep.create(folder, record, trials)
    for trial, value in zip(sweep.trials, (value for seeds in values.values() for value in seeds), strict=True):
        sweep.journal.claim("w", [trial.number])
        if value is None:
            sweep.journal.append(trial.number, Entry(State.FAILED, reason="ValueError: no"))
        else:
            metrics = {"accuracy/val": value, "accuracy/test": value / 2, "loss/val": 1.0, "loss/test": 1.0}
            result = {"status": "finished", "best_epoch": 1, "metrics": metrics}
            (folder / trial.folder).mkdir()
            (folder / trial.folder / "result.json").write_text(json.dumps(result))
            sweep.journal.append(trial.number, Entry(State.FINISHED, value=value))
    return sweep


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
