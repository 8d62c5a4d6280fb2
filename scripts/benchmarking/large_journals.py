"""Sweeps of very many trials: reading them, and their live view."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarking.large_sweep import large_sweep, write_entry
from benchmarking.processes import child
from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from benchmarking.watched_commands import CHILD, HERE
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.liveness import Worker
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.terminal.live_view import LiveView
from convboard.sweeps.terminal.progress_elsewhere import Workers

_TICK = 0.5  # seconds between two ticks of the live view
_A_TRIAL = 60.0  # seconds that a trial takes in it


def journals(numbers: Sequence[int], folder: Path, progress: Progress) -> list[Section]:
    """Measure how long it takes to read sweeps of which all trials are over.

    Args:
        numbers: Numbers of trials.
        folder: An empty folder.
        progress: Is told what is measured.
    """
    of_journals: list[dict[str, Cell]] = []
    of_configs: list[dict[str, Cell]] = []
    for trials in numbers:
        progress.begin(f"reading a sweep of {trials:,} trials")
        sweep = large_sweep(folder / f"journal-{trials}", trials, trials)
        files = [path.stat().st_size for path in sweep.journal.folder.glob("*/*.json")]
        read, written = _timed(sweep.journal.refresh), _timed(sweep.journal.compact)
        with child([*CHILD, "read", str(sweep.folder)], cwd=HERE) as process:
            journal, configs = json.loads(process.communicate()[0])
        row: dict[str, Cell] = {"trials": trials, "entries": len(files), "MB": sum(files) / 1e6, "read, s": read}
        of_journals.append(row | {"blocks written, s": written} | journal)
        size = sum(path.stat().st_size for path in sweep.trials.folder.iterdir())
        of_configs.append({"trials": trials, "MB": size / 1e6} | configs)
    blocks = {"blocks written, s": ".2f", "blocks read, s": ".2f", "nothing new, ms": ".1f"}
    formats = {"trials": ",", "MB": ",.1f", "read, s": ".2f", "in memory, MB": ",.0f"}
    return [
        Section("Journals whose trials are all over", {"trials": ",", "entries": ","} | formats | blocks, of_journals),
        Section("The configs of their trials", formats, of_configs),
    ]


def views(numbers: Sequence[int], workers: int, ticks: int, folder: Path, progress: Progress) -> Section:
    """Measure the live view of sweeps with very many workers.

    Args:
        numbers: Numbers of trials.
        workers: Number of workers, each of which trains a trial, and then the next one.
        ticks: Number of times that it is drawn.
        folder: A folder.
        progress: Is told what is measured.
    """
    rows: list[dict[str, Cell]] = []
    for trials in numbers:
        progress.begin(f"the live view of {trials:,} trials and {workers:,} workers")
        sweep = large_sweep(folder / f"view-{trials}", trials, trials // 2)
        rows.append({"trials": trials, "workers": workers} | _view(sweep, workers, ticks))
    formats = {"trials": ",", "workers": ",", "opened, s": ".2f", "read, ms": ".1f", "drawn, ms": ".1f"}
    return Section("The live view", {**formats, "longest": ".1f", "workers found, ms": ".1f"}, rows)


def _view(writer: Sweep, workers: int, ticks: int) -> dict[str, Cell]:
    """Draw the live view of a sweep of which half the trials are over, while others end."""
    first = len(writer.trials) // 2
    for number in range(first, first + workers):
        _begin(writer, number, number - first)
    began = time.perf_counter()
    sweep = Sweep.open(writer.folder)
    with Path(os.devnull).open("w") as nowhere:
        terminal = Console(file=nowhere, force_terminal=True, force_interactive=True, width=120, height=50)
        with LiveView(terminal, sweep, 0) as view:
            opened, reads, drawn = time.perf_counter() - began, [], []
            for tick in range(ticks):
                for number in range(
                    int(tick * workers * _TICK / _A_TRIAL), int((tick + 1) * workers * _TICK / _A_TRIAL)
                ):
                    write_entry(writer.journal, first + number, 1, Entry(State.FINISHED, value=0.5, seconds=_A_TRIAL))
                    _begin(writer, first + workers + number, number)
                time.sleep(_TICK)
                reads.append(_timed(sweep.refresh))
                drawn.append(_timed(view.on_tick))
    row: dict[str, Cell] = {"opened, s": opened, "read, ms": 1000 * median(reads), "drawn, ms": 1000 * median(drawn)}
    return row | {"longest": 1000 * max(drawn), "workers found, ms": 1000 * _timed(Workers(sweep).describe)}


def _begin(sweep: Sweep, number: int, worker: int) -> None:
    """Let a worker begin a trial."""
    host = f"node{worker // 8:03}"
    name = f"{host}-{worker}-9f3a0c"
    write_entry(sweep.journal, number, 0, Entry(State.RUNNING, name, time=time.time()))
    (sweep.workers / f"{name}.json").write_text(json.dumps(asdict(Worker(name, host, host, worker, 0.0))))
    (sweep.workers / f"{name}.beat").write_text("1\n")


def _timed(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
