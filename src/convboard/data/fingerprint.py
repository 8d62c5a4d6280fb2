"""Fingerprint of a source's files: their sizes, modification times and hashes, in a small JSON file beside them.

A file is hashed again only if its size or its modification time has changed, as make and rsync do it, so that the start
of a run on known data reads no image file. No library that is installed anyway does this.
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
    """The present state of a source's files.

    Attributes:
        entries: Size in bytes, modification time in ns and SHA-256, by path relative to the source's folder.
        altered: Files whose content differs from that in the record.
        is_new: Whether anything differs from the record, including times.
    """

    entries: dict[str, tuple[int, int, str]]
    altered: tuple[Path, ...]
    is_new: bool

    @property
    def digest(self) -> str:
        """SHA-256 of all names and contents, in hexadecimal."""
        content = [(name, sha256) for name, (_, _, sha256) in sorted(self.entries.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def describe(self) -> str:
        """Return the number of files, their size and the beginning of the digest."""
        size = sum(size for size, _, _ in self.entries.values())
        return f"{len(self.entries):,} files, {size:,} bytes, SHA-256 {self.digest[:16]}"

    def save(self, record: Path) -> None:
        """Write it to its file."""
        files.atomic_write_text(record, json.dumps(self.entries))


def take_fingerprint(sources: Sequence[Path], folder: Path, record: Path | None) -> Fingerprint:
    """Compute the fingerprint of files, and hash those that have changed since the last one.

    Args:
        sources: The files, which must all exist.
        folder: Their common folder.
        record: The file of the last fingerprint; it may be missing. None if there is no such file.

    Raises:
        OSError: A file cannot be read.
    """
    known = _load(record) if record is not None else {}

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
    """The entries of the last fingerprint; none if its file is missing or damaged, so that all files are hashed."""
    try:
        loaded = json.loads(record.read_text()) if record.is_file() else None
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(loaded, dict):
        return {}
    return {name: (entry[0], entry[1], entry[2]) for name, entry in loaded.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    match entry:
        case [int(), int(), str()]:
            return True
    return False
