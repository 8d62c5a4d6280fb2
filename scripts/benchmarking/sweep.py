"""Sweeps: short runs side by side against one after another, very many of them, and many workers on one folder."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, linear_regression, median
from tempfile import TemporaryDirectory, TemporaryFile

from benchmarking.processes import child
from benchmarking.progress import Progress
from benchmarking.sweep_children import GO, READY
from benchmarking.tables import Cell, Section
from benchmarking.watch import Watch
from benchmarking.workloads import ROOT
from convboard.sweeps.store.journal import State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial
from convboard.training.execution_plan.other_load import core_count

_PYTHON = (sys.executable, "-m", "benchmarking.sweep_children")
_HERE = Path(__file__).parents[1]
_LENET = ("model=lenet", "dataset=mnist", "trainer.max_epochs=1")
_DIGITS = ("model=lenet", "dataset=digits", "trainer.max_epochs=1")


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        trials: Number of short runs.
        limits: Overrides that shorten them.
        batches: Batches to which these limit a split; 0 for whole epochs.
        many: Number of runs in the long sweep.
        workers: Number of processes that claim from one folder.
        claims: Number of trials that they claim.
        places: Number of places in the pool whose trials compute nothing.
        epochs: Number of reports of each of these trials.
    """

    trials: int
    limits: tuple[str, ...]
    batches: int
    many: int
    workers: int
    claims: int
    places: int
    epochs: int


FULL = Size(16, (), 0, 1000, 64, 2000, 64, 300)
QUICK = Size(4, tuple(f"trainer.limit_{split}_batches=5" for split in ("train", "val", "test")), 5, 20, 8, 40, 8, 20)


def sweep(data_dir: str, is_quick: bool, with_lightning: bool) -> list[Section]:
    """Measure sweeps.

    Args:
        data_dir: Folder of the data sets.
        is_quick: A first impression.
        with_lightning: Install Lightning into a folder of its own, and measure it too.
    """
    size = QUICK if is_quick else FULL
    amounts = [65, 50, 60, 85, *([5, 265] if with_lightning else []), 320, 15, 80]  # about as many seconds
    progress = Progress("sweep", amounts)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        return [
            _runners(size, data_dir, place, progress, with_lightning),
            *_many(size, place / "many", progress),
            _claims(size, place / "claims", progress),
            _idle_pool(size, place / "idle", progress),
        ]


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


def _runners(size: Size, data_dir: str, folder: Path, progress: Progress, with_lightning: bool) -> Section:
    """The same runs by the pool, one after another, by hand on all cores, and by Lightning."""
    cores = core_count()
    swept = [f"seed=range(0,{size.trials})", f"data_dir={data_dir}", *_LENET, *size.limits]
    taken = {}
    progress.begin("the pool")
    taken["convboard, the pool"] = _convboard(swept, folder / "pool", cores)
    progress.begin("a bare loop in a process for each core")  # between those that are compared with it: speeds drift
    taken["bare loop, one process a core"] = _bare(size, data_dir, folder / "bare", cores)
    progress.begin("the pool, board=minimal")
    taken["convboard, the pool, `board=minimal`"] = _convboard([*swept, "board=minimal"], folder / "minimal", cores)
    progress.begin("one after another, hydra/launcher=basic")
    taken["convboard, `hydra/launcher=basic`"] = _convboard([*swept, "hydra/launcher=basic"], folder / "basic", 1)
    if with_lightning:
        progress.begin("installing Lightning into a folder of its own")
        python = _with_lightning(folder / "environment")
        progress.begin("Lightning, one after another")
        taken["Lightning and a DataLoader"] = _lightning(python, size, data_dir, folder / "lightning")
    pool, bare = taken["convboard, the pool"], taken["bare loop, one process a core"]
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
    return Section(f"{size.trials} runs of lenet on mnist, one epoch each", formats, rows)


