"""A command with streams that are closed, full, broken, narrow or of another encoding. Each is a process of its own."""

import subprocess
import sys

import pytest

from convboard.cli import streams

FULL = "convboard: the output cannot be written: No space left on device."
FRAME = "from convboard.cli import frame, streams; "


def run(code: str, shell: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run Python code by the shell, where `$0` is Python and `$1` the code."""
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell}", sys.executable, FRAME + code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


@pytest.mark.parametrize(
    ("code", "shell", "returned", "told"),
    [
        ("print('a')", '"$0" -c "$1" >&-', 0, ""),
        ("print('a')", '"$0" -c "$1" <&- >&- 2>&-', 0, ""),
        (
            "print('a')",
            '"$0" -c "$1" >/dev/full',
            2,
            "convboard: the output cannot be written: No space left on device.",
        ),
        ("[print('a' * 999) for _ in range(999)]", '"$0" -c "$1" | head -c 1 >/dev/null', 141, ""),
        ("1 / 0", '"$0" -c "$1" 2>/dev/full', 1, ""),
        (
            "streams.go_on_without_output() or print('a')",
            '"$0" -c "$1" >/dev/full',
            0,
            "convboard: the output cannot be written (no space left on device); the run goes on.",
        ),
        ("print(os.open(os.devnull, 0), file=sys.stderr)", '"$0" -c "$1" <&- >&-', 0, "3"),
        ("print('a')", '"$0" -u -c "$1" >/dev/full', 2, FULL),
    ],
)
def test_what_cannot_be_written(code: str, shell: str, returned: int, told: str) -> None:
    done = run(f"import os, sys; frame.run(lambda: {code})", shell)
    assert (done.returncode, done.stderr.strip()) == (returned, told)


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("ascii", "floor(32/2) - 3x3 -+ ... \\xe4 \\u4e2d \\udcff"),
        ("cp1252", "floor(32/2) - 3×3 -+ … ä \\u4e2d \\udcff"),
        ("utf-8", "⌊32/2⌋ − 3×3 ─┐ … ä 中 \\udcff"),
    ],
)
def test_an_encoding_without_a_character_gets_a_similar_one(encoding: str, printed: str) -> None:
    code = f"frame.run(lambda: print({'⌊32/2⌋ − 3×3 ─┐ … ä 中 ' + chr(0xDCFF)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", FRAME + code], capture_output=True, timeout=60, env={"PYTHONIOENCODING": encoding}
    )
    assert (done.returncode, done.stdout.decode(encoding)) == (0, f"{printed}\n")


@pytest.mark.parametrize(("columns", "used"), [("0", ""), ("1", ""), ("9" * 5000, ""), ("x", ""), ("77", "77")])
def test_a_width_that_no_line_fits_into_is_not_used(columns: str, used: str) -> None:
    done = run("import os; streams.prepare(); print(os.environ.get('COLUMNS', ''))", '"$0" -c "$1"', COLUMNS=columns)
    assert done.stdout == f"{used}\n"


def test_a_stream_of_another_program_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    streams.prepare()
    assert sys.stdout is before
    assert streams.lost() is None
