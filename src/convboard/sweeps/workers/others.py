"""What the other processes of a sweep have done: a pool looks for it now and then."""

import time
from collections.abc import Callable, Sequence

from convboard.sweeps.store.liveness import Observer
from convboard.sweeps.store.losses import interrupt_lost
from convboard.sweeps.store.stop_requests import count_stops, is_stopped
from convboard.sweeps.store.sweep_folder import Sweep

_LARGEST_SHARE = 0.05  # of the time, for reading the journal: workers that share a slow file server read less often


class Others:
    """Looks for what others have done to a sweep.

    Args:
        sweep: The sweep.
        worker: The id of this worker.
        stops: Number of requests to stop that are not meant for it, see `stop_requests`; None: those so far.
        interval: Seconds between two looks at least.
        clock: Gives seconds, from any start.

    Attributes:
        have_cancelled: Whether this worker has been asked to stop.
    """

    def __init__(
        self,
        sweep: Sweep,
        worker: str,
        stops: int | None,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sweep, self._worker, self._interval, self._clock = sweep, worker, interval, clock
        self._stops = count_stops(sweep.folder) if stops is None else stops
        self._observer = Observer(sweep.workers)
        self._next_look = self._next_reading = clock()
        self.have_cancelled = False

    def look(self) -> Sequence[int]:
        """Read the journal if that is due, and interrupt in it the trials of workers that have ended.

        Returns:
            Those trials.

        Raises:
            OSError: The folder of the sweep cannot be read or written.
        """
        now = self._clock()
        if now < self._next_look:
            return []
        self._next_look = now + self._interval
        if now >= self._next_reading:
            self._sweep.refresh()
            self._sweep.journal.compact(self._worker)
            self._next_reading = now + (self._clock() - now) / _LARGEST_SHARE
        self.have_cancelled = is_stopped(self._sweep.folder, self._stops)
        return interrupt_lost(self._sweep.journal, self._observer, self._worker)
