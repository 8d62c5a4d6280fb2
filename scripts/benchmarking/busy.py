"""The time of short runs on a machine on which other processes compute: none, one and two of them.

Threads that spin while they wait take the cores from the others, and wait for those that the others keep from running.
See `convboard.training.execution_plan.spin_limit`.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarking.processes import child
from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from benchmarking.workloads import ROOT

_RUNS = {
    "lenet on digits, 15 epochs": ("trainer.max_epochs=15",),
    "lenet on mnist, 400 steps": ("dataset=mnist", "trainer.max_epochs=1", "trainer.limit_train_batches=400"),
    "cifar10_quick on cifar10, 60 steps": (
        *("model=cifar10_quick", "dataset=cifar10", "batch_size=128"),
        *("trainer.max_epochs=1", "trainer.limit_train_batches=60", "trainer.limit_val_batches=2"),
    ),
}
_MOST = 2  # other processes
_SPINS = {"limited": {}, "as OpenMP's default": {"GOMP_SPINCOUNT": "300000"}}


def busy(data_dir: str, rounds: int) -> list[Section]:
    """Measure runs on all cores beside other processes, and on one core beside none.

    Args:
        data_dir: Folder of the data sets.
        rounds: Number of times that each run is measured.
    """
    kinds = [(spins, hogs) for hogs in range(_MOST + 1) for spins in _SPINS]
    progress = Progress("busy", [1] * (len(_RUNS) * (len(kinds) + 1) * rounds))
    rows: list[dict[str, Cell]] = []
    for name, options in _RUNS.items():
        arguments = (*options, f"data_dir={data_dir}")
        seconds: dict[tuple[str, int], list[float]] = {kind: [] for kind in kinds}
        alone: list[float] = []
        for _ in range(rounds):
            for spins, hogs in kinds:
                progress.begin(f"{name}, beside {hogs} busy processes, spinning {spins}")
                seconds[spins, hogs].append(_seconds(arguments, hogs, _SPINS[spins]))
            progress.begin(f"{name}, one thread")
            alone.append(_seconds((*arguments, "trainer.threads=1"), 0, {}))
        for spins in _SPINS:
            idle, one, two = (median(seconds[spins, hogs]) for hogs in range(_MOST + 1))
            row: dict[str, Cell] = {"run": name, "spinning": spins, "idle": idle, "beside one": one, "beside two": two}
            rows.append({**row, "one thread": median(alone), "beside one to one thread": one / median(alone)})
    texts, numbers = ("run", "spinning"), ("idle", "beside one", "beside two", "one thread", "beside one to one thread")
    title = "Seconds of training and evaluation on a busy machine"
    return [Section(title, {**dict.fromkeys(texts, ""), **dict.fromkeys(numbers, ".2f")}, rows)]


def _seconds(arguments: Sequence[str], hogs: int, environment: Mapping[str, str]) -> float:
    """Return the seconds of training and evaluation of a run beside `hogs` processes that compute without end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        for _ in range(hogs):
            stack.enter_context(child([sys.executable, "-c", "while True: pass"]))
        command = [sys.executable, str(ROOT / "train.py"), *arguments, "trainer.plan=none", "board=minimal"]
        with child([*command, f"hydra.run.dir={folder}/run"], env={**os.environ, **environment}) as process:
            said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{command!r} failed:\n{said}")
        return float(json.loads((folder / "run/result.json").read_text())["seconds"])
