"""What a sweep does before its trials start, in one line that is written anew in a terminal."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from convboard.config.command_line import printable

_INTERVAL = 0.1  # seconds between two changes of the line
_PATIENCE = 10.0  # seconds after which an output that is no terminal gets a line as well


class StatusLine:
    """A line about what is being done. It vanishes at the end.

    Args:
        console: Where to.
        clock: The time in seconds.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._shown = self._clock()
        self._told: set[str] = set()

    def __enter__(self) -> "StatusLine":
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def show(self, label: str, done: int, total: int) -> None:
        """Show how much is done.

        Args:
            label: What is done, such as `composing`.
            done: How many of them.
            total: Their number.
        """
        waited = self._clock() - self._shown
        if self._console.is_interactive and waited > _INTERVAL:
            self._shown += waited
            self._live.start()
            self._live.update(Text(f"{label + ':':<12}{done:,} of {total:,}"), refresh=True)
        elif not self._console.is_interactive and waited > _PATIENCE and label not in self._told and done < total:
            self._told.add(label)
            self._console.print(f"{label + ':':<12}{done:,} of {total:,} so far")

    def print(self, text: str) -> None:
        """Print a line of its own, which stays."""
        self._console.print(Text(printable(text)))
