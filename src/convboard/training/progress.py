"""The run in the terminal: a bar where a person looks on, plain lines where the output goes to a file."""

import time
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from convboard.training.observer import EpochEnd, FitEnd, FitStart, Step

REFRESH_SECONDS = 0.2


class ProgressDisplay:
    """An observer that shows epoch, loss, accuracy, images/s and the time left.

    The bar's loss is the one of the refresh before: copied without waiting for the device, read at the next refresh.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._start: FitStart | None = None
        self._shown_at = 0.0
        self._shown_samples = 0
        self._samples = 0
        self._loss = torch.zeros(())
        self._rate = ""

    def on_fit_start(self, start: FitStart) -> None:
        """See `Observer`."""
        self._start = start
        self._shown_at = time.perf_counter()
        self._loss = torch.zeros((), pin_memory=start.device.type == "cuda")
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
                BarColumn(bar_width=None),
                TextColumn("{task.percentage:>3.0f} %  {task.fields[figures]}"),
                TimeRemainingColumn(compact=True),
                TextColumn("left"),
                console=self._console,
                auto_refresh=False,
                transient=True,
            )
            total = start.max_epochs * start.steps_per_epoch
            self._task = self._bar.add_task(
                "",
                total=total,
                completed=start.global_step,
                epoch=start.epoch + 1,
                epochs=start.max_epochs,
                figures="",
            )
            self._bar.start()

    def on_step(self, step: Step) -> None:
        """See `Observer`."""
        if self._bar is None:
            return
        self._samples += step.samples
        now = time.perf_counter()
        elapsed = now - self._shown_at
        if elapsed < REFRESH_SECONDS:
            return
        rate = (self._samples - self._shown_samples) / elapsed
        figures = f"loss {float(self._loss):.4f}  {rate:,.0f} images/s"
        self._bar.update(self._task, completed=step.global_step, epoch=step.epoch, figures=figures)
        self._bar.refresh()
        self._loss.copy_(step.loss, non_blocking=True)
        self._shown_at, self._shown_samples = now, self._samples

    def on_epoch_end(self, end: EpochEnd) -> None:
        """See `Observer`."""
        assert self._start is not None
        width = len(str(self._start.max_epochs))
        self._console.print(
            f"epoch {end.epoch:>{width}}/{self._start.max_epochs}"
            f"   train loss {end.train_loss:.4f}  accuracy {end.train_accuracy:7.2%}"
            f"   val loss {end.val.loss:.4f}  accuracy {end.val.accuracy:7.2%}"
            f"   {end.images_per_second:>9,.0f} images/s",
            highlight=False,
            soft_wrap=True,
        )
        self._shown_at = time.perf_counter()

    def on_fit_end(self, end: FitEnd) -> None:
        """See `Observer`."""
        if self._bar is not None:
            self._bar.stop()

    def state_dict(self) -> dict[str, Any]:
        """See `Observer`: nothing to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Observer`: nothing to keep."""
