"""The callbacks that write the `summary.json` and the `curves.csv` of a run; see `run_summary`."""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from convboard.config.error_messages import explain
from convboard.config.schema import TrainConfig
from convboard.experiment.run_files import RESULT
from convboard.experiment.run_summary import COLUMNS, CURVES, INTERRUPTED, RUNNING, write_summary
from convboard.files import atomic_write_text, read_text, sync
from convboard.training.callbacks import Callback, EpochEnd, FitStart, Step
from convboard.training.signals import Interrupted

_HEADER = ",".join(COLUMNS) + "\n"
_LONGEST = 100_000_000  # bytes of curves
_SYNC_SECONDS = 30.0


class SummaryFile(Callback):
    """A callback that writes the summary of a run when it begins. How it ends is only known after the training.

    Args:
        run_dir: The run directory.
        config: The config, as `config.yaml` has it.
        environment: Versions, device and the like, by name.
        started: When the run was started, in seconds since 1970; None: now.
    """

    def __init__(
        self, run_dir: Path, config: Mapping[str, Any], environment: Mapping[str, str], started: float | None = None
    ) -> None:
        self._run_dir, self._config, self._environment = run_dir, config, environment
        self._started = time.time() if started is None else started

    @contextmanager
    def recording_failure(self) -> Iterator[None]:
        """Within, an error that ends the run is recorded. A run that has a result has not failed."""
        try:
            yield
        except BaseException as error:
            if not (self._run_dir / RESULT).exists():
                with suppress(OSError):  # the cause matters more
                    self.end(*_end_by(error))
            raise

    def end(self, state: str, reason: str = "") -> None:
        """Record how the run has ended.

        Args:
            state: finished, pruned, failed or interrupted.
            reason: Why, unless it has finished.

        Raises:
            OSError: The file cannot be written.
        """
        self._write(state, reason, time.time())

    def on_fit_start(self, start: FitStart) -> None:
        """Record that the run has begun."""
        self._write(RUNNING, "", None)

    def _write(self, state: str, reason: str, ended: float | None) -> None:
        content = {"state": state, "reason": reason, "started": self._started, "ended": ended}
        write_summary(self._run_dir, content | {"config": self._config, "environment": self._environment})


def _end_by(error: BaseException) -> tuple[str, str]:
    """Return the state of a run that an error has ended, and the reason."""
    if isinstance(error, Interrupted):
        return INTERRUPTED, str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted before the first step"
    mistake = explain(error, TrainConfig, ()) if isinstance(error, Exception) else None
    return "failed", f"{type(error).__name__}: {error}" if mistake is None else str(mistake)


class CurvesFile(Callback):
    """A callback that appends a line to `curves.csv` at the end of each epoch.

    A resumed run repeats the steps since its last checkpoint, so the lines behind it are cut off first: each epoch is
    there once. To wait for the disk at each checkpoint would cost several milliseconds, so the checkpoint has the lines
    for which this was not done.

    Args:
        run_dir: The run directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / CURVES
        self._lr = math.nan  # of the latest step
        self._text = ""  # the whole content
        self._pending: list[str] = []  # lines that are not known to be on disk
        self._synced_at = time.monotonic()

    def on_fit_start(self, start: FitStart) -> None:
        """Cut off the lines that the checkpoint does not cover, or begin the file."""
        lines = _valid_lines([*_stored_lines(self._path), *self._pending], start.global_step)
        self._text = _HEADER + "".join(lines)
        atomic_write_text(self._path, self._text)
        self._pending = []

    def on_step(self, step: Step) -> None:
        """Note the learning rate."""
        self._lr = step.lr

    def on_epoch_end(self, end: EpochEnd) -> None:
        """Append a line."""
        measured = f"{time.time():.3f}", f"{end.images_per_second:.1f}"
        values = self._lr, end.train_loss, end.train_accuracy, end.val.loss, end.val.accuracy
        line = ",".join([str(end.epoch), str(end.global_step), *measured, *map(repr, values)]) + "\n"
        before, self._text = self._text, self._text + line
        if not _append(self._path, len(before), line):  # somebody has removed or changed it
            atomic_write_text(self._path, self._text)
        self._pending.append(line)

    def state_dict(self) -> dict[str, Any]:
        """Return the lines that are not known to be on disk."""
        if self._pending and time.monotonic() - self._synced_at > _SYNC_SECONDS:
            with suppress(FileNotFoundError):  # removed; it is written again
                sync(self._path)
                self._pending, self._synced_at = [], time.monotonic()
        return {"pending": list(self._pending)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after these lines."""
        self._pending = list(map(str, state["pending"]))


def _stored_lines(path: Path) -> list[str]:
    """Return the lines of a file of curves; none if it is missing or something else."""
    with suppress(OSError, ValueError):
        header, *lines = read_text(path, _LONGEST).splitlines(keepends=True)
        return lines if header == _HEADER else []
    return []


def _valid_lines(lines: Sequence[str], step: int) -> list[str]:
    """Return the whole lines up to a step in the order of their epochs, each epoch once."""
    found: dict[int, str] = {}
    for line in lines:
        cells = line.split(",")
        is_whole = len(cells) == len(COLUMNS) and line.endswith("\n") and cells[0].isdecimal() and cells[1].isdecimal()
        if is_whole and int(cells[1]) <= step:
            found[int(cells[0])] = line
    return [found[epoch] for epoch in sorted(found)]


def _append(path: Path, length: int, line: str) -> bool:
    """Append a line to a file. Returns whether it was there and had this length before; a link is not followed."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        with os.fdopen(descriptor, "ab") as file:
            if os.fstat(descriptor).st_size != length:
                return False
            file.write(line.encode())
        return True
    except OSError as error:
        error.filename = str(path)  # the error of a full disk has no file name
        raise
