"""Sweeps: short runs side by side against one after another, very many of them, and many workers on one folder."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, linear_regression
from tempfile import TemporaryDirectory

from benchmarking.claims import FORMATS, claims
from benchmarking.processes import child
from benchmarking.progress import Progress
from benchmarking.sweep_runners import ShortRuns, compare_runners
from benchmarking.tables import Cell, Section
from benchmarking.watched_commands import CHILD, HERE, watched
from benchmarking.workloads import ROOT
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial

_DIGITS = ("model=lenet", "dataset=digits", "trainer.max_epochs=1")


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        short: The runs by which ways to train several are compared.
        many: Number of runs in the long sweep.
        workers: Number of processes that claim from one folder.
        claims: Number of trials that they claim.
        places: Number of places in the pool whose trials compute nothing.
        epochs: Number of reports of each of these trials.
    """

    short: ShortRuns
    many: int
    workers: int
    claims: int
    places: int
    epochs: int


FULL = Size(ShortRuns(16), 1000, 64, 2000, 64, 300)
QUICK = Size(ShortRuns(4, batches=5), 20, 8, 40, 8, 20)


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
            compare_runners(size.short, data_dir, place, progress, with_lightning),
            *_many(size, place / "many", progress),
            _claims(size, place / "claims", progress),
            _idle_pool(size, place / "idle", progress),
        ]


def _many(size: Size, folder: Path, progress: Progress) -> list[Section]:
    """A sweep of very many short runs: what its parent holds, and whether it becomes slower."""
    progress.begin(f"{size.many:,} runs of lenet on digits")
    arguments = [*_DIGITS, f"seed=range(0,{size.many})", *size.short.limits, f"hydra.sweep.dir={folder}"]
    watch, _, _ = watched([sys.executable, str(ROOT / "train.py"), "-m", *arguments])
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
    row: dict[str, Cell] = {"trials": size.claims} | claims(folder, size.workers, size.claims)
    return Section("Workers that claim trials from one folder, each ended at once", {"trials": ","} | FORMATS, [row])


def _idle_pool(size: Size, folder: Path, progress: Progress) -> Section:
    """A pool with very many places, whose trials compute nothing: what it computes itself."""
    progress.begin(f"a pool with {size.places} places")
    config = {"trainer": {"max_epochs": size.epochs}}
    trials = [Trial(0, (), {"seed": str(seed)}, f"seed={seed}", config) for seed in range(2 * size.places)]
    record = SweepRecord("train.py -m", ("seed",), "accuracy/val", "0", {})
    Sweep.create(folder, record, trials)
    arguments = [str(folder), str(size.places)]
    with child([*CHILD, "idle", *arguments], cwd=HERE) as process:
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
