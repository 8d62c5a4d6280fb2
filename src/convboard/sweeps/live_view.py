"""A sweep in the terminal while it runs: what runs, what has failed, the best so far, and the time that is left."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from convboard.config.command_line import printable
from convboard.sweeps.journal import Entry, State
from convboard.sweeps.reports import Progress
from convboard.sweeps.sweep_folder import LOG, Sweep
from convboard.sweeps.trials import Trial

_STYLES = {State.FINISHED: "green", State.FAILED: "red", State.PRUNED: "yellow", State.INTERRUPTED: "yellow"}
_OVER = (State.FINISHED, State.PRUNED, State.FAILED)
_MOST_SHOWN = 16  # running trials


def format_value(objective: str, value: float) -> str:
    """Return a value of the objective for people: an accuracy in percent, a loss with four digits."""
    return f"{value:.2%}" if objective.startswith("accuracy") else f"{value:.4f}"


def format_duration(seconds: float) -> str:
    """Return a time as `12 s`, `3:05 min` or `2:10 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


@dataclass
class _Running:
    trial: Trial
    began: float
    progress: Progress | None = None

    def done(self) -> float:
        """Share of its epochs that it has done."""
        return self.progress.epoch / self.progress.max_epochs if self.progress else 0.0


class LiveView:
    """A listener of the pool that shows the sweep; in an interactive terminal with a table of what runs.

    Args:
        console: Where to.
        sweep: The sweep.
        places: Number of trials that run at a time.
        clock: The time in seconds.
    """

    def __init__(
        self, console: Console, sweep: Sweep, places: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._sweep, self._places, self._clock = console, sweep, places, clock
        self._running: dict[int, _Running] = {}
        self._seconds: list[float] = []  # of the trials that finished here
        self._live = Live(console=console, auto_refresh=False, transient=True, get_renderable=self._table)

    def __enter__(self) -> "LiveView":
        if self._console.is_interactive:
            self._live.start(refresh=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def on_start(self, trial: Trial) -> None:
        """See `Listener`."""
        self._running[trial.number] = _Running(trial, self._clock())
        self.on_tick()

    def on_progress(self, trial: Trial, progress: Progress) -> None:
        """See `Listener`."""
        self._running[trial.number].progress = progress
        self.on_tick()

    def on_end(self, trial: Trial, end: Entry) -> None:
        """See `Listener`."""
        del self._running[trial.number]
        if end.state is State.FINISHED and end.seconds is not None:
            self._seconds.append(end.seconds)
        for line in self._end(trial, end):
            self._console.print(line, soft_wrap=True, highlight=False)
        self.on_tick()

    def on_tick(self) -> None:
        """See `Listener`."""
        if self._live.is_started:
            self._live.refresh()

    def _end(self, trial: Trial, end: Entry) -> Iterator[Text]:
        """Yield what is said of a trial that has ended."""
        counts = self._sweep.journal.count(range(len(self._sweep.trials)))
        ended = sum(counts[state] for state in _OVER)
        width = len(str(self._sweep.total))
        place = f"{ended:>{width}}/{self._sweep.total} " if end.state in _OVER else " " * (2 * width + 2)
        text = Text.assemble(place, (f"{end.state:<12}", _STYLES[end.state]), f"{trial.number:>{width}}  ")
        text.append(printable(trial.name))
        if end.value is not None:
            text.append(f"  {self._sweep.record.objective} {format_value(self._sweep.record.objective, end.value)}")
        if end.seconds is not None:
            text.append(f"  {format_duration(end.seconds)}", "dim")
        yield text
        if end.state is State.FAILED:
            indent = " " * (2 * width + 2)
            yield Text(f"{indent}{printable(end.reason)}", "red")
            yield Text(f"{indent}log: {self._sweep.run_dir(trial.number) / LOG}", "dim")
            yield Text(f"{indent}alone: {trial.command}", "dim")

    def _last(self, number: int) -> Entry | None:
        entries = self._sweep.journal.entries(number)
        return entries[-1] if entries else None

    def _table(self) -> Group:
        """Return what is shown below the lines of the trials that have ended."""
        objective = self._sweep.record.objective
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("running", "epoch", "", "val", "images/s", "time"):
            table.add_column(title, justify="left" if title in ("running", "") else "right", no_wrap=True)
        for one in list(self._running.values())[:_MOST_SHOWN]:
            progress = one.progress
            table.add_row(
                Text(printable(one.trial.name), overflow="ellipsis"),
                f"{progress.epoch}/{progress.max_epochs}" if progress else "",
                ProgressBar(total=1.0, completed=one.done(), width=12),
                format_value(objective, progress.objective) if progress else "",
                f"{progress.images_per_second:,.0f}" if progress else "",
                format_duration(self._clock() - one.began),
            )
        return Group("", table, "", *self._summary())

    def _summary(self) -> Iterator[Text]:
        """Yield the number of trials in each state with the time that is left, and the best trial so far."""
        counts = self._sweep.journal.count(range(len(self._sweep.trials)))
        parts = [f"{counts[state]} {state}" for state in State if counts[state]]
        if to_come := self._sweep.total - len(self._sweep.trials):
            parts.append(f"{to_come} to propose")
        left = self.seconds_left()
        if left is not None:
            parts.append(f"about {format_duration(left)} left")
        yield Text(" · ".join(parts))
        best = self._best()
        if best is not None:
            number, value = best
            shown = format_value(self._sweep.record.objective, value)
            name = printable(self._sweep.trials[number].name)
            yield Text(f"best: {name}  {self._sweep.record.objective} {shown}", overflow="ellipsis", no_wrap=True)

    def _best(self) -> tuple[int, float] | None:
        """Return the best trial that finished, and its objective."""
        sign = 1 if self._sweep.record.is_maximised else -1
        values = [
            (sign * entry.value, -trial.number)
            for trial in self._sweep.trials
            if (entry := self._last(trial.number)) and entry.state is State.FINISHED and entry.value is not None
        ]
        if not values:
            return None
        value, number = max(values)
        return -number, sign * value

    def seconds_left(self) -> float | None:
        """Return an estimate of the time until all trials have ended; None before one has finished here.

        It takes each trial for as long as those that have finished here were in the mean.
        """
        if not self._seconds:
            return None
        counts = self._sweep.journal.count(range(len(self._sweep.trials)))
        waiting = counts[State.WAITING] + counts[State.INTERRUPTED] + self._sweep.total - len(self._sweep.trials)
        running = sum(max(0.0, 1 - one.done()) for one in self._running.values())
        return fmean(self._seconds) * (waiting + running) / self._places
