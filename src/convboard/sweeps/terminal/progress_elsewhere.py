"""How far the trials of other workers are, and which workers there are: by the files of the sweep."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from convboard.config.objectives import is_maximised
from convboard.experiment.console import counted
from convboard.experiment.run_summary import COLUMNS, CURVES
from convboard.sweeps.store.liveness import Observer
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.workers.reports import Progress

_TAIL = 4096  # bytes at the end of a file, which hold its last line


def read_progress(run_dir: Path, max_epochs: int, objective: str) -> Progress | None:
    """Return how far a run is; None before the end of its first epoch.

    Args:
        run_dir: The run directory.
        max_epochs: Epochs of the whole run.
        objective: The metric by which the sweep compares trials.
    """
    with suppress(OSError, ValueError):
        with (run_dir / CURVES).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            whole, _, _ = file.read(_TAIL).decode().rpartition("\n")  # the last line may be half written
        row = dict(zip(COLUMNS, whole.rpartition("\n")[2].split(","), strict=True))
        value = float(row["accuracy/val" if is_maximised(objective) else "loss/val"])
        return Progress(int(row["epoch"]), max_epochs, value, float(row["images_per_second"]))
    return None


class Workers:
    """Tells which workers of a sweep are alive.

    Args:
        sweep: The sweep.
        jobs: Describes the jobs of engines that have started the workers; empty if there is nothing to say.
    """

    def __init__(self, sweep: Sweep, jobs: Callable[[], str] = str) -> None:
        self._folder, self._jobs = sweep.workers, jobs
        self._observer = Observer(sweep.workers)

    def describe(self) -> str:
        """Return the number of workers that are alive, of their machines, and of the jobs of each state, in words."""
        alive = self._alive()
        hosts = {worker.host for name in alive if (worker := self._observer.worker(name)) is not None}
        text = f"{counted(len(alive), 'worker')} on {counted(len(hosts), 'machine')}" if alive else "no worker is alive"
        return text + self._jobs()

    def _alive(self) -> Sequence[str]:
        """Return the ids of the workers that give signs of life; one that ends takes its own away."""
        with suppress(OSError):
            names = [path.stem for path in self._folder.glob("*.beat")]
            return [name for name in names if not self._observer.is_dead(name)]
        return []
