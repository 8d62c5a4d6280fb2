"""The process of one trial: trains it, or goes on with it, and reports to the pool."""

import math
import os
import time
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from convboard.config.schema import TrainConfig
from convboard.errors import RunError
from convboard.experiment.run_dir import CONFIG, LOCK
from convboard.files import empty, locked, make_folder
from convboard.sweeps.reports import Activity, Progress
from convboard.sweeps.sweep_folder import LOG
from convboard.sweeps.trials import Trial
from convboard.training.callbacks import EpochEnd, FitEnd, FitStart, Step

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


class ReportProgress:
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

    def on_step(self, step: Step) -> None:
        """See `Callback`."""

    def on_epoch_end(self, end: EpochEnd) -> None:
        """See `Callback`."""
        value = end.val.loss if self._objective.startswith("loss") else end.val.accuracy
        with suppress(OSError):  # the pool has ended; so will this process
            self._reports.send(Progress(end.epoch, self._max_epochs, value, end.images_per_second))

    def on_fit_end(self, end: FitEnd) -> None:
        """See `Callback`."""

    def state_dict(self) -> dict[str, Any]:
        """See `Callback`; there is no state."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Callback`; there is no state."""
