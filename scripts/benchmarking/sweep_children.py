"""What `part=sweep` and `part=clusters` start as processes of their own.

`python -m benchmarking.sweep_children bare|claim|idle|pool|read ...`
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers.reports import End, Progress

_MODULE = "benchmarking.sweep_children"

READY, GO = "ready", "go"  # files by which processes start together


def wait_for_start(folder: Path) -> None:
    """Say that this process is ready, and wait for the others."""
    (folder / f"{READY}-{os.getpid()}").touch()
    while not (folder / GO).exists():
        time.sleep(0.005)


def bare(data_dir: str, folder: str, trials: str, *limits: str) -> None:
    """Train with one thread, by hand, what no other process has taken: what a core can do."""
    import torch

    from benchmarking.contenders import HandLoop
    from benchmarking.workloads import WORKLOADS
    from convboard.config.compose import compose_config
    from convboard.experiment.dataset import build_batches, build_dataset
    from convboard.training.evaluation import evaluate
    from convboard.training.execution_plan.plan import Plan
    from convboard.training.malloc import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(1)
    config = compose_config(["model=lenet", "dataset=mnist", f"data_dir={data_dir}", *limits]).config
    plan = Plan(torch.device("cpu"), channels_last=True, threads=1)
    dataset = build_dataset(config)
    splits, limit = build_batches(config, dataset, plan), config.trainer.limit_train_batches
    HandLoop(WORKLOADS[0], config, dataset, plan, fused=True).train(1)  # torch imports its compiler in the first step
    wait_for_start(Path(folder))
    for number in range(int(trials)):
        with suppress(FileExistsError):
            (Path(folder) / str(number)).touch(exist_ok=False)
            began = time.perf_counter()
            loop = HandLoop(WORKLOADS[0], config, dataset, plan, fused=True)
            loop.train(limit or sys.maxsize)
            for split in (splits.val, splits.test):
                evaluate(loop.model, split, loop.loss, plan, config.trainer.limit_val_batches)
            print(json.dumps([time.time(), time.perf_counter() - began]), flush=True)


def claim(folder: str, trials: str, seconds: str) -> None:
    """Claim trials from a journal as a pool does, and end each after some seconds, until none is left.

    Prints for each its number, when it was claimed, and how long that took.
    """
    journal, worker, claimed = Journal(Path(folder) / "journal"), f"worker-{os.getpid()}", []
    journal.refresh()
    wait_for_start(Path(folder))
    time.sleep(float(seconds) * random.random())
    next_look = time.monotonic() + 1
    while True:
        if time.monotonic() >= next_look:
            journal.refresh()
            journal.compact(worker)
            next_look = time.monotonic() + 1
        began = time.perf_counter()
        number = journal.claim(worker, journal.claimable(range(int(trials))))
        if number is None:
            break
        claimed.append((number, time.time(), time.perf_counter() - began))
        time.sleep(float(seconds))
        journal.end(number, Entry(State.FINISHED, worker))
    print(json.dumps(claimed))


class EndedTrials:
    """A listener of a pool that notes which trials have ended, and when."""

    def __init__(self) -> None:
        self.ended: list[tuple[int, float]] = []

    def on_start(self, trial: Trial) -> None:
        """See `Listener`."""

    def on_progress(self, trial: Trial, progress: Progress) -> None:
        """See `Listener`."""

    def on_end(self, trial: Trial, end: Entry) -> None:
        """See `Listener`."""
        self.ended.append((trial.number, time.time()))

    def on_stop(self, reason: str) -> None:
        """See `Listener`."""

    def on_tick(self) -> None:
        """See `Listener`."""


def pool(folder: str) -> None:
    """Run trials that do nothing in a pool with one place, until none is left. Prints when each has ended."""
    from convboard.sweeps import forked_process
    from convboard.sweeps.slots import Slot
    from convboard.sweeps.store.liveness import this_worker
    from convboard.sweeps.store.sweep_folder import Sweep
    from convboard.sweeps.workers.pool import Pool

    forked_process.preload(_MODULE)
    sweep, listener = Sweep.open(Path(folder)), EndedTrials()
    wait_for_start(Path(folder))
    Pool(sweep, this_worker(), [Slot()], f"{_MODULE}:nothing", listener).run()
    print(json.dumps(listener.ended))


def nothing(_folder: Path, _trial: Trial, reports: Connection) -> None:
    """A trial that does nothing."""
    reports.send(End(State.FINISHED, value=0.5, seconds=0.0))


def idle_trial(_: Path, trial: Trial, reports: Connection) -> None:
    """A trial that reports an epoch ten times a second for as long as its config says, and computes nothing."""
    epochs = int(trial.config["trainer"]["max_epochs"])
    for epoch in range(1, epochs + 1):
        time.sleep(0.1)
        reports.send(Progress(epoch, epochs, 0.5, 1000.0))
    reports.send(End(State.FINISHED, value=0.5, seconds=epochs / 10))


def idle(folder: str, places: str) -> None:
    """Run trials that compute nothing in a pool with very many places, and print what the pool itself computes."""
    from rich.console import Console

    from convboard.sweeps import forked_process
    from convboard.sweeps.slots import Slot
    from convboard.sweeps.store.liveness import this_worker
    from convboard.sweeps.store.sweep_folder import Sweep
    from convboard.sweeps.terminal.live_view import LiveView
    from convboard.sweeps.workers.pool import Pool

    forked_process.preload(_MODULE)
    sweep = Sweep.open(Path(folder))
    with Path(os.devnull).open("w") as nowhere:
        terminal = Console(file=nowhere, force_terminal=True, force_interactive=True)
        began, computed = time.perf_counter(), time.process_time()
        with LiveView(terminal, sweep, int(places)) as view:
            Pool(sweep, this_worker(), [Slot()] * int(places), f"{_MODULE}:idle_trial", view).run()
    print(json.dumps([time.perf_counter() - began, time.process_time() - computed]))


def read(folder: str) -> None:
    """Read a sweep, and print what its journal takes, and the configs of its trials."""
    import psutil

    from convboard.sweeps.store.sweep_folder import Sweep
    from convboard.sweeps.store.sweep_record import read_record

    process, sweep = psutil.Process(), Sweep(Path(folder), read_record(Path(folder)))
    seconds, memory = [time.perf_counter()], [process.memory_info().rss]
    for part in (sweep.journal, sweep.trials):
        part.refresh()
        seconds.append(time.perf_counter())
        memory.append(process.memory_info().rss)
    time.sleep(5)  # folders whose modification time is younger are read again
    sweep.refresh()
    began = time.perf_counter()
    sweep.refresh()
    nothing_new = 1000 * (time.perf_counter() - began)
    journal = {"blocks read, s": seconds[1] - seconds[0], "in memory, MB": (memory[1] - memory[0]) / 1e6}
    configs = {"read, s": seconds[2] - seconds[1], "in memory, MB": (memory[2] - memory[1]) / 1e6}
    print(json.dumps([journal | {"nothing new, ms": nothing_new}, configs]))


KINDS: dict[str, Callable[..., None]] = {"bare": bare, "claim": claim, "idle": idle, "pool": pool, "read": read}

if __name__ == "__main__":
    KINDS[sys.argv[1]](*sys.argv[2:])
