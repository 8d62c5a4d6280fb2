"""What a terminal shows of what a program writes to it: as much of one as rich's live display needs."""

import io
import os
import pty
import re
import struct
import subprocess
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

_PARTS = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")


def run_in_terminal(command: Sequence[str], folder: Path, environment: Mapping[str, str], size: tuple[int, int]) -> str:
    """Run a program in a terminal of `size` (lines, columns), and return all that it has written."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    said = b""
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:  # the program has ended
            pass
        os.close(ours)
    assert process.returncode == 0, said.decode()
    return said.decode()


def frames(written: str) -> list[list[str]]:
    """Return the lines of the terminal, with their colours, whenever some are about to be erased, and at the end."""
    lines, row, shown = [""], 0, []
    for part in _PARTS.findall(written):
        if part == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            if lines[row] and row == len(lines) - 1:
                shown.append(list(lines))
            lines[row] = ""
        elif part.endswith("m") or not part.startswith("\x1b"):
            lines[row] += part.replace("\r", "")
    return [*shown, lines]


def as_svg(lines: Sequence[str], columns: int) -> str:
    """Return lines of a terminal as a picture. It asks for no font of the network."""
    console = Console(record=True, width=columns, file=io.StringIO())
    console.print(Text.from_ansi("\n".join(lines)))
    svg = console.export_svg(title="", theme=MONOKAI)
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
