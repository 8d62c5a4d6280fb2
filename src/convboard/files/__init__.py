"""Atomic writes, hashes, and the cache folder.

Independent of the content of the files. POSIX only: folders are synced.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from glob import escape
from pathlib import Path
from typing import Any

# The names of the temporary files of `atomic_write`, and of that of an event file.
TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\.tmp|\.events\.tmp")
_WRITER = re.compile(r"\.([^.]+)\.(\d+)\.[0-9a-f]{8}\.tmp$")  # machine and process
_DAY = 86_400.0  # seconds


def atomic_write(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file so that a reader of `path` always gets the complete old content or the complete new one.

    This holds if the process is killed and if the machine loses power. A failure leaves no temporary file; that of a
    killed writer of the same file is removed by the next writer.

    Args:
        path: The file to create or replace. Its folder must exist.
        write: Is called once with a temporary path in the same folder, and must write the file there.

    Raises:
        OSError: The file could not be written, for instance because the disk is full; `path` is unchanged. The error
            has the name of the file.
    """
    atomic_write_all({path: write})


def atomic_write_all(writes: Mapping[Path, Callable[[Path], None]]) -> None:
    """Write several files of one folder, each as `atomic_write` does, in their order.

    All are written before the first one is waited for, so that the disk is not waited for as often as there are files.

    Args:
        writes: What writes each file, see `atomic_write`.

    Raises:
        OSError: See `atomic_write`. None of the files has changed, or only the first ones.
    """
    temporaries = {path: _temporary(path) for path in writes}
    try:
        for path, write in writes.items():
            remove_leftovers(path.parent, f"{path.name}.")
            write(temporaries[path])
        for path in writes:
            sync(temporaries[path])
        for path in writes:
            temporaries[path].replace(path)
    except BaseException as error:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # the error of a full disk has no file name
        raise
    for folder in {path.parent for path in writes}:
        sync(folder)


def atomic_write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically, as `atomic_write` does."""
    atomic_write(path, partial(_write, content))


def atomic_write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, in UTF-8 with unchanged line ends, as `atomic_write` does."""
    atomic_write_bytes(path, text.encode())


def atomic_write_texts(texts: Mapping[Path, str]) -> None:
    """Write several texts to files of one folder, as `atomic_write_all` does."""
    atomic_write_all({path: partial(_write, text.encode()) for path, text in texts.items()})


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def create_once(path: Path, text: str) -> bool:
    """Create a file with all its content, unless it is there already.

    Of any number of processes on any number of machines that try it, exactly one succeeds. This holds on NFS too, and
    if a process is killed: the content is written to a file of another name, and link(2) gives it the name `path`.

    Args:
        path: The file. Its folder must exist.
        text: The content, written in UTF-8.

    Returns:
        Whether this process has created it.

    Raises:
        OSError: It cannot be created: the folder cannot be written, or its file system has no hard links. The error has
            the name of the file.
    """
    temporary = _temporary(path)
    try:
        temporary.write_bytes(text.encode())
        sync(temporary)
        # The answer of an NFS server may be lost, and the request be sent again: then link(2) fails although it
        # succeeded. The number of links tells (open(2), O_EXCL).
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
        is_created = temporary.stat().st_nlink == 2
    except OSError as error:
        error.filename = error.filename or str(path)  # the error of a full disk has no file name
        raise
    finally:
        temporary.unlink(missing_ok=True)
    if is_created:
        sync(path.parent)
    return is_created


def remove_leftovers(folder: Path, name: str = "") -> None:
    """Remove temporary files of writers that have ended.

    Those of other machines count as ended if another name was added to the folder a day later: both times are of the
    file system.

    Args:
        folder: The folder.
        name: The name of the file that they were to become; empty for all.
    """
    latest = folder.stat().st_mtime
    for path in folder.glob(f".{escape(name)}*.tmp"):
        if written := _WRITER.search(path.name):
            is_own = written[1] == _machine_hash()
            with suppress(FileNotFoundError):  # its writer has just ended with it
                if not _is_alive(int(written[2])) if is_own else latest - path.stat().st_mtime > _DAY:
                    path.unlink()


@cache
def machine() -> str:
    """Return what tells this machine, or container, from all others, which may have the same host name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # macOS has neither
        import psutil  # deferred for start-up time

        return f"{socket.gethostname()} {psutil.boot_time():.0f}"


def make_folder(folder: Path) -> list[Path]:
    """Create a folder and those above it that are missing.

    Returns:
        Those that were created, the innermost first.

    Raises:
        OSError: It cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def check_writable(path: Path) -> None:
    """Check that a file can be written, or that files can be created in a folder, as far as permissions tell.

    Args:
        path: The file or folder; one that is missing is not checked.

    Raises:
        PermissionError: It cannot.
    """
    effective = os.access in os.supports_effective_ids
    needed = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    if path.exists() and not os.access(path, needed, effective_ids=effective):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def read_bytes(path: Path, longest: int | None = None) -> bytes:
    """Read a regular file; another one, such as a FIFO, could block or never end.

    Args:
        path: The file. Symbolic links are followed.
        longest: Number of bytes above which it is not read; None for any number.

    Raises:
        OSError: It cannot be read, is not a regular file, or is too long.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        content = file.read() if longest is None else file.read(longest + 1)
    if longest is not None and len(content) > longest:
        raise OSError(errno.EFBIG, f"Larger than {longest:,} bytes", str(path))
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a FIFO is opened, although nobody writes to it


def read_text(path: Path, longest: int | None = None) -> str:
    """Read a regular file in UTF-8, as `read_bytes` does.

    Raises:
        OSError: See `read_bytes`.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_bytes(path, longest).decode()


def sync(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk.

    Raises:
        OSError: It does not exist, or the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def empty(path: Path) -> None:
    """Truncate a file to length 0. A symbolic link is not followed.

    Raises:
        OSError: It does not exist, is a symbolic link, or cannot be written.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW))


def cache_folder() -> Path:
    """Return convboard's folder below the user's cache folder, by the XDG base directory specification.

    Raises:
        RuntimeError: The user has no home folder.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "convboard"


def cache_path(kind: str, key: Mapping[str, Any]) -> Path:
    """Return the JSON file of the cache folder that is for a JSON-like `key`; see `cache_folder`."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / kind / f"{digest[:32]}.json"


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _temporary(path: Path) -> Path:
    """A new name beside `path`, which tells the process that writes there."""
    return path.with_name(f".{path.name}.{_machine_hash()}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def _machine_hash() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH  # EPERM: alive, and another user's
    return True
