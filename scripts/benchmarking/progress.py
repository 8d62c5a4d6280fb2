"""What a benchmark says while it measures: a line on stderr as each step of it begins."""

import sys
import time
from collections.abc import Sequence


class Progress:
    """Tells what begins, and about how long the rest of its part will take, by what it has taken so far.

    Args:
        part: Of what this is the progress.
        amounts: How much work each step is, in any unit.
        at_most: Whether the part may end before all steps are taken.
    """

    def __init__(self, part: str, amounts: Sequence[float], *, at_most: bool = False) -> None:
        self._part = part
        self._amounts = amounts
        self._about = "at most about" if at_most else "about"
        self._stream = sys.stderr  # not when it is used: a progress bar takes it for itself meanwhile
        self._taken = 0
        self._began = time.perf_counter()

    def begin(self, what: str) -> None:
        """Say that the next step begins."""
        done, left = sum(self._amounts[: self._taken]), sum(self._amounts[self._taken :])
        self._taken += 1
        line = f"{self._part} {self._taken}/{len(self._amounts)}: {what}"
        if done:
            seconds = (time.perf_counter() - self._began) * left / done
            line += f"; {self._about} {f'{seconds:.0f} s' if seconds < 100 else f'{seconds / 60:.0f} min'} left"
        print(line, file=self._stream, flush=True)
