"""The cores of the machine, and the part of them that other processes use while something is measured."""

import math
import os
import platform
import time
from pathlib import Path

import psutil

from convboard.anatomy.control_group import core_quota


class OtherLoad:
    """A measurement that begins when the object is made. It covers the cores on which this process may run.

    Where the system of a shared machine takes time away from it (`steal`), this counts as well.
    """

    def __init__(self) -> None:
        self._began = _times()

    def share(self) -> float:
        """Return the share of the cores that others have used since the beginning, 0 to 1.

        The system counts in steps of 10 ms, so that a measurement of less than 0.1 s says little.
        """
        cores = len(usable_cores())
        wall, idle, own = (now - then for now, then in zip(_times(), self._began, strict=True))
        others = cores * wall - idle - own
        return min(max(others / (cores * wall), 0.0), 1.0) if wall else 0.0

    def cores(self) -> float:
        """Return the number of cores that others have used since the beginning, on average."""
        return self.share() * len(usable_cores())


def _times() -> tuple[float, float, float]:
    """Return wall time, idle time of all cores, and computing time of this process, in seconds."""
    times = psutil.cpu_times(percpu=True)
    idle = sum(times[core].idle + getattr(times[core], "iowait", 0.0) for core in usable_cores() if core < len(times))
    return time.perf_counter(), idle, time.process_time()


def usable_cores() -> list[int]:
    """Return the numbers of the cores on which this process may run, though a container can limit their time."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def core_count() -> int:
    """Return the number of cores that this process may use at once: `usable_cores`, or the quota of its container."""
    return max(1, math.ceil(min(core_quota(), len(usable_cores()))))


def processor() -> str:
    """Return the name of the processor, which is only in /proc/cpuinfo on Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
