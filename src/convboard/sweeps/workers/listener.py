"""Who is told what a pool does."""

from typing import Protocol

from convboard.sweeps.store.entries import Entry
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.workers.reports import Progress


class Listener(Protocol):
    """Who is told what the pool does."""

    def on_start(self, trial: Trial) -> None:
        """A trial has been started here."""

    def on_progress(self, trial: Trial, progress: Progress) -> None:
        """A trial that runs here has done an epoch."""

    def on_end(self, trial: Trial, end: Entry) -> None:
        """A trial that ran here has ended."""

    def on_stop(self, reason: str) -> None:
        """No further trial is started, and those that run save and end."""

    def on_tick(self) -> None:
        """Some time has passed, or something has happened."""
