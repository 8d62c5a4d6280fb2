"""The status of a run in the HParams tab that has failed without being able to write it: it was killed, say."""

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event

from convboard.board import hparams, tags
from convboard.board.event_file import EventFile
from convboard.board.hparams import SweepRow
from convboard.board.summaries import text

_AROUND = 16  # bytes of a record that are no data: its length before it, and the checksums of both


def record_failure(run_dir: Path, config: Mapping[str, Any], reason: str, row: SweepRow = hparams.ALONE) -> None:
    """Give a run the status of a failure, unless it has one.

    No process may write its event file. If the run is resumed, it drops what is written here with all else that its
    last checkpoint does not cover.

    Args:
        run_dir: Its folder.
        config: Its config, which is written if the run has not begun.
        reason: Why it has failed, for the Text tab.
        row: What is known of its sweep.

    Raises:
        RunError: The folder cannot be written.
        OSError: An event file cannot be read.
    """
    events, present, step = _opened(run_dir)
    if hparams.END_TAG not in present:
        values = [text(tags.problem("training"), reason), hparams.session_end(finished=False)]
        if hparams.START_TAG not in present:
            values[:0] = [hparams.experiment(config, row), hparams.session_start(config, row)]
        events.write(values, step)
    events.close()


def _opened(run_dir: Path) -> tuple[EventFile, set[str], int]:
    """Open the event file of a run, a new one if there is none. Returns it, its HParams tags and its last step."""
    files = [path for path in sorted(run_dir.glob("*tfevents*")) if path.stat().st_size]
    if not files:
        return EventFile.create(run_dir), set(), 0
    latest, length, step, present = 0.0, 0, 0, set()
    for data in _records(files[-1].read_bytes()):
        length += len(data) + _AROUND
        event = Event.FromString(data)
        latest, step = max(latest, event.wall_time), max(step, event.step)
        present |= {value.tag for value in event.summary.value} & {hparams.START_TAG, hparams.END_TAG}
    os.truncate(files[-1], length)  # half a record at the end hides what follows from every reader
    return EventFile(files[-1], hashlib.sha256(), length, latest), present, step


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the data of each whole record of an event file."""
    start = 0
    while start + 8 <= len(content):
        (length,) = struct.unpack_from("<Q", content, start)
        if start + length + _AROUND > len(content):
            return
        yield content[start + 12 : start + 12 + length]
        start += length + _AROUND
