"""Python code that runs in a process of its own."""

import subprocess
import sys
from pathlib import Path

SECONDS = 120


def printed(code: str, folder: Path | None = None) -> str:
    """Run code to its end, in a folder; return what it prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=SECONDS).stdout


def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start code with pipes to it and from it; it gets the arguments in `sys.argv[1:]`."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_line(process: "subprocess.Popen[str]") -> str:
    """Wait for the next line that the code prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()
