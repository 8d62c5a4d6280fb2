"""Commands that tests run: in a process of their own, or forked from one that has imported torch."""

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[1]
TRAIN = f"python {shlex.quote(str(ROOT / 'train.py'))}"  # as messages have it
MakeOnce = Callable[[str, Callable[[Path], object]], Path]


def data_folder() -> Path | None:
    """The folder that has the full MNIST and CIFAR-10, in torchvision's layout: $CONVBOARD_DATA, or data/."""
    folder = Path(os.environ.get("CONVBOARD_DATA", ROOT / "data")).resolve()
    files = ("MNIST/raw/train-images-idx3-ubyte", "cifar-10-batches-py/data_batch_1")
    return folder if all((folder / file).is_file() for file in files) else None


class Process(Protocol):
    """What is needed of a process; subprocess.Popen has it."""

    pid: int

    def wait(self, timeout: float | None = None) -> int: ...


class ForkedProcess:
    """A process that the server in `command_server.py` forked."""

    def __init__(self, report: int) -> None:
        self._report = os.fdopen(report)
        self._code: int | None = None
        self.pid = int(self._report.readline())

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or minus the signal that ended it."""
        if self._code is None:
            if not select.select([self._report], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            with self._report:
                self._code = int(self._report.readline())
        return self._code


class CommandServer:
    """Starts commands in a fork of a process that has imported torch already; see `command_server.py`."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, str(ROOT / "tests/command_server.py")]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)

    def start(self, command: list[str], folder: Path, variables: Mapping[str, str], streams: list[int]) -> Process:
        request = {"arguments": command[1:], "folder": str(folder), "environment": dict(variables)}
        comm, report = os.pipe()
        socket.send_fds(self._requests, [json.dumps(request).encode()], [*streams, report])
        os.close(report)
        return ForkedProcess(comm)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()


class Command:
    """A command that runs. Nothing that it has started outlives it."""

    def __init__(self, arguments: list[str], process: Process, stdout: Path, stderr: Path) -> None:
        self.pid = process.pid
        self.stdout = stdout
        self.stderr = stderr
        self._arguments = arguments
        self._process = process

    def finish(self, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        """Wait for its end."""
        try:
            code = self._process.wait(timeout)
        finally:
            self.end()
        return subprocess.CompletedProcess(self._arguments, code, self.stdout.read_text(), self.stderr.read_text())

    def end(self) -> None:
        """Kill whatever is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