def _convboard(arguments: Sequence[str], folder: Path, places: int) -> Taken:
    command = [sys.executable, str(ROOT / "train.py"), "-m", *arguments, f"hydra.sweep.dir={folder}"]
    watch, began, _ = _watched(command)
    results = list(folder.glob("*/result.json"))
    runs = [(path.stat().st_mtime, float(json.loads(path.read_text())["seconds"])) for path in results]
    return Taken(watch, began, runs, places)


def _bare(size: Size, data_dir: str, folder: Path, cores: int) -> Taken:
    folder.mkdir()
    arguments = [data_dir, str(folder), str(size.trials), *size.limits]
    said, watch, began = _together("bare", arguments, cores, folder)
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


def _lightning(python: Path, size: Size, data_dir: str, folder: Path) -> Taken:
    script = Path(__file__).with_name("lightning_trials.py")
    command = [str(python), str(script), data_dir, str(folder), str(size.trials), str(size.batches)]
    watch, began, said = _watched(command)
    return Taken(watch, began, _runs(said), 1)


def _runs(said: str) -> list[tuple[float, float]]:
    """Return the runs that a process has printed, each as `[when it ended, its seconds]`."""
    lines = (json.loads(line) for line in said.splitlines() if line.startswith("["))
    return [(float(end), float(seconds)) for end, seconds in lines]


