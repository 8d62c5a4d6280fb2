"""Short runs by the pool of a sweep, one after another, by hand on all cores, and by Lightning."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from benchmarking.watch import Watch
from benchmarking.watched_commands import together, watched
from benchmarking.workloads import ROOT
from convboard.training.execution_plan.other_load import core_count

_LENET = ("model=lenet", "dataset=mnist", "trainer.max_epochs=1")


@dataclass(frozen=True)
class ShortRuns:
    """Runs of one epoch.

    Attributes:
        trials: Their number.
        batches: Batches of each split; 0 for whole epochs.
    """

    trials: int
    batches: int = 0

    @property
    def limits(self) -> list[str]:
        """The overrides that shorten them."""
        splits = ("train", "val", "test") if self.batches else ()
        return [f"trainer.limit_{split}_batches={self.batches}" for split in splits]


@dataclass(frozen=True)
class Taken:
    """What a way to train several runs took.

    Attributes:
        watch: The command.
        began: When it was started, in seconds since 1970.
        runs: When each run ended, and its own seconds of training and evaluation.
        places: Number of runs at a time.
    """

    watch: Watch
    began: float
    runs: list[tuple[float, float]]
    places: int

    @property
    def start(self) -> float:
        """Seconds from the start of the command until the first run trains."""
        return min(end - seconds for end, seconds in self.runs) - self.began

    @property
    def trials_per_second(self) -> float:
        """Runs per second from then on until the last one has ended."""
        return len(self.runs) / (max(end for end, _ in self.runs) - self.began - self.start)

    @property
    def overhead(self) -> float:
        """Seconds between two runs in one place."""
        span = max(end for end, _ in self.runs) - self.began - self.start
        return (span * self.places - sum(seconds for _, seconds in self.runs)) / (len(self.runs) - self.places)


def compare_runners(short: ShortRuns, data_dir: str, folder: Path, progress: Progress, with_lightning: bool) -> Section:
    """Train the same runs by the pool, one after another, by hand on all cores, and by Lightning.

    Args:
        short: The runs.
        data_dir: Folder of the data sets.
        folder: An empty folder.
        progress: Is told what is measured.
        with_lightning: Install Lightning into a folder of its own, and measure it too.
    """
    cores = core_count()
    swept = [f"seed=range(0,{short.trials})", f"data_dir={data_dir}", *_LENET, *short.limits]
    taken = {}
    progress.begin("the pool")
    taken["convboard, the pool"] = _convboard(swept, folder / "pool", cores)
    progress.begin("a bare loop in a process for each core")  # between those that are compared with it: speeds drift
    taken["bare loop, one process a core"] = _bare(short, data_dir, folder / "bare", cores)
    progress.begin("the pool, board=minimal")
    taken["convboard, the pool, `board=minimal`"] = _convboard([*swept, "board=minimal"], folder / "minimal", cores)
    progress.begin("one after another, hydra/launcher=basic")
    taken["convboard, `hydra/launcher=basic`"] = _convboard([*swept, "hydra/launcher=basic"], folder / "basic", 1)
    if with_lightning:
        progress.begin("installing Lightning into a folder of its own")
        python = _with_lightning(folder / "environment")
        progress.begin("Lightning, one after another")
        taken["Lightning and a DataLoader"] = _lightning(python, short, data_dir, folder / "lightning")
    title = f"{short.trials} runs of lenet on mnist, one epoch each"
    return _compared(title, taken, taken["convboard, the pool"], taken["bare loop, one process a core"])


def _compared(title: str, taken: Mapping[str, Taken], pool: Taken, bare: Taken) -> Section:
    """Return the table of the ways to train the same runs, by their names."""
    rows: list[dict[str, Cell]] = [
        {
            "what": name,
            "seconds": one.watch.seconds,
            "start, s": one.start,
            "runs/s": one.trials_per_second,
            "of the bare loop": one.trials_per_second / bare.trials_per_second,
            "seconds, to the pool's": one.watch.seconds / pool.watch.seconds,
            "idle": one.watch.idle,
            "MB a process": median(one.watch.peaks()) / 1e6,
            "MB together": one.watch.peak_together() / 1e6,
            "overhead a run, s": one.overhead,
        }
        for name, one in taken.items()
    ]
    formats = {
        "what": "",
        "seconds": ".1f",
        "start, s": ".1f",
        "runs/s": ".3f",
        "of the bare loop": ".2f",
        "seconds, to the pool's": ".2f",
        "idle": ".1%",
        "MB a process": ",.0f",
        "MB together": ",.0f",
        "overhead a run, s": ".2f",
    }
    return Section(title, formats, rows)


def _convboard(arguments: Sequence[str], folder: Path, places: int) -> Taken:
    command = [sys.executable, str(ROOT / "train.py"), "-m", *arguments, f"hydra.sweep.dir={folder}"]
    watch, began, _ = watched(command)
    results = list(folder.glob("*/result.json"))
    runs = [(path.stat().st_mtime, float(json.loads(path.read_text())["seconds"])) for path in results]
    return Taken(watch, began, runs, places)


def _bare(short: ShortRuns, data_dir: str, folder: Path, cores: int) -> Taken:
    folder.mkdir()
    arguments = [data_dir, str(folder), str(short.trials), *short.limits]
    said, watch, began = together("bare", arguments, cores, folder)
    return Taken(watch, began, _runs("".join(said)), cores)


def _with_lightning(environment: Path) -> Path:
    """Install Lightning beside the versions of torch that are measured here. Returns its Python."""
    from importlib.metadata import version

    python = environment / "bin/python"
    packages = ("torch", "torchvision", "tensorboard")
    pinned = [f"{name}=={version(name).partition('+')[0]}" for name in packages]
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, environment], check=True)
    subprocess.run(["uv", "pip", "install", "-q", "--python", python, *pinned, "lightning"], check=True)
    return python


def _lightning(python: Path, short: ShortRuns, data_dir: str, folder: Path) -> Taken:
    script = Path(__file__).with_name("lightning_trials.py")
    command = [str(python), str(script), data_dir, str(folder), str(short.trials), str(short.batches)]
    watch, began, said = watched(command)
    return Taken(watch, began, _runs(said), 1)


def _runs(said: str) -> list[tuple[float, float]]:
    """Return the runs that a process has printed, each as `[when it ended, its seconds]`."""
    lines = (json.loads(line) for line in said.splitlines() if line.startswith("["))
    return [(float(end), float(seconds)) for end, seconds in lines]
