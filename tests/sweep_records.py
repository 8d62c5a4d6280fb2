"""Small sweeps on the disk, for tests of what reads them."""

from pathlib import Path

from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial


def sweep_of_seeds(folder: Path, trials: int, objective: str = "accuracy/val") -> Sweep:
    """A sweep over seeds, of trials with empty configs."""
    plain = [Trial(0, (f"seed={seed}",), {"seed": str(seed)}, f"seed={seed}", {}) for seed in range(trials)]
    return Sweep.create(folder, SweepRecord("train.py -m", ("seed",), objective, "abc", {}), plain)
