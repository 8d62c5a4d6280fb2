"""What a whole process costs: seconds from the command to the first training step, and the most memory it held.

Each command runs in a fresh process. This module, and whoever calls it, must not have imported torch: Linux counts
what a process held before it became another program to that program's peak.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarking.progress import Progress
from benchmarking.workloads import ROOT, Workload

TORCH = "import torch"
TORCH_OPTIM_HYDRA = "import torch, hydra; torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)"
_SAY_WHEN = "import time; print(time.time())"


@dataclass(frozen=True)
class Process:
    """What a process took.

    Attributes:
        seconds: From its start to its mark: its first training step, or the end of its imports.
        peak_bytes: Its largest resident memory; pages of a mapped file that it has read count too.
    """

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Runs:
    """Runs processes, and says which.

    Attributes:
        data_dir: Where the data lie.
        batches: To train on.
        progress: Of which each process is a step.
    """

    data_dir: str
    batches: int
    progress: Progress

    def imports(self, statements: str) -> Process:
        """Import something in a fresh Python."""
        self.progress.begin(statements.partition(";")[0])
        return _run([sys.executable, "-c", f"{statements}\n{_SAY_WHEN}"])

    def contenders(self, workload: Workload, names: Sequence[str]) -> dict[str, int]:
        """The largest memory of each contender, as `alone` has it: both at once, for that makes no difference to it."""
        self.progress.begin(f"{workload.name}, the loops by hand: {', '.join(names)}")
        arguments = [workload.name, self.data_dir, str(self.batches)]
        with ExitStack() as stack:
            started = {
                name: stack.enter_context(
                    child([sys.executable, "-m", "benchmarking.alone", name, *arguments], cwd=Path(__file__).parents[1])
                )
                for name in names
            }
            return {name: _finished(process)[1] for name, process in started.items()}

    def convboard(self, workload: Workload) -> Process:
        """Train by `train.py`, with the default board. The event file knows when the first step was taken."""
        self.progress.begin(f"{workload.name}, train.py")
        with TemporaryDirectory() as folder:
            command = [
                *(sys.executable, str(ROOT / "train.py")),
                *workload.arguments,
                *(f"data_dir={self.data_dir}", f"hydra.run.dir={folder}/run"),
                *("trainer.max_epochs=1", f"trainer.limit_train_batches={self.batches}"),
            ]
            return _run(command, events=Path(folder) / "run")


@contextmanager
def child(command: Sequence[str], **how: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process that does not outlive the block, however that ends; `how` is for Popen, output goes to a pipe else."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **how}
    with subprocess.Popen(command, text=True, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def _run(command: Sequence[str], events: Path | None = None) -> Process:
    began = time.time()
    with child(command) as process:
        said, peak_bytes = _finished(process)
    mark = _first_step(events) if events else float(said.split()[-1])
    return Process(mark - began, peak_bytes)


def _finished(process: "subprocess.Popen[str]") -> tuple[str, int]:
    """What a child has said when it has ended, and its largest memory."""
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # otherwise Popen would wait for it again
    if process.returncode:
        raise RuntimeError(f"{process.args!r} failed:\n{said}")
    return said, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _first_step(run_dir: Path) -> float:
    """When the first step was taken, in seconds since 1970, by the run's curves in TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run_dir), size_guidance={"scalars": 0})
    events.Reload()
    first = events.Scalars("loss/train")[0]
    assert first.step == 1
    return float(first.wall_time)
