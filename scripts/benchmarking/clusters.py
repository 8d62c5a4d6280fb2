"""Many workers on one folder, and sweeps of very many trials: what sets the limit, and where it is."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarking.claims import FORMATS, claims
from benchmarking.large_journals import journals, views
from benchmarking.large_sweep import large_sweep
from benchmarking.processes import child
from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from benchmarking.watched_commands import together
from benchmarking.workloads import ROOT
from convboard.config import compose
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.new_sweep import create_sweep
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import SignOfLife, this_worker
from convboard.sweeps.store.sweep_folder import Sweep

_REST = 10.0  # seconds for which a worker at rest is watched


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        pools: Numbers of workers whose trials are processes that do nothing.
        pool_trials: Number of trials of each of these sweeps.
        claiming: Numbers of processes that only claim, and for how many seconds each trial lasts.
        claimed: Number of trials that each of these claim.
        trials: Numbers of trials of large sweeps; of the first one, trials are claimed.
        viewed: Number of workers in the live view.
        ticks: Number of its ticks.
    """

    pools: tuple[int, ...]
    pool_trials: int
    claiming: tuple[tuple[int, float], ...]
    claimed: int
    trials: tuple[int, ...]
    viewed: int
    ticks: int


FULL = Size((1, 8, 64), 1000, ((1, 0.0), (8, 0.0), (64, 0.0), (64, 4.0)), 1500, (10_000, 100_000), 1000, 20)
QUICK = Size((1, 4), 20, ((1, 0.0), (4, 0.1)), 40, (300, 1000), 100, 3)


def clusters(is_quick: bool) -> list[Section]:
    """Measure sweeps of many workers and trials.

    Args:
        is_quick: A first impression.
    """
    size = QUICK if is_quick else FULL
    of_trials = [number / 1000 for number in size.trials]
    amounts = [*[40.0] * len(size.pools), *[40.0] * len(size.claiming), *of_trials, *of_trials, 30.0]
    progress = Progress("clusters", amounts)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        return [
            _pools(size, place, progress),
            _claiming(size, place / "claiming", progress),
            *journals(size.trials, place, progress),
            views(size.trials, size.viewed, size.ticks, place, progress),
            _worker_at_rest(place / "rest", progress),
        ]


def _pools(size: Size, folder: Path, progress: Progress) -> Section:
    """Pools of one place each on one folder; each trial is a process that does nothing."""
    rows: list[dict[str, Cell]] = []
    for workers in size.pools:
        progress.begin(f"{workers} workers whose trials do nothing")
        sweep = large_sweep(folder / f"pools-{workers}", size.pool_trials, 0)
        said, watch, _ = together("pool", [str(sweep.folder)], workers, sweep.folder)
        ended = [one for line in said for one in json.loads(line.splitlines()[-1])]
        sweep.refresh()
        begun = [entry.time for trial in sweep.trials for entry in sweep.journal.entries(trial.number)]
        twice = sum(len(sweep.journal.entries(trial.number)) != 2 for trial in sweep.trials)  # its start and its end
        seconds = max(at for _, at in ended) - min(begun)
        row: dict[str, Cell] = {"workers": workers, "trials": size.pool_trials, "ended": len(ended), "twice": twice}
        rows.append(row | {"trials/s": len(ended) / seconds, "idle": watch.idle})
    formats = {"workers": "", "trials": ",", "ended": ",", "twice": "", "trials/s": ".1f", "idle": ".1%"}
    return Section("Workers whose trials are processes that do nothing", formats, rows)


def _claiming(size: Size, folder: Path, progress: Progress) -> Section:
    """Processes that claim trials, and end them at once or some seconds later."""
    trials = size.trials[0]
    stop = trials - len(size.claiming) * size.claimed
    rows: list[dict[str, Cell]] = []
    for workers, seconds in size.claiming:
        progress.begin(f"{workers} processes that claim trials of {seconds:g} s")
        if not rows:
            large_sweep(folder, trials, stop)
        stop += size.claimed
        row: dict[str, Cell] = {"a trial, s": seconds}
        rows.append(row | claims(folder, workers, stop, seconds))
    title = f"Processes that claim trials of a sweep of {trials:,}, without any process for a trial"
    return Section(title, {"a trial, s": ".0f"} | FORMATS, rows)


def _worker_at_rest(folder: Path, progress: Progress) -> Section:
    """The command of a worker that has trained a trial, and waits since another worker trains the last one."""
    progress.begin("a worker at rest")
    compose.register()
    limits = (f"trainer.limit_{split}_batches=1" for split in ("train", "val", "test"))
    swept = ["model=lenet", "dataset=digits", "trainer.max_epochs=1", "trainer.plan=default", "trainer.threads=1"]
    sweep = create_sweep(folder, [], new_trials([*swept, *limits, "seed=1,2"]))
    other = this_worker()
    sweep.journal.claim(other.id, [1])
    command = [sys.executable, str(ROOT / "train.py"), "-m", f"sweep.join={folder}", "sweep.workers=1"]
    with SignOfLife(sweep.workers, other), child(command) as process:
        _wait_for_first_trial(sweep, process)
        worker = psutil.Process(process.pid)
        before, began = worker.cpu_times(), time.perf_counter()
        time.sleep(_REST)
        after, seconds = worker.cpu_times(), time.perf_counter() - began
        rows = list(_memory(worker))
        rows[0]["share of a core"] = abs(after.user + after.system - before.user - before.system) / seconds
        sweep.journal.end(1, Entry(State.FINISHED, other.id))
        process.communicate()
    formats = {"process": "", "MB": ",.0f", "MB of its own": ",.0f", "share of a core": ".2%"}
    return Section("A worker at rest", formats, rows)


def _wait_for_first_trial(sweep: Sweep, process: "subprocess.Popen[str]") -> None:
    while sweep.journal.state(0) is not State.FINISHED:
        if process.poll() is not None or sweep.journal.state(0) is State.FAILED:
            raise RuntimeError(f"The worker has failed:\n{process.communicate()[0]}")
        time.sleep(0.5)
        sweep.refresh()
    time.sleep(2 * _REST)  # the process of the trial ends


def _memory(worker: psutil.Process) -> Iterator[dict[str, Cell]]:
    """Yield the memory of a worker and of its processes."""
    for process in (worker, *worker.children(recursive=True)):
        line = " ".join(process.cmdline())
        name = next((name for name in ("forkserver", "resource_tracker") if name in line), "pool")
        memory = process.memory_full_info()
        yield {"process": name, "MB": memory.rss / 1e6, "MB of its own": memory.uss / 1e6, "share of a core": 0.0}
