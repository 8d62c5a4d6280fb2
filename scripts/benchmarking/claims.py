"""Workers that claim trials from one folder, which is what they do beside training."""

import json
from pathlib import Path
from statistics import median, quantiles

from benchmarking.tables import Cell
from benchmarking.watched_commands import together
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.journal import Journal

FORMATS = {
    "workers": "",
    "claimed": ",",
    "twice": "",
    "claims/s": ",.0f",
    "idle": ".1%",
    "claim, ms, median": ".1f",
    "99 %": ".1f",
}


def claims(folder: Path, workers: int, trials: int, seconds: float = 0.0) -> dict[str, Cell]:
    """Let processes claim the trials of one journal until none is left.

    Args:
        folder: The folder of the sweep, with its journal.
        workers: Number of processes.
        trials: Number of trials; those that are over are not claimed again.
        seconds: That a trial takes, in which its process sleeps.
    """
    for path in folder.glob("ready-*"):
        path.unlink()
    (folder / "go").unlink(missing_ok=True)
    said, watch, _ = together("claim", [str(folder), str(trials), str(seconds)], workers, folder)
    rows = [row for line in said for row in json.loads(line)]
    numbers, ended, taken = ([row[column] for row in rows] for column in range(3))
    return {
        "workers": workers,
        "claimed": len(numbers),
        "twice": len(numbers) - len(set(numbers)),
        "claims/s": len(numbers) / (max(ended) - min(ended)),
        "idle": watch.idle,
        "claim, ms, median": 1000 * median(taken),
        "99 %": 1000 * quantiles(taken, n=100)[98],
    }


def ended_twice(journal: Path, trials: int) -> int:
    """Return how many trials of a journal have other entries than one for their start and one for their end."""
    read = Journal(journal)
    read.refresh()
    wanted = [State.RUNNING, State.FINISHED]
    return sum([entry.state for entry in read.entries(number)] != wanted for number in range(trials))
