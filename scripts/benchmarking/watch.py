"""What a command and its processes take while they run: time of the cores, memory, and open files."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from convboard.training.execution_plan.other_load import usable_cores


@dataclass
class Sample:
    """A process and those that it has started, at one moment.

    Attributes:
        time: Seconds since 1970.
        own_bytes: Memory that the process itself holds alone (USS).
        handles: Its open files.
        pss: Memory of each process, itself included, by id: what it shares is divided among those that share it.
    """

    time: float
    own_bytes: int
    handles: int
    pss: dict[int, int]


@dataclass
class Watch:
    """While entered, samples a process.

    Attributes:
        pid: The process.
        interval: Seconds between two samples.
        samples: Those taken.
        seconds: Wall time.
        idle: Share of the time of all cores in which they had nothing to do.
        computed: Seconds for which the process itself has computed.
    """

    pid: int
    interval: float = 0.5
    samples: list[Sample] = field(default_factory=list)
    seconds: float = 0.0
    idle: float = 0.0
    computed: float = 0.0

    def __enter__(self) -> "Watch":
        self._ended, self._began, self._idle = threading.Event(), time.perf_counter(), _idle_seconds()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self.idle = (_idle_seconds() - self._idle) / (self.seconds * len(usable_cores()))
        self._ended.set()
        self._thread.join()

    def peaks(self) -> list[int]:
        """Return the largest memory of each process but the first one, in bytes; of the first one if it is alone."""
        most: dict[int, int] = {}
        for sample in self.samples:
            for pid, size in sample.pss.items():
                most[pid] = max(size, most.get(pid, 0))
        return [size for pid, size in most.items() if pid != self.pid] or list(most.values())

    def peak_together(self) -> int:
        """Return the largest memory of all processes together, in bytes."""
        return max((sum(sample.pss.values()) for sample in self.samples), default=0)

    def _sample(self) -> None:
        process = psutil.Process(self.pid)
        while not self._ended.wait(self.interval):
            try:
                spent = process.cpu_times()
                self.computed = spent.user + spent.system
                memory = process.memory_full_info()
                pss = {self.pid: memory.pss} | {
                    child.pid: size for child in process.children(recursive=True) if (size := _pss(child))
                }
                self.samples.append(Sample(time.time(), memory.uss, process.num_fds(), pss))
            except psutil.Error:
                return


def _pss(process: psutil.Process) -> int:
    try:
        size: Any = process.memory_full_info().pss
        return int(size)
    except psutil.Error:
        return 0


def _idle_seconds() -> float:
    times = psutil.cpu_times(percpu=True)
    return float(sum(times[core].idle + getattr(times[core], "iowait", 0.0) for core in usable_cores()))
