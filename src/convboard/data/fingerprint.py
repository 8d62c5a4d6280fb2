"""What a source's files were when they were last read: a small JSON file beside them.

As long as a file's size and time of change are those on record, its content is taken to be so too; otherwise it is
hashed again. Starting a run on known data thus reads no image file at all.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from convboard import files


@dataclass(frozen=True)
class Fingerprint:
    """A source's files, as found now.

    Attributes:
        entries: By path relative to the source's folder: size in bytes, time of change in ns, SHA-256.
        altered: Those whose content is not what is on record.
        is_new: Something differs from the record, be it only a time.
    """

    entries: dict[str, tuple[int, int, str]]
    altered: tuple[Path, ...]
    is_new: bool

    @property
    def digest(self) -> str:
        """One SHA-256 for all names and contents."""
        content = [(name, sha256) for name, (_, _, sha256) in sorted(self.entries.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def save(self, record: Path) -> None:
        """Put it on record."""
        files.atomic_write_text(record, json.dumps(self.entries))


def take_fingerprint(sources: Sequence[Path], folder: Path, record: Path) -> Fingerprint:
    """Look at a source's files, and hash those that changed since they were put on record.

    Args:
        sources: The files. All must be there.
        folder: Their common folder.
        record: The record; it may be missing.

    Raises:
        OSError: A file cannot be read.
    """
    known = _load(record)

    def entry(path: Path) -> tuple[int, int, str]:
        status = path.stat()
        size, changed, sha256 = known.get(str(path.relative_to(folder)), (-1, -1, ""))
        if (status.st_size, status.st_mtime_ns) == (size, changed):
            return size, changed, sha256
        return status.st_size, status.st_mtime_ns, files.sha256(path)

    with ThreadPoolExecutor() as pool:
        entries = dict(zip((str(path.relative_to(folder)) for path in sources), pool.map(entry, sources)))
    altered = [folder / name for name in entries if name in known and known[name][2] != entries[name][2]]
    return Fingerprint(entries, tuple(altered), is_new=entries != known)


def _load(record: Path) -> dict[str, tuple[int, int, str]]:
    """The record's entries; none where it is missing or damaged: then everything is hashed again."""
    try:
        loaded = json.loads(record.read_text())
        return {str(name): (int(size), int(changed), str(sha)) for name, (size, changed, sha) in loaded.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
