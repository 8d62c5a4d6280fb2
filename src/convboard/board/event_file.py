"""The event file: one file per run at a time, to which a resumed run appends.

This module knows records, not their meaning. The format is TFRecord; each record is a `tensorboard.Event` message.

A killed run has written more than its last checkpoint covers, and perhaps half a record at the end. On resume, what the
checkpoint covers is copied to a new file whose name sorts after the old one, and the old file is emptied. This is right
for a TensorBoard that is started later and for one that has already read past the copied part. Truncating the old file
would not be: an open reader would go on in the middle of a record, and then stop or show wrong points. It reads the new
file from the beginning, and each of TensorBoard's two readers has a reason to drop the old points then: the default one
drops a tag's points from the step at which an earlier step arrives; that of `--load_fast=false` drops everything from
the step of a `SessionLog.START` on, unless it is the first that it sees, so that every file begins with one of step 0.
The old file stays, empty: the second reader would wait for ever for a deleted one.

Where what the checkpoint covers is damaged, the old file stays as it is, for whatever a reader can make of it, and a
new file begins with a `SessionLog.START` of the step at which the run goes on.

Two things are right only after TensorBoard is restarted: the default reader keeps points of a tag that the resumed run
never writes (a test result, for instance, when a finished run continues for more epochs), and both readers keep a tag's
first metadata, from which the HParams tab takes a run's status.
"""

import errno
import hashlib
import logging
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from typing import Any

from convboard.board.event_copy import TEMPORARY, copy_events, kept_part, path_after
from convboard.board.tfrecord import encode_record
from convboard.errors import RunError
from convboard.files import check_writable, empty, sync

_log = logging.getLogger(__name__)

_FLUSH_SECONDS = 2.0  # the longest that a viewer waits for a point
_FLUSH_BYTES = 1 << 20


