"""What a job of Slurm runs: a process of workers, and after it the decision whether the job begins anew."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from convboard.errors import ConvboardError
from convboard.sweeps.store.stop_requests import is_stopped
from convboard.sweeps.store.sweep_folder import Sweep

REQUEUE = 75  # the exit code by which the script of the job knows that work is left (EX_TEMPFAIL)
_KILLED = 128  # as in shells: the exit code of a process that has ended by a signal is this plus its number


@dataclass
class SlurmWorker:
    """The callable that submitit runs in each job; it keeps nothing but these values in its file.

    Slurm sends its signals to all processes of a job, so that the pool and its trials get them directly, and save.
    submitit calls `checkpoint` at SIGUSR2, by which Slurm warns of the time limit. Requeueing is left to the script of
    the job, which works in a container too, and as often as there is work left.

    Attributes:
        arguments: The arguments of Python.
        directory: The folder in which it starts.
        folder: The folder of the sweep.
        stops: Number of requests to stop that are not meant for it, see `stop_requests`.
    """

    arguments: Sequence[str]
    directory: str
    folder: str
    stops: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def __call__(self) -> NoReturn:
        """Run the workers, and end this process as they did."""
        self._process = subprocess.Popen([sys.executable, *self.arguments], cwd=self.directory)
        self._leave()

    def checkpoint(self) -> NoReturn:
        """End this process when the workers, which have got the signal too, have saved and ended."""
        self._leave()

    def _leave(self) -> NoReturn:
        """Wait for the workers. The handler of a signal may call this while this waits already."""
        if self._process is None:
            sys.exit(self._requeue(_KILLED + signal.SIGUSR2))
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)  # unlike Popen.wait, it takes no lock
        code = self._process.wait()
        code = _KILLED - code if code < 0 else code
        sys.exit(self._requeue(code) if code > _KILLED and code != _KILLED + signal.SIGKILL else code)

    def _requeue(self, code: int) -> int:
        """Return the exit code of workers that a signal has ended."""
        if not self._has_work():
            return code
        print("convboard: the trials that ran are saved; if Slurm lets it, this job goes on with the sweep", flush=True)
        return REQUEUE

    def _has_work(self) -> bool:
        """Return whether the sweep has trials left, and was not cancelled."""
        try:
            if is_stopped(Path(self.folder), self.stops):
                return False
            sweep = Sweep.open(Path(self.folder))
        except (ConvboardError, OSError):
            return True  # its file server is away, say
        return bool(sweep.left or any(sweep.journal.running()))
