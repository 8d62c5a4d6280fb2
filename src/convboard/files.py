"""Files that are whole or not there: atomic writes, hashes, and locks that a dead process never holds.

Knows nothing of what is in the files. POSIX only: the locks are `flock`, the folders are synced.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path


def atomic_write(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file so that whoever opens `path`, at any moment, finds the old content or the new, whole.

    This holds when the process is killed and when the machine loses power. A failure leaves nothing behind;
    what a killed writer of the same file left behind is removed by the next.

    Args:
        path: The file to make or replace. Its folder must exist.
        write: Called once with a temporary path in the same folder, at which it must make the file.

    Raises:
        OSError: The file, which it names, could not be written, for instance because the disk is full; `path` is as
            it was.
    """
    _remove_leftovers(path)
    writer = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}.{writer}.tmp")
    try:
        write(temporary)
        sync(temporary)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a full disk does not say of which file it tells
        raise
    sync(path.parent)


def atomic_write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically; see `atomic_write`."""

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)

    atomic_write(path, write)


def atomic_write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, in UTF-8 and with its line ends as they are; see `atomic_write`."""
    atomic_write_bytes(path, text.encode())


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk.

    Raises:
        OSError: It is not there, or the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def empty(path: Path) -> None:
    """Empty a file. A link is refused: what it leads to belongs to somebody else.

    Raises:
        OSError: It is not there, is a link, or cannot be written.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW))


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, *, wait: bool, busy: Callable[[int | None], Exception]) -> Iterator[None]:
    """Hold a lock that only one process on this machine can hold at a time.

    The lock is the kernel's, on the open file, so that it ends with the process, however that ends: a file
    left behind by a dead process is taken over. The file is removed when the lock is given back.

    Args:
        path: The lock file; made where it is missing. Its folder must exist.
        wait: Wait until the lock is free, rather than raise.
        busy: Makes the error to raise when another process holds the lock. It is given that process's id, or
            None where it is not known, or belongs to another machine.

    Raises:
        Exception: What `busy` makes.
        OSError: The file cannot be made, or the file system knows no locks.
    """
    descriptor = _acquire(path, wait=wait)
    if descriptor is None:
        raise busy(_holder(path))
    try:
        with suppress(OSError):  # on a full disk nobody learns who has the lock, which holds all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        yield
    finally:
        path.unlink(missing_ok=True)  # while the lock is still held: after it, the file may be another's
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a forked child shares the open file
        os.close(descriptor)


def _acquire(path: Path, *, wait: bool) -> int | None:
    """An open, locked descriptor of the file at `path`, or None where another has it and `wait` is off."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)  # not what a link leads to
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before us may have removed the file between our open and our lock, and a third one
            # may have made a new file: a lock counts only on the file that is at `path` now.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _holder(path: Path) -> int | None:
    """Id of the process that wrote the lock file, if it did so on this machine."""
    try:
        pid, host = path.read_text().split()
        return int(pid) if host == socket.gethostname() else None
    except (OSError, ValueError):  # given back, or not yet written, this very moment
        return None


def _remove_leftovers(path: Path) -> None:
    """Remove the temporary files of writers of `path` that ran on this machine and are dead."""
    prefix = f".{path.name}.{socket.gethostname()}."
    for leftover in path.parent.glob(f"{escape(prefix)}*.tmp"):
        pid = leftover.name.removeprefix(prefix).split(".")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            leftover.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH  # EPERM: alive, and another user's
    return True
