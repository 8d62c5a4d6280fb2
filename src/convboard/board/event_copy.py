"""The event files of a folder: their names in order, and the copy of what a checkpoint covers."""

import hashlib
import re
import stat
import time
from pathlib import Path
from typing import Any, BinaryIO

from convboard.files import sync

TEMPORARY = ".events.tmp"  # with "tfevents" in its name, TensorBoard would read it
_NAME = re.compile(r"tfevents\.(\d+)\.(.+)")  # time stamp, and the part that resumed files keep


class DamagedEventsError(Exception):
    """The events that a checkpoint covers are missing, shorter than they were, or changed."""


def path_after(run_dir: Path, kept: str) -> Path:
    """A name that ends with `kept` and sorts after all event files in `run_dir`.

    TensorBoard reads a folder's event files in the order of their names, and the clock of a restarted machine may be
    behind. `kept` holds a random number: two containers may share host name, process id and second.
    """
    seconds = int(time.time())
    for path in run_dir.glob("*tfevents*"):
        if match := _NAME.search(path.name):
            seconds = max(seconds, int(match[1]) + 1)
    return run_dir / f"events.out.tfevents.{seconds:010d}.{kept}"


def kept_part(name: str) -> str:
    """The part of a file's name that the files which continue it have too."""
    match = _NAME.search(name)
    return match[2] if match else name


def copy_events(path: Path, target: Path, length: int, sha256: str) -> Any:
    """Copy the first `length` bytes of `path`, whose hash must be `sha256`, to `target`.

    Returns:
        The running hash.

    Raises:
        DamagedEventsError: They are not there, or are others.
        OSError: There is no room for the copy.
    """
    hasher = hashlib.sha256()
    left = length
    temporary = path.with_name(TEMPORARY)
    try:
        with _open_regular(path) as source, temporary.open("wb") as copy:
            while left and (chunk := source.read(min(left, 1 << 20))):
                hasher.update(chunk)
                copy.write(chunk)
                left -= len(chunk)
        if left:
            raise DamagedEventsError(f"{path} is {left:,} bytes shorter than when the checkpoint was saved")
        if hasher.hexdigest() != sha256:
            raise DamagedEventsError(f"{path} has changed since the checkpoint was saved")
        sync(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return hasher


def _open_regular(path: Path) -> BinaryIO:
    """Open a file for reading. A link is not followed, and a pipe is not waited for.

    Raises:
        DamagedEventsError: It is missing, or is something else than a regular file.
    """
    try:
        is_regular = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError as error:
        raise DamagedEventsError(f"{path} is missing") from error
    if not is_regular:
        raise DamagedEventsError(f"{path} is not a regular file")
    return path.open("rb")
