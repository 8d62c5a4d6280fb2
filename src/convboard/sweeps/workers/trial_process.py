"""The process of one trial: trains it, or goes on with it, and reports to the pool."""

import math
import os
import time
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from convboard.config.objectives import is_maximised
from convboard.config.schema import TrainConfig
from convboard.errors import RunError
from convboard.experiment.run_files import CONFIG, LOCK
from convboard.files import empty, make_folder
from convboard.files.locks import locked
from convboard.sweeps.pruning.pruning import EpochValues, Pruner, WithItsSetting
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.journal import Journal
from convboard.sweeps.store.sweep_folder import JOURNAL, LOG, TRIALS, VALUES
from convboard.sweeps.store.sweep_record import read_record
from convboard.sweeps.store.trials import SEED, Trial, repetitions
from convboard.sweeps.sweep_options import SweepOptions
from convboard.sweeps.workers.reports import Activity, Progress
from convboard.training.callbacks import Callback, EpochEnd, Evaluation, FitStart

_REPORT_SECONDS = 5.0  # between two reports of what a process does
_WAIT_SECONDS = 15.0  # longer than a process may take to end whose worker was killed
_GLANCE = 0.1  # seconds between two looks at a lock


def open_log(run_dir: Path) -> None:
    """Send the output of this process into `log.txt` in the run directory, after what is there."""
    make_folder(run_dir)
    log = os.open(run_dir / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def wait_until_free(run_dir: Path) -> None:
    """Wait for the process that has trained the run before: if its worker was killed, it may still be saving."""
    ends = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < ends:
        with suppress(RunError), locked(run_dir / LOCK, wait=False, busy=lambda _: RunError("in use")):
            return
        time.sleep(_GLANCE)


def trial_config(trial: Trial, run_dir: Path) -> TrainConfig:
    """Return the config of a trial, which resumes its run if that has begun.

    Raises:
        ConfigError: The sweep was made by another version, which had other keys.
    """
    config = TrainConfig.from_dict(trial.config)
    if (run_dir / CONFIG).exists():
        return replace(config, resume=str(run_dir))
    for events in run_dir.glob("*tfevents*"):  # of an attempt that failed before it began
        empty(events)
    return config


class ReportActivity:
    """Reports what the process of a trial does, as a sign that it makes progress.

    Args:
        reports: Where to.
    """

    def __init__(self, reports: Connection) -> None:
        self._reports, self._reported = reports, -math.inf

    def __call__(self, name: str) -> None:
        """Note an activity that begins, such as `step 7`; it is reported every few seconds."""
        now = time.monotonic()
        if now - self._reported > _REPORT_SECONDS:
            self._reported = now
            with suppress(OSError):  # the pool has ended; so will this process
                self._reports.send(Activity(name))


def value_of(objective: str, val: Evaluation) -> float:
    """Return the metric on the validation split that goes with an objective: loss or accuracy."""
    return val.accuracy if is_maximised(objective) else val.loss


class ReportProgress(Callback):
    """A callback that reports each epoch to the pool.

    Args:
        reports: Where to.
        objective: The metric by which the sweep compares trials.
    """

    def __init__(self, reports: Connection, objective: str) -> None:
        self._reports, self._objective = reports, objective

    def on_fit_start(self, start: FitStart) -> None:
        """See `Callback`."""
        self._max_epochs = start.max_epochs

    def on_epoch_end(self, end: EpochEnd) -> None:
        """See `Callback`."""
        value = value_of(self._objective, end.val)
        with suppress(OSError):  # the pool has ended; so will this process
            self._reports.send(Progress(end.epoch, self._max_epochs, value, end.images_per_second))


class Pruning(Callback):
    """A callback that prunes a trial.

    Args:
        pruner: The rule.
        stored: The values of all trials.
        number: The trial.
        objective: The metric by which the sweep compares trials.

    Attributes:
        reason: Why the trial was pruned; empty if it was not.
    """

    def __init__(self, pruner: Pruner, stored: EpochValues, number: int, objective: str) -> None:
        self._pruner, self._stored, self._number, self._objective = pruner, stored, number, objective
        self._values: list[float] = []
        self.reason = ""

    def on_epoch_end(self, end: EpochEnd) -> str | None:
        """See `Callback`."""
        self._values.append(value_of(self._objective, end.val))
        self.reason = self._pruner.judge(self._number, self._values, end.is_last, self._stored) or ""
        return self.reason or None

    def state_dict(self) -> dict[str, Any]:
        """Return the values of the epochs done, and the reason."""
        return {"values": list(self._values), "reason": self.reason}

    def load_state_dict(self, state: dict[str, Any]) -> str | None:
        """Continue after these values. Returns why the trial is pruned, if it was stopped before its end."""
        self._values = [float(value) for value in state["values"]]
        self.reason = str(state["reason"])
        return self.reason or None


def pruning_of(folder: Path, trial: Trial) -> Pruning | None:
    """Return the callback that prunes a trial; None if nothing is pruned, or if it was taken further.

    Args:
        folder: The folder of its sweep.
        trial: The trial.

    Raises:
        RunError: The sweep cannot be read.
        OSError: Its trials cannot be read.
    """
    record, number = read_record(folder), trial.number
    pruner = SweepOptions(**dict(record.options)).build_pruner(record.objective)
    journal = Journal(folder / JOURNAL)
    journal.refresh_trial(number)
    if pruner is None or any(entry.state is State.PRUNED for entry in journal.entries(number)):
        return None
    siblings = repetitions(folder / TRIALS, trial) if SEED in record.swept else []
    for sibling in siblings:
        journal.refresh_trial(sibling)
    if any(sibling < number and journal.state(sibling) is not State.FAILED for sibling in siblings):
        pruner = WithItsSetting(journal, siblings)
    return Pruning(pruner, EpochValues(folder / VALUES), number, record.objective)
