"""A sweep in the terminal while it runs: what runs, what has failed, the best so far, and the time that is left."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from convboard.config.command_line import printable
from convboard.config.objectives import format_metric
from convboard.experiment.console import counted
from convboard.sweeps.store.entries import OVER, Entry, State
from convboard.sweeps.store.liveness import host_of
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.terminal.progress_elsewhere import read_progress
from convboard.sweeps.terminal.sweep_progress import RunningTrial, Snapshot, SweepProgress
from convboard.sweeps.terminal.trial_lines import STYLES, format_duration, trial_lines
from convboard.sweeps.workers.reports import Progress

_MOST_SHOWN = 16  # running trials
_HOST = 16  # columns for the name of a machine
_BELOW = 8  # lines of a terminal that are no running trial
_WIDE = 100  # columns from which there is room for longer bars and titles
_BESIDE = 50  # columns that a table needs beside the swept values
_FOR_TIMES = 34  # columns
_INTERVAL = 0.5  # seconds between two pictures in a terminal, each of which takes some milliseconds
_LINE_INTERVAL = 60.0  # seconds between two lines of progress elsewhere
_WORKERS_INTERVAL = 5.0  # seconds between two looks for workers
_TELL_INTERVAL = 1.0  # seconds between two looks for trials that others have ended
_LARGEST_SHARE = 0.02  # of the time, for looking at the state of all trials
_CHEAP = 0.005  # seconds of a look that is taken whenever a trial has ended


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Return the last part of each key, `lr` for `optimizer.lr`, or the whole key if two have the same last part."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: part if last.count(part) == 1 else key for key, part in zip(keys, last, strict=True)}


class LiveView:
    """A listener of the pool that shows the sweep; in an interactive terminal with a table of what runs.

    Args:
        console: Where to.
        sweep: The sweep.
        places: Number of trials that run at a time.
        clock: The time in seconds.
        workers: Describes the workers of the sweep; None: they are not shown.
    """

    def __init__(
        self,
        console: Console,
        sweep: Sweep,
        places: int,
        clock: Callable[[], float] = time.monotonic,
        workers: Callable[[], str] | None = None,
    ) -> None:
        self._console, self._sweep, self._clock = console, sweep, clock
        self._describe_workers, self._workers, self._next_workers = workers, "", clock()
        self._progress = SweepProgress(sweep, places, clock)
        self._began = self._drawn = self._said = self._told = clock()
        self._untold: list[tuple[Trial, Entry]] = []  # trials that others have ended
        self._snapshot, self._next_snapshot, self._look_seconds = self._progress.snapshot(), clock(), 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True, get_renderable=self.picture)

    def __enter__(self) -> "LiveView":
        if self._console.is_interactive:
            self._live.start(refresh=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()
        self._next_snapshot = self._clock()
        self._tell()

    def on_start(self, trial: Trial) -> None:
        """See `Listener`."""
        self._progress.start(trial)
        self.on_tick()

    def on_progress(self, trial: Trial, progress: Progress) -> None:
        """See `Listener`."""
        self._progress.report(trial, progress)
        self.on_tick()

    def on_end(self, trial: Trial, end: Entry) -> None:
        """See `Listener`."""
        self._progress.end(trial, end)
        if self._look_seconds < _CHEAP:
            self._next_snapshot = self._clock()
        self.on_tick()  # before the lines, since the last picture is drawn again below them
        self._tell((trial, end))

    def on_stop(self, reason: str) -> None:
        """See `Listener`."""
        running = len(self._progress.running)
        saving = f"; {counted(running, 'trial')} being saved" if running else ""
        again = "; interrupt again to end them at once" if running and reason == "interrupted" else ""
        self._print(Text(f"stopping: {reason}{saving}{again}"))

    def on_tick(self) -> None:
        """See `Listener`."""
        now = self._clock()
        if self._live.is_started and now - self._drawn >= _INTERVAL:
            self._live.refresh()
            self._drawn = self._clock()
        elif not self._live.is_started and now - self._said >= _LINE_INTERVAL:
            snapshot = self._looked()
            workers = [f"   {text}"] if (text := self._described_workers()) else []
            self._print(Text.assemble(self._counts(snapshot), "   ", self._times(snapshot), *workers))
            self._said = now
        if now - self._told >= _TELL_INTERVAL:
            self._told = now
            self._tell()

    def _tell(self, *own: tuple[Trial, Entry]) -> None:
        """Print what has ended: trials of other workers, as far as they are known, and one that ran here."""
        snapshot, ended = self._looked(), [*self._untold, *own]
        self._untold = []
        over = snapshot.over + self._progress.ended - sum(end.state in OVER for _, end in ended)
        for trial, end in ended:
            over += end.state in OVER
            lines = trial_lines(self._sweep, trial, end, over, snapshot.total, is_own=(trial, end) in own)
            self._print(Text("\n").join(lines))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True, highlight=False)

    def _looked(self) -> Snapshot:
        """Return how far the sweep is. With very many trials, that is looked up less often."""
        began = self._clock()
        if began >= self._next_snapshot:
            self._snapshot = self._progress.snapshot()
            self._untold += self._snapshot.ended_elsewhere
            self._look_seconds = self._clock() - began
            self._next_snapshot = began + self._look_seconds / _LARGEST_SHARE
        return self._snapshot

    def picture(self) -> RenderableType:
        """Return what is shown below the lines of the trials that have ended."""
        snapshot = self._looked()
        most = min(_MOST_SHOWN, max(1, self._console.height - _BELOW))
        shown = list(self._progress.running.values())[:most]
        others = snapshot.elsewhere[: most - len(shown)]
        parts: list[RenderableType] = ["", self._table(shown, others)]
        if more := len(self._progress.running) + len(snapshot.elsewhere) - len(shown) - len(others):
            elsewhere = len(snapshot.elsewhere) - len(others)
            by_others = f", {elsewhere:,} of them by other workers" if elsewhere else ""
            parts.append(Text(f"and {more:,} more{by_others}", "dim"))
        parts += ["", self._bar(snapshot).append("  ").append_text(self._times(snapshot)), self._counts(snapshot)]
        if workers := self._described_workers():
            parts.append(Text(workers, "dim"))
        if snapshot.best is not None:
            trial, value = snapshot.best
            objective = self._sweep.record.objective
            text = Text.assemble(("best ", "dim"), (format_metric(objective, value), "bold green"), no_wrap=True)
            parts.append(text.append(f" {objective}   {printable(trial.name)}"))
            text.overflow = "ellipsis"
        return Group(*parts)

    def _described_workers(self) -> str:
        """Return what there is to say of the workers, which is found out now and then; empty if nothing is shown."""
        if self._describe_workers is not None and self._clock() >= self._next_workers:
            self._workers = self._describe_workers()
            self._next_workers = self._clock() + _WORKERS_INTERVAL
        return self._workers

    def _table(self, shown: Sequence[RunningTrial], others: Sequence[Trial]) -> Table:
        """Return the table of trials that run here, and below them of those that others run."""
        is_wide, metric = self._console.width >= _WIDE, self._sweep.record.objective.split("/")[0]
        keys = self._keys([*(one.trial for one in shown), *others])
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("trial", justify="right", no_wrap=True)
        for short in keys.values():
            table.add_column(short, overflow="ellipsis")
        for title, width in (("epoch", 5), ("", 6), (f"{metric}/val" if is_wide else "val", 7), ("images/s", 8)):
            table.add_column(title, justify="right", no_wrap=True, min_width=width)
        table.add_column("time", justify="right", no_wrap=True, min_width=8)
        if others:
            table.add_column("on", no_wrap=True, max_width=_HOST)
        for one in shown:
            row = self._row(one.progress, one.done(), self._clock() - one.began)
            table.add_row(str(one.trial.number), *_values(one.trial, keys), *row)
        for trial in others:
            table.add_row(str(trial.number), *_values(trial, keys), *self._row_elsewhere(trial), style="dim")
        return table

    def _row(self, progress: Progress | None, done: float, seconds: float) -> list[RenderableType]:
        """Return the cells that tell how far a trial is."""
        metric, width = self._sweep.record.objective.split("/")[0], 12 if self._console.width >= _WIDE else 6
        return [
            f"{progress.epoch}/{progress.max_epochs}" if progress else "",
            ProgressBar(1.0, done, width, complete_style="cyan", finished_style="cyan"),
            format_metric(metric, progress.objective) if progress else "",
            f"{progress.images_per_second:,.0f}" if progress else "",
            format_duration(seconds),
        ]

    def _row_elsewhere(self, trial: Trial) -> list[RenderableType]:
        """Return the same cells for a trial that another worker runs, with the machine of that."""
        sweep, most = self._sweep, trial.config["trainer"]["max_epochs"]
        entry = sweep.journal.entries(trial.number)[-1]
        progress = read_progress(sweep.run_dir(trial.number), most, sweep.record.objective)
        row = self._row(progress, progress.epoch / most if progress else 0.0, max(0.0, time.time() - entry.time))
        return [*row, Text(printable(host_of(entry.worker)), no_wrap=True, overflow="ellipsis")]

    def _keys(self, shown: Sequence[Trial]) -> dict[str, str]:
        """Return the swept keys, with their titles: without room for all, those in which the shown trials differ."""
        keys = short_keys(self._sweep.record.swept)
        values = {key: {trial.swept.get(key, "") for trial in shown} for key in keys}
        widths = [max(map(len, (title, *values[key]))) + 2 for key, title in keys.items()]
        if sum(widths) <= self._console.width - _BESIDE:
            return keys
        return {key: title for key, title in keys.items() if len(values[key]) > 1}

    def _bar(self, snapshot: Snapshot) -> Text:
        """Return a bar that is as long for each state as it has trials."""
        width, done, text = min(self._console.width, _WIDE) - _FOR_TIMES, 0, Text(no_wrap=True)
        for state in (*OVER, State.RUNNING):
            before, done = done, done + snapshot.counts[state]
            text.append("━" * (width * done // snapshot.total - width * before // snapshot.total), STYLES[state])
        return text.append("━" * (width - width * done // snapshot.total), "bright_black")

    def _times(self, snapshot: Snapshot) -> Text:
        """Return the time that the sweep has taken here, and the time that it still takes."""
        text = Text(format_duration(self._clock() - self._began))
        if snapshot.seconds_left is not None:
            text.append(f", about {format_duration(snapshot.seconds_left)} left", "bold")
        return text

    def _counts(self, snapshot: Snapshot) -> Text:
        """Return the number of trials in each state."""
        text = Text(f"{snapshot.over:,} of {snapshot.total:,}")
        for state in (*OVER, State.INTERRUPTED, State.RUNNING, State.WAITING):
            if count := snapshot.counts[state]:
                text.append(" · ", "dim").append(f"{count:,} {state}", STYLES[state])
        if snapshot.to_propose:
            text.append(" · ", "dim").append(f"{snapshot.to_propose:,} to propose", "dim")
        return text


def _values(trial: Trial, keys: Iterable[str]) -> Iterator[Text]:
    """Yield the swept values of a trial for the cells of a table."""
    for key in keys:
        yield Text(printable(trial.swept.get(key, "")), no_wrap=True, overflow="ellipsis")
