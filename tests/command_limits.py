"""Limits for commands that run within the process of the tests."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

MEMORY = 6_000_000_000  # bytes of address space beyond what this process has


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Within, what takes more than `seconds` or much memory fails."""

    def hang(number: int, frame: FrameType | None) -> None:
        raise AssertionError("the command hangs")

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
