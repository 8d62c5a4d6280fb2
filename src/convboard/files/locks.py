"""Locks that end with their process. POSIX only: they use `flock`."""

import errno
import fcntl
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLOCK_STEP = 60.0  # seconds by which the clock may have been set
_LOCK = re.compile(rb"(\d+( (\S+\n?)?)?)?")  # the content of a lock file, or its beginning


@contextmanager
def locked(path: Path, *, wait: bool, busy: Callable[[int | None], Exception]) -> Iterator[None]:
    """Hold a lock that only one process of this machine can hold at a time.

    It is a `flock` on the open file, which the kernel releases when the process ends. A lock file of a dead process is
    reused. The file is removed when the lock is released.

    The package `filelock` is not used: it does not tell which process holds a lock, leaves its files behind, and takes
    60 ms to import, which every run would wait for.

    Args:
        path: The lock file, which is created if it is missing. Its folder must exist.
        wait: Whether to wait until the lock is free, instead of raising an error.
        busy: Returns the error to raise if another process holds the lock. It gets the id of that process, or None if
            the id is not known or belongs to another machine.

    Raises:
        Exception: The error that `busy` returns.
        OSError: The file cannot be created, is not a lock file, or the file system has no locks.
    """
    descriptor = _acquire(path, wait=wait)
    if descriptor is None:
        raise busy(_holder(path))
    if not _LOCK.fullmatch(os.pread(descriptor, 1000, 0)):
        os.close(descriptor)
        raise FileExistsError(errno.EEXIST, "It is there already, and is not a lock file", str(path))
    try:
        with suppress(OSError):  # on a full disk the holder has no name, but the lock holds
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        yield
    finally:
        path.unlink(missing_ok=True)  # while the lock is held: afterwards the file may be another process's
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough: a forked child shares the open file
        os.close(descriptor)


def _acquire(path: Path, *, wait: bool) -> int | None:
    """An open, locked descriptor of the file at `path`; None if another process has the lock and `wait` is False."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)  # follows no link
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder may have removed the file after it was opened here, and a third process may have
            # created a new one: only a lock on the file that is at `path` now is valid.
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


def lock_is_held(path: Path) -> bool:
    """Return whether a process holds the lock of a file, without taking it.

    A lock that was left by a process of another machine counts as held: nothing here tells whether that is alive.
    """
    import psutil  # deferred for start-up time

    try:
        pid, host = path.read_text().split()
        if host != socket.gethostname():
            return True
        # The id may be used again, and the clock may have been set since.
        return bool(psutil.Process(int(pid)).create_time() <= path.stat().st_mtime + _CLOCK_STEP)
    except (OSError, ValueError, psutil.Error):  # there is none; or it is just taken or released
        return False


def foreign_holder(path: Path) -> str:
    """Return the name of the machine on which a lock was taken; empty if it is this one, or the file names none."""
    with suppress(OSError, ValueError):
        _, host = path.read_text().split()
        return "" if host == socket.gethostname() else host
    return ""


def _holder(path: Path) -> int | None:
    """Id of the process that wrote the lock file; None if it is of another machine or not readable."""
    try:
        pid, host = path.read_text().split()
        return int(pid) if host == socket.gethostname() else None
    except (OSError, ValueError):  # just released, or not yet written
        return None
