"""The event file of a run that no process writes any more, opened to append to it.

If the run is resumed, it drops what is appended here, with all else that its last checkpoint does not cover.
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event

from convboard.board.event_file import EventFile

_AROUND = 16  # bytes of a record that are no data: its length before it, and the checksums of both


def open_events(run_dir: Path) -> tuple[EventFile, set[str], int]:
    """Open the event file of a run, a new one if there is none.

    Args:
        run_dir: Its directory.

    Returns:
        The file, the tags in it, and its last step.

    Raises:
        RunError: The folder cannot be written.
        OSError: The file cannot be read.
    """
    files = [path for path in sorted(run_dir.glob("*tfevents*")) if path.stat().st_size]
    if not files:
        return EventFile.create(run_dir), set(), 0
    content = files[-1].read_bytes()
    latest, length, step, present = 0.0, 0, 0, set[str]()
    for data in _records(content):
        length += len(data) + _AROUND
        event = Event.FromString(data)
        latest, step = max(latest, event.wall_time), max(step, event.step)
        present |= {value.tag for value in event.summary.value}
    os.truncate(files[-1], length)  # half a record at the end hides what follows from every reader
    return EventFile(files[-1], hashlib.sha256(content[:length]), length, latest), present, step


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the data of each whole record of an event file."""
    start = 0
    while start + 8 <= len(content):
        (length,) = struct.unpack_from("<Q", content, start)
        if start + length + _AROUND > len(content):
            return
        yield content[start + 12 : start + 12 + length]
        start += length + _AROUND
