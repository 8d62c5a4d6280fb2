"""Shorter waits in a loop for OpenMP's threads, while other processes need their cores.

A thread of GNU OpenMP that waits for the others runs in a loop (it spins) for some milliseconds before it sleeps. On an
idle machine this makes short operations faster. Where other processes compute too, it takes a core from the thread that
it waits for, and a run is several times slower.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from convboard.training.execution_plan.other_load import OtherLoad, core_count, usable_cores

FIRST = 0.2  # seconds of the first measurement of the load: short runs profit too
PERIOD = 1.0  # seconds of each later one
MIN_SHORTAGE = 0.4  # of a core: less than what a busy process gets, more than what an idle desktop uses
MIN_ELEMENTS = 1 << 16  # of an operation, for each thread: torch divides operations of more than 2^15 elements


@contextmanager
def limit_spinning() -> Iterator[None]:
    """Limit spinning while other processes and this one's threads need more cores than there are.

    The number of spins is fixed when OpenMP is loaded, but GNU OpenMP takes a smaller one while a process has more
    threads of OpenMP than cores (see GOMP_SPINCOUNT in its manual). So idle threads of OpenMP are added. They compute
    nothing, and results do not change. Nothing is done where the user has set `GOMP_SPINCOUNT` or `OMP_WAIT_POLICY`,
    or outside of Linux; where torch has another OpenMP, it has no effect.
    """
    threads = torch.get_num_threads()
    is_chosen = "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ
    if threads == 1 or is_chosen or sys.platform != "linux":
        yield
        return
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(threads, ended), name="spin limit", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(threads: int, ended: threading.Event) -> None:
    """Add idle threads while cores are short, until `ended` is set."""
    idle: IdleThreads | None = None
    load, period, beyond_quota = OtherLoad(), FIRST, threads - core_count()
    while not ended.wait(period):
        is_short = max(load.cores() + threads - len(usable_cores()), beyond_quota) > MIN_SHORTAGE
        load, period = OtherLoad(), PERIOD
        if is_short and idle is None:
            idle = IdleThreads(threads)
        elif not is_short and idle is not None:
            idle.end()
            idle = None
    if idle is not None:
        idle.end()


class IdleThreads:
    """Threads of OpenMP that sleep until `end`, as many as make them more than the cores.

    Each thread that runs an operation of torch gets a team of `threads - 1` others, which live as long as it.

    Args:
        threads: Number of threads of an operation, at least 2.
    """

    def __init__(self, threads: int) -> None:
        self._ended = threading.Event()
        teams = (len(usable_cores()) - 1) // (threads - 1)
        self._leaders = [threading.Thread(target=self._lead, args=(threads,), daemon=True) for _ in range(teams)]
        for leader in self._leaders:
            leader.start()

    def end(self) -> None:
        """End the threads, and wait for them."""
        self._ended.set()
        for leader in self._leaders:
            leader.join()

    def _lead(self, threads: int) -> None:
        torch.zeros(threads * MIN_ELEMENTS).add_(1)
        self._ended.wait()
