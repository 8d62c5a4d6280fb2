"""Progress of a run in the terminal: a bar if the terminal is interactive, and a line for each epoch."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from convboard.training.callbacks import Callback, EpochEnd, FitEnd, FitStart, Step
from convboard.training.metrics import StepMetrics

REFRESH_SECONDS = 0.2


def loss_text(loss: float) -> str:
    """Return a loss in at most ten characters: `2.3026`, or `1.4203e+23`."""
    return f"{loss:.4e}" if 1e5 <= abs(loss) < math.inf else f"{loss:.4f}"


class ProgressDisplay(Callback):
    """A callback that shows epoch, loss, accuracy, images/s and the remaining time, and prints a line for each epoch.

    It must be the last callback, so that the time of the others at the end of an epoch does not count as training time.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None

    def on_fit_start(self, start: FitStart) -> None:
        """See `Callback`."""
        self._max_epochs = start.max_epochs
        if start.epoch >= start.max_epochs:
            return  # a finished run, which is only tested again
        self._console.print(
            f"{'epoch':>9}{'train loss':>13}{'accuracy':>10}{'val loss':>11}{'accuracy':>10}{'images/s':>12}"
        )
        if not self._console.is_interactive:
            return
        self._bar = Progress(
            TextColumn("{task.fields[epoch]:>9}"),
            # The line must not be full: a terminal that echoes ^C would wrap it, and rich could not erase it.
            BarColumn(bar_width=min(max(self._console.width - 73, 5), 40)),
            TextColumn("{task.fields[metrics]:<45}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._console,
            auto_refresh=False,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task(
            "",
            total=start.max_epochs * start.steps_per_epoch,
            completed=start.global_step,
            epoch=self._place(start.epoch + 1),
            metrics="",
        )
        self._recent = _RecentSteps()
        self._bar.start()
        self._bar.refresh()

    def on_step(self, step: Step) -> None:
        """See `Callback`."""
        if self._bar is None:
            return
        self._recent.add(step)
        if self._recent.seconds >= REFRESH_SECONDS:
            metrics, place = self._recent.describe_and_reset(), self._place(step.epoch)
            self._bar.update(self._task, completed=step.global_step, epoch=place, metrics=metrics)
            self._bar.refresh()

    def on_epoch_end(self, end: EpochEnd) -> None:
        """See `Callback`."""
        self._console.print(
            f"{self._place(end.epoch):>9}{loss_text(end.train_loss):>13}{end.train_accuracy:>10.2%}"
            f"{loss_text(end.val.loss):>11}{end.val.accuracy:>10.2%}{end.images_per_second:>12,.0f}"
        )
        if self._bar is not None:
            self._recent.pause()

    def on_fit_end(self, end: FitEnd) -> None:
        """See `Callback`."""
        if self._bar is not None:
            self._bar.stop()

    def _place(self, epoch: int) -> str:
        """Return an epoch as ` 3/15`."""
        return f"{epoch:>{len(str(self._max_epochs))}}/{self._max_epochs}"


class _RecentSteps:
    """The steps since the bar was last drawn: their speed, and mean loss and accuracy.

    Reading the means would wait for the device. Those of the steps before the last refresh are shown instead.
    """

    def __init__(self) -> None:
        self._metrics = StepMetrics()
        self._earlier = StepMetrics()
        self._began = self._latest = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds that the steps took."""
        return self._latest - self._began

    def add(self, step: Step) -> None:
        """Add the step that was just taken."""
        self._metrics.add(step)
        self._latest = time.perf_counter()

    def pause(self) -> None:
        """Do not count the time since the latest step as training time."""
        self._began += time.perf_counter() - self._latest

    def describe_and_reset(self) -> str:
        """Return the speed now, and loss and accuracy as of the last call."""
        means = ""
        if self._earlier.samples and self._earlier.is_ready():
            loss, accuracy = self._earlier.means()
            means = f"loss {loss_text(loss)}  accuracy {accuracy:7.2%}  "
        metrics = f"{means}{self._metrics.samples / self.seconds:>9,.0f} images/s"
        self._metrics.copy()
        self._earlier, self._metrics = self._metrics, StepMetrics()
        self._began = self._latest
        return metrics