class EventFile:
    """Appends events to one file, and knows the file's length and hash at any moment.

    Records are buffered and written every two seconds, so that a point costs microseconds. `sync` (and so `state`)
    writes them to disk. Times of events never decrease, even when the clock does. A file that is deleted while it is
    open is written again.
    """

    def __init__(self, path: Path, hasher: Any, length: int = 0, latest: float = 0.0) -> None:
        """Append to a file that has `length` bytes; use `create` and `resume`."""
        self.path = path
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._flushed_at = time.monotonic()
        self._is_new = True
        self._hash = hasher
        self._length = length
        self._latest = latest
        self._file = path.open("a+b", buffering=0)  # readable: a deleted file is copied from it

    @classmethod
    def create(cls, run_dir: Path, step: int = 0) -> "EventFile":
        """Create a file in `run_dir` with a unique name, which TensorBoard reads after those that are there.

        Args:
            run_dir: Its folder, which is created if it is missing.
            step: Global step from which on the file replaces what the other files in the folder hold.

        Raises:
            RunError: The folder cannot be written.
        """
        host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:64] or "host"
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            path = path_after(run_dir, f"{host}.{os.getpid()}.{secrets.token_hex(4)}")
            path.touch(exist_ok=False)
            events = cls(path, hashlib.sha256())
        except OSError as error:
            raise RunError(f"Cannot write TensorBoard events to {run_dir}: {error.strerror}.") from error
        events._write_message(_message("file_version", "brain.Event:2", 0, events._clock()))
        events._write_message(_message("session_log", _session_start(), step, events._clock()))
        return events

    @classmethod
    def resume(cls, run_dir: Path, state: dict[str, Any]) -> "EventFile":
        """Continue in a new file from the result of `state()`; events that were written after it are dropped.

        Raises:
            DamagedEventsError: The file is missing, is shorter than it was or was changed. It is left as it is.
            RunError: There is no room for a second file, or the folder cannot be written.
        """
        name = Path(str(state["name"])).name  # nothing outside of the run's directory is touched
        kept = kept_part(name)
        # The last one: the run may have been resumed and killed again since.
        files = sorted(run_dir.glob(f"*tfevents.*.{escape(kept)}")) or [run_dir / name]
        path = files[-1]
        length = int(state["length"])
        try:
            for old in files:
                check_writable(old)
            resumed = path_after(run_dir, kept)
            hasher = copy_events(path, resumed, length, str(state["sha256"]))
            for old in files:
                empty(old)
            return cls(resumed, hasher, length, float(state["wall_time"]))
        except OSError as error:
            raise RunError(
                f"Cannot go on with the TensorBoard events in {error.filename or path}: {error.strerror}. Nothing in "
                f"them was changed: {_remedy(error, f' for a copy ({length / 1e6:.1f} MB)')}, and resume again."
            ) from error

    def write(self, values: Sequence[Any], step: int, wall_time: float | None = None) -> None:
        """Append one event.

        Args:
            values: `Summary.Value` messages, all of one step. Nothing is written for an empty sequence.
            step: Global step.
            wall_time: Seconds since 1970 at which the values were measured; None is now.
        """
        if values:
            from tensorboard.compat.proto.summary_pb2 import Summary  # here: it takes 0.1 s to import

            self._write_message(_message("summary", Summary(value=values), step, self._clock(wall_time)))

    def write_graph(self, graph: bytes) -> None:
        """Append a serialised `GraphDef`."""
        self._write_message(_message("graph_def", graph, 0, self._clock()))

    def flush(self) -> None:
        """Write all pending records to the operating system, so that TensorBoard sees them.

        Raises:
            RunError: They cannot be written, for instance because the disk is full.
        """
        self._restore()
        data = b"".join(self._pending)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # half a record would corrupt what a later attempt appends
                self._file.truncate(self._length)
                self._file.seek(self._length)
            raise self._refused(error) from error
        self._hash.update(data)
        self._length += len(data)
        self._pending.clear()
        self._pending_bytes = 0
        self._flushed_at = time.monotonic()

    def sync(self) -> None:
        """Flush, and wait until the data is on disk.

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
            raise self._refused(error) from error

    def state(self) -> dict[str, Any]:
        """Sync, and return the file's `name`, `length` in bytes, `sha256` and last `wall_time`."""
        self.sync()
        return {
            "name": self.path.name,
            "length": self._length,
            "sha256": self._hash.hexdigest(),
            "wall_time": self._latest,
        }

    def close(self) -> None:
        """Sync and close. A second call does nothing."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def _restore(self) -> None:
        """Write the file again if it was deleted, moved or replaced: its content lives as long as it is open.

        Raises:
            RunError: It cannot be written.
        """
        try:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
                    return
            temporary = self.path.with_name(TEMPORARY)
            with temporary.open("wb") as copy:
                self._file.seek(0)
                shutil.copyfileobj(self._file, copy)
            temporary.replace(self.path)
            self._file.close()
            self._file = self.path.open("a+b", buffering=0)
        except OSError as error:
            raise self._refused(error) from error
        self._is_new = True
        _log.warning("TensorBoard event file deleted or moved during the run: %s. It is written again.", self.path)

    def _refused(self, error: OSError) -> RunError:
        return RunError(
            f"Cannot write TensorBoard events to {self.path}: {error.strerror}. The run's last checkpoint is good: "
            f"{_remedy(error)}, and go on with resume={self.path.parent}."
        )

    def _clock(self, wall_time: float | None = None) -> float:
        self._latest = max(self._latest, time.time() if wall_time is None else wall_time)
        return self._latest

    def _write_message(self, event: Any) -> None:
        record = encode_record(event.SerializeToString())
        self._pending.append(record)
        self._pending_bytes += len(record)
        if self._pending_bytes > _FLUSH_BYTES or time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self.flush()


def _remedy(error: OSError, purpose: str = "") -> str:
    """Return what to do about a file that cannot be read or written; `purpose` is what room is needed for."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"make room{purpose}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "give yourself the right to read and write it"
    return "see that it can be read and written"


def _message(field: str, content: Any, step: int, wall_time: float) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event  # here: it takes 0.1 s to import

    return Event(**{field: content}, step=step, wall_time=wall_time)


def _session_start() -> Any:
    from tensorboard.compat.proto.event_pb2 import SessionLog  # here: it takes 0.1 s to import

    return SessionLog(status=SessionLog.START)
