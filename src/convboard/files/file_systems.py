"""What a file system must have for several processes, or machines, to share a folder: hard links, and their number.

`create_once` builds on them. Object stores that are mounted through FUSE have neither, or show changes late; they are
known by name, since one that shows changes late passes a test by one process.
"""

import errno
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from convboard.files import create_once

MOUNTS = Path("/proc/self/mountinfo")
_STORES = ("s3fs", "gcsfuse", "mountpoint-s3", "goofys", "geesefs", "rclone", "blobfuse", "cloudfuse", "ossfs", "cosfs")
_STORES_TOO = ("obsfs", "riofs", "yas3fs", "catfs", "hf-mount", "dbfs", "wsfs", "gcsfs")
_OBJECT_STORE = re.compile(rf"\b({'|'.join(map(re.escape, (*_STORES, *_STORES_TOO)))})(v?\d)?\b")
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EINVAL)


def why_not_shared(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return why processes cannot agree by files in a folder; empty if they can. A file is created there, and removed.

    Args:
        folder: The folder, which must exist.
        mounts: The list of what is mounted, in the form of `/proc/self/mountinfo`; it may be missing.

    Raises:
        OSError: The folder cannot be written. The error has its name.
    """
    kind, source = _mounted(folder, mounts)
    if kind.startswith("fuse") and (store := _OBJECT_STORE.search(f"{kind} {source}")):
        return f"it is on an object store ({store[0]}), which has no hard links or shows changes late"
    name = f" ({kind})" if kind else ""
    probe = folder / f".links.{secrets.token_hex(8)}"
    try:
        is_created = create_once(probe, "")
        if not is_created:
            return f"its file system{name} does not count hard links"
        return f"its file system{name} creates a file that is there already" if create_once(probe, "") else ""
    except OSError as error:
        if error.errno not in _NO_LINKS:
            error.filename = str(folder)
            raise
        return f"its file system{name} has no hard links: {error.strerror}"
    finally:
        with suppress(OSError):
            probe.unlink()


def _mounted(folder: Path, mounts: Path) -> tuple[str, str]:
    """Return the type and the source of what is mounted where a folder is; empty where nothing tells."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:  # not Linux
        return "", ""
    whole, found, longest = Path(os.path.realpath(folder)), ("", ""), -1
    for line in lines:
        place, _, described = line.partition(" - ")
        fields, kinds = place.split(" "), described.split(" ")
        if len(fields) < 5 or len(kinds) < 2:
            continue
        point = Path(_unescaped(fields[4]))
        if len(point.parts) >= longest and whole.is_relative_to(point):  # the last of several at one place hides others
            found, longest = (_unescaped(kinds[0]), _unescaped(kinds[1])), len(point.parts)
    return found


def _unescaped(text: str) -> str:
    r"""Return a field as it was before blanks were written as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), text)
