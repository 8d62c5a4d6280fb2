"""The standard streams of a command, so that it ends as it should whatever they are.

- A closed stream is replaced by the null device. Otherwise the next file that is opened would get its number, and
  whatever is printed would be written into that file.
- A character that the encoding lacks is written as a similar one, or as its number.
- If stdout is full, or a pipe whose reader has ended (`| head`), the rest of the output is dropped. A training goes on
  and says so; any other command ends as `frame` says.
- A width of the terminal that no line fits into is not used.
"""

import codecs
import io
import os
import shutil
import sys
from contextlib import suppress
from typing import BinaryIO, TextIO, cast

_LIKE_ONE = ("─━═│┃×·\u2212\u2013\u2014\u2018\u2019\u201c\u201d\u00a0", "--=||x*---''\"\" ")
_LIKE_SEVERAL = {"⌊": "floor(", "⌋": ")", "…": "...", "→": "->"}
_SIMILAR = {**dict(zip(*_LIKE_ONE, strict=True)), **_LIKE_SEVERAL, **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋┡┩╇", "+")}
_NARROWEST, _WIDEST = 20, 10_000  # columns
_goes_on = False  # without its output


def prepare() -> None:
    """Make the streams of this process usable. Nothing may have been printed or opened before."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    codecs.register_error("similar", _similar)
    sys.stdin = sys.stdin or _opened(0, sys.__stdin__)
    sys.stdout, sys.stderr = _opened(1, sys.stdout), _opened(2, sys.stderr)
    if not _is_usable(os.environ.get("COLUMNS", "80")):
        del os.environ["COLUMNS"]
    if not _is_usable(str(shutil.get_terminal_size().columns)):
        os.environ["COLUMNS"] = "80"


def go_on_without_output() -> None:
    """From here on, a lost stdout is announced, and no reason to end the command: a run is worth more."""
    global _goes_on
    _goes_on = True


def drop_output() -> None:
    """From here on, what this process prints is dropped, also what libraries print that are not written in Python."""
    for number in (1, 2):
        _drop(number)


def _drop(number: int) -> None:
    """Make the null device of a descriptor."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def lost() -> OSError | None:
    """Return why stdout could not be written, if the command is nothing without its output."""
    sys.stdout.flush()
    raw = _raw(sys.stdout)
    return raw.lost if isinstance(raw, _Raw) and not _goes_on else None


def _is_usable(columns: str) -> bool:
    return columns.isdecimal() and _NARROWEST <= int(columns[:9]) <= _WIDEST


class _Raw(io.FileIO):
    """A stream that never fails: after its first failure it is the null device."""

    lost: OSError | None = None

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            self.lost = error
            _drop(self.fileno())
            if _goes_on and self.fileno() == 1:
                reason = (error.strerror or str(error)).lower()
                with suppress(OSError):
                    os.write(2, f"convboard: the output cannot be written ({reason}); the run goes on.\n".encode())
            return memoryview(data).nbytes


def _opened(number: int, before: TextIO | None) -> TextIO:
    """Return a text stream on a descriptor, with the encoding of the stream before it."""
    if number == 0:
        return os.fdopen(0, closefd=False)
    if before is None:
        before = os.fdopen(number, "w", closefd=False)
    if not isinstance(before, io.TextIOWrapper) or type(_raw(before)) is not io.FileIO:
        return before  # another program's stream, or our own
    before.flush()
    raw = cast(io.RawIOBase, _Raw(number, "w", closefd=False))
    return io.TextIOWrapper(
        cast(BinaryIO, raw if before.write_through else io.BufferedWriter(raw)),
        before.encoding,
        "similar",
        line_buffering=before.line_buffering,
        write_through=before.write_through,
    )


def _raw(stream: TextIO) -> object:
    """Return the unbuffered stream below a text stream; with `python -u` there is no buffer between them."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)


def _similar(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return ASCII for what an encoding lacks; see `codecs.register_error`."""
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    text = "".join(_SIMILAR.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return text, error.end
