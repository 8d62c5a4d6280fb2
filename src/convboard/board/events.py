"""The event file: one writer, one file a run, which a restarted run goes on with.

Knows records, not what they mean. The format is TFRecord, each record a `tensorboard.Event` message.
"""

import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from convboard.board.crc import frame
from convboard.errors import RunError
from convboard.files import sync

_FLUSH_SECONDS = 2.0  # what someone who watches the run waits for at most
_FLUSH_BYTES = 1 << 20
_NAME = re.compile(r"tfevents\.(\d+)")


class EventFile:
    """Appends events to one file, and knows the file's length and hash at any moment.

    Records gather in memory and go to the file every two seconds, so that a point costs microseconds. `sync` (and
    so `state`) puts them on the disk. Times of events never go back, even when the clock does.
    """

    def __init__(self, path: Path, *, resumed_from: dict[str, Any] | None = None) -> None:
        """Open `path`: a new file, or the one that `resumed_from` tells of, cut to what that says.

        Use `create` and `resume`.
        """
        self.path = path
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._flushed_at = time.monotonic()
        self._is_new = resumed_from is None
        self._latest = 0.0
        if resumed_from is None:
            self._hash = hashlib.sha256()
            self._length = 0
            self._file = path.open("xb", buffering=0)
        else:
            self._hash = _verified_hash(path, resumed_from)
            self._length = int(resumed_from["length"])
            self._latest = float(resumed_from["wall_time"])
            self._file = path.open("r+b", buffering=0)
            self._file.truncate(self._length)
            self._file.seek(self._length)

    @classmethod
    def create(cls, run_dir: Path) -> "EventFile":
        """Begin a file in `run_dir` that no other process can have, and that TensorBoard reads after those there.

        Raises:
            RunError: The folder cannot be written.
        """
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            events = cls(run_dir / _new_name(run_dir))
        except OSError as error:
            raise RunError(f"Cannot write TensorBoard events to {run_dir}: {error.strerror}.") from error
        events._write_message(_message("file_version", "brain.Event:2", 0, events._clock()))
        return events

    @classmethod
    def resume(cls, run_dir: Path, state: dict[str, Any]) -> "EventFile":
        """Go on with the file that `state()` told of; what was written after it is cut off.

        Raises:
            RunError: The file is missing, shorter than it was, or was changed.
        """
        path = run_dir / str(state["name"])
        try:
            return cls(path, resumed_from=state)
        except OSError as error:
            raise RunError(
                f"Cannot go on with the TensorBoard events in {path}: {error.strerror}. Bring the file back, or "
                "start a new run."
            ) from error

    def write(self, values: Sequence[Any], step: int, wall_time: float | None = None) -> None:
        """Append one event.

        Args:
            values: `Summary.Value` messages, all of one step. None: nothing is written.
            step: Global step.
            wall_time: Seconds since 1970 at which the values were true; None is now.
        """
        if values:
            from tensorboard.compat.proto.summary_pb2 import Summary

            self._write_message(_message("summary", Summary(value=values), step, self._clock(wall_time)))

    def write_graph(self, graph: bytes) -> None:
        """Append a serialised `GraphDef`."""
        self._write_message(_message("graph_def", graph, 0, self._clock()))

    def flush(self) -> None:
        """Hand all that was written to the operating system, so that TensorBoard sees it.

        Raises:
            RunError: It cannot be written, for instance because the disk is full.
        """
        data = b"".join(self._pending)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # half a record would spoil what a later attempt writes behind it
                self._file.truncate(self._length)
                self._file.seek(self._length)
            raise RunError(f"Cannot write TensorBoard events to {self.path}: {error.strerror}.") from error
        self._hash.update(data)
        self._length += len(data)
        self._pending.clear()
        self._pending_bytes = 0
        self._flushed_at = time.monotonic()

    def sync(self) -> None:
        """Flush, and wait until the disk has it.

        Raises:
            RunError: It cannot be written.
        """
        self.flush()
        try:
            os.fsync(self._file.fileno())
            if self._is_new:
                sync(self.path.parent)
                self._is_new = False
        except OSError as error:
            raise RunError(f"Cannot write TensorBoard events to {self.path}: {error.strerror}.") from error

    def state(self) -> dict[str, Any]:
        """Sync, and tell where the file stands: its `name`, `length` in bytes, `sha256`, and last `wall_time`."""
        self.sync()
        return {
            "name": self.path.name,
            "length": self._length,
            "sha256": self._hash.hexdigest(),
            "wall_time": self._latest,
        }

    def close(self) -> None:
        """Sync and close. Closing twice does no harm."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def _clock(self, wall_time: float | None = None) -> float:
        self._latest = max(self._latest, time.time() if wall_time is None else wall_time)
        return self._latest

    def _write_message(self, event: Any) -> None:
        record = frame(event.SerializeToString())
        self._pending.append(record)
        self._pending_bytes += len(record)
        if self._pending_bytes > _FLUSH_BYTES or time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self.flush()


def _message(field: str, content: Any, step: int, wall_time: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(**{field: content}, step=step, wall_time=wall_time)


def _new_name(run_dir: Path) -> str:
    """A name that no process has used and that sorts after all event files in `run_dir`.

    TensorBoard reads a folder's event files in the order of their names, and the clock of a restarted machine may
    be behind; two containers may share host name, process id and second.
    """
    seconds = int(time.time())
    for path in run_dir.glob("*tfevents*"):
        if match := _NAME.search(path.name):
            seconds = max(seconds, int(match[1]) + 1)
    host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:64] or "host"
    return f"events.out.tfevents.{seconds:010d}.{host}.{os.getpid()}.{secrets.token_hex(4)}"


def _verified_hash(path: Path, state: dict[str, Any]) -> Any:
    """The running hash of the first `length` bytes, which must be what `state` says."""
    hasher = hashlib.sha256()
    left = int(state["length"])
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, 1 << 20))):
            hasher.update(chunk)
            left -= len(chunk)
    if left or hasher.hexdigest() != state["sha256"]:
        what = f"is {left} bytes shorter than it was" if left else "has been changed"
        raise RunError(
            f"The TensorBoard event file {path} {what} since the checkpoint was saved, so the run's curves cannot "
            "be continued. Bring the file back as it was, or start a new run."
        )
    return hasher
