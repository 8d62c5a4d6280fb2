"""Limits for commands that run within the process of the tests."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

MEMORY = 6_000_000_000  # bytes of address space beyond what this process has


@contextmanager
def address_space_of(size: int) -> Iterator[None]:
    """Within, this process may address `size` bytes, as by `ulimit -v`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Within, what takes more than `seconds` or much memory fails."""

    def hang(number: int, frame: FrameType | None) -> None:
        raise AssertionError("the command hangs")

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(seconds)
    try:
        with address_space_of(used + MEMORY):
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
