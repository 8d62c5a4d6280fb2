"""Sweeps of very many trials, written as their workers leave them but for the run directories."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from convboard.config.compose import compose_config
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial, folder_name

_SEEDS, _RATES = 5, (0.1, 0.03, 0.01, 0.003)
_NODES = 64  # workers that have trained the trials that are over
_SECONDS = 60.0  # that a trial has taken


def large_sweep(folder: Path, trials: int, over: int) -> Sweep:
    """Create a sweep over learning rate, batch size and seed.

    Args:
        folder: Its folder.
        trials: Number of trials.
        over: Number of trials, the first ones, that are over: most have two entries in the journal, some were tried
            again.
    """
    config = compose_config(["model=lenet", "dataset=digits", "trainer.max_epochs=20"]).config.to_dict()
    plain = []
    for at in range(trials):
        lr, size, seed = _RATES[at // _SEEDS % len(_RATES)], 16 + at // (_SEEDS * len(_RATES)), at % _SEEDS
        swept = {"optimizer.lr": str(lr), "batch_size": str(size), "seed": str(seed)}
        optimizer = {**config["optimizer"], "lr": lr}
        own = {**config, "optimizer": optimizer, "batch_size": size, "seed": seed}
        plain.append(Trial(at, tuple(f"{key}={value}" for key, value in swept.items()), swept, folder_name(swept), own))
    sweep = Sweep.create(folder, SweepRecord("train.py -m", tuple(swept), "accuracy/val", "benchmark", {}), plain)
    for number in range(over):
        for index, entry in enumerate(_entries(number)):
            write_entry(sweep.journal, number, index, entry)
    return sweep


def write_entry(journal: Journal, number: int, index: int, entry: Entry) -> None:
    """Write an entry without waiting for the disk.

    Args:
        journal: The journal, which does not know of it afterwards.
        number: The trial.
        index: The number of the entry.
        entry: The entry.
    """
    folder = journal.folder / f"{number // 100:03}"
    folder.mkdir(exist_ok=True)
    (folder / f"{number:05}.{index:04}.json").write_text(json.dumps(asdict(entry)) + "\n")


def _entries(number: int) -> Iterator[Entry]:
    """Yield the entries of a trial that is over."""
    worker, at = f"node{number % _NODES:02}-{4000 + number % _NODES}-9f3a0c", time.time()
    states = [State.RUNNING, State.FINISHED]
    if number % 50 == 7:  # its worker was lost
        states[1:1] = [State.INTERRUPTED, State.RUNNING]
    if number % 97 == 3:  # it has failed, and was tried again
        states[1:1] = [State.FAILED, State.WAITING, State.RUNNING]
    for state in states:
        entry = Entry(state, worker, time=at)
        value = 0.5 + number * 7919 % 1000 / 2001  # any that differ
        yield replace(entry, value=value, seconds=_SECONDS) if state is State.FINISHED else entry