def _many(size: Size, folder: Path, progress: Progress) -> list[Section]:
    """A sweep of very many short runs: what its parent holds, and whether it becomes slower."""
    progress.begin(f"{size.many:,} runs of lenet on digits")
    arguments = [*_DIGITS, f"seed=range(0,{size.many})", *size.limits, f"hydra.sweep.dir={folder}"]
    watch, _, _ = _watched([sys.executable, str(ROOT / "train.py"), "-m", *arguments])
    stored = Sweep.open(folder)
    entries = [stored.journal.entries(trial.number) for trial in stored.trials]
    spans = sorted((log[-1].time, log[-1].time - log[0].time) for log in entries)
    part = max(1, size.many // 10)
    slope = linear_regression(range(len(spans)), [seconds for _, seconds in spans]).slope
    samples = watch.samples[len(watch.samples) // 10 :]  # without the start
    growth = linear_regression([sample.time for sample in samples], [sample.own_bytes for sample in samples]).slope
    row: dict[str, Cell] = {
        "runs": len(entries),
        "finished": stored.journal.count(range(len(entries)))[State.FINISHED],
        "minutes": watch.seconds / 60,
        "a run, s: first tenth": fmean(seconds for _, seconds in spans[:part]),
        "last tenth": fmean(seconds for _, seconds in spans[-part:]),
        "slope, ms in 100 runs": slope * 1e5,
        "runs/s: first tenth": part / (spans[part - 1][0] - spans[0][0] + spans[0][1]),
        "runs/s: last tenth": part / (spans[-1][0] - spans[-part - 1][0]),
    }
    parent: dict[str, Cell] = {
        "samples": len(samples),
        "MB, first": samples[0].own_bytes / 1e6,
        "MB, last": samples[-1].own_bytes / 1e6,
        "growth, MB an hour": growth * 3600 / 1e6,
        "open files, first": samples[0].handles,
        "most": max(sample.handles for sample in samples),
        "last": samples[-1].handles,
        "share of a core": watch.computed / watch.seconds,
    }
    spec = {"runs": ",", "finished": ",", "minutes": ".1f", "a run, s: first tenth": ".2f", "last tenth": ".2f"}
    spec |= {"slope, ms in 100 runs": ".1f", "runs/s: first tenth": ".2f", "runs/s: last tenth": ".2f"}
    of_parent = {"samples": ",", "MB, first": ".1f", "MB, last": ".1f", "growth, MB an hour": ".1f"}
    of_parent |= {"open files, first": "", "most": "", "last": "", "share of a core": ".1%"}
    return [
        Section(f"{size.many:,} runs of lenet on digits, one epoch each", spec, [row]),
        Section("Their parent meanwhile", of_parent, [parent]),
    ]


def _claims(size: Size, folder: Path, progress: Progress) -> Section:
    """Many processes that claim the trials of one journal, and end them at once."""
    progress.begin(f"{size.workers} workers on one folder")
    (folder / "journal").mkdir(parents=True)
    said, watch, _ = _together("claim", [str(folder), str(size.claims)], size.workers, folder)
    claimed = [number for line in said for number in json.loads(line)]
    seconds = _claim_seconds(folder / "journal")
    row: dict[str, Cell] = {
        "workers": size.workers,
        "trials": size.claims,
        "claimed": len(claimed),
        "twice": len(claimed) - len(set(claimed)),
        "claims/s": len(claimed) / seconds,
        "idle": watch.idle,
    }
    formats = {"workers": "", "trials": ",", "claimed": ",", "twice": "", "claims/s": ",.0f", "idle": ".1%"}
    return Section("Workers that claim trials from one folder, each ended at once", formats, [row])


def _claim_seconds(journal: Path) -> float:
    """Return the time from the first to the last entry of a journal."""
    times = [path.stat().st_mtime for path in journal.rglob("*.json")]
    return max(times) - min(times)


def _idle_pool(size: Size, folder: Path, progress: Progress) -> Section:
    """A pool with very many places, whose trials compute nothing: what it computes itself."""
    progress.begin(f"a pool with {size.places} places")
    config = {"trainer": {"max_epochs": size.epochs}}
    trials = [Trial(0, (), {"seed": str(seed)}, f"seed={seed}", config) for seed in range(2 * size.places)]
    record = SweepRecord("train.py -m", ("seed",), "accuracy/val", "0", {})
    Sweep.create(folder, record, trials)
    arguments = [str(folder), str(size.places)]
    with child([*_PYTHON, "idle", *arguments], cwd=_HERE) as process:
        said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"The pool with {size.places} places failed:\n{said}")
    seconds, computed = json.loads(said.splitlines()[-1])
    row: dict[str, Cell] = {
        "places": size.places,
        "trials": len(trials),
        "reports/s": len(trials) * size.epochs / seconds,
        "seconds": seconds,
        "computed, s": computed,
        "share of a core": computed / seconds,
    }
    formats = {"places": "", "trials": "", "reports/s": ",.0f", "seconds": ".1f", "computed, s": ".2f"}
    return Section("A pool whose trials compute nothing", {**formats, "share of a core": ".1%"}, [row])


def _watched(command: Sequence[str]) -> tuple[Watch, float, str]:
    """Run a command. Returns what it took, when it was started in seconds since 1970, and what it has said."""
    began = time.time()
    with TemporaryFile("w+") as said, child(command, stdout=said, stderr=subprocess.STDOUT) as process:
        with Watch(process.pid) as watch:
            process.wait()
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise RuntimeError(f"{command!r} failed:\n{text[-5000:]}")
    return watch, began, text


def _together(kind: str, arguments: Sequence[str], number: int, folder: Path) -> tuple[list[str], Watch, float]:
    """Start processes, let them begin at the same time, and wait for them.

    Returns:
        What each has said, what they took from their beginning on, and when that was.
    """
    with ExitStack() as stack:
        started = [stack.enter_context(child([*_PYTHON, kind, *arguments], cwd=_HERE)) for _ in range(number)]
        while len(list(folder.glob(f"{READY}-*"))) < number:
            if any(process.poll() for process in started):
                raise RuntimeError(f"A process of {kind!r} failed:\n{started[0].communicate()[0]}")
            time.sleep(0.05)
        began = time.time()
        with Watch(os.getpid()) as watch:
            (folder / GO).touch()
            said = [process.communicate()[0] for process in started]
        if any(process.returncode for process in started):
            raise RuntimeError(f"Processes of {kind!r} failed:\n{''.join(said)[-5000:]}")
    return said, watch, began
