"""Commands that are watched while they run, and processes that begin at the same time."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

from benchmarking.processes import child
from benchmarking.sweep_children import GO, READY
from benchmarking.watch import Watch

CHILD = (sys.executable, "-m", "benchmarking.sweep_children")
HERE = Path(__file__).parents[1]  # from which they are started


def watched(command: Sequence[str]) -> tuple[Watch, float, str]:
    """Run a command.

    Returns:
        What it took, when it was started in seconds since 1970, and what it has said.

    Raises:
        RuntimeError: It has failed.
    """
    began = time.time()
    with TemporaryFile("w+") as said, child(command, stdout=said, stderr=subprocess.STDOUT) as process:
        with Watch(process.pid) as watch:
            process.wait()
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise RuntimeError(f"{command!r} failed:\n{text[-5000:]}")
    return watch, began, text


def together(kind: str, arguments: Sequence[str], number: int, folder: Path) -> tuple[list[str], Watch, float]:
    """Start processes, let them begin at the same time, and wait for them.

    Args:
        kind: What they do, see `sweep_children`.
        arguments: Their arguments.
        number: Their number.
        folder: Where they say that they are ready, and are told to begin.

    Returns:
        What each has said, what they took from their beginning on, and when that was.

    Raises:
        RuntimeError: One of them has failed.
    """
    with ExitStack() as stack:
        started = [stack.enter_context(child([*CHILD, kind, *arguments], cwd=HERE)) for _ in range(number)]
        while len(list(folder.glob(f"{READY}-*"))) < number:
            if any(process.poll() for process in started):
                raise RuntimeError(f"A process of {kind!r} failed:\n{started[0].communicate()[0]}")
            time.sleep(0.05)
        began = time.time()
        with Watch(os.getpid()) as watch:
            (folder / GO).touch()
            said = [process.communicate()[0] for process in started]
        if any(process.returncode for process in started):
            raise RuntimeError(f"Processes of {kind!r} failed:\n{''.join(said)[-5000:]}")
    return said, watch, began
