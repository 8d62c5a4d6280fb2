"""The names in folders that other processes add files to, read again only when a folder has changed."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_GRANULARITY = 3.0  # seconds; some file systems count modification times in steps of two


@dataclass
class _Look:
    """What was seen of a folder.

    Attributes:
        changed: Its modification time, which is compared with later ones of the same folder alone.
        since: When this time was first seen here, by the clock of this process.
        looked: When the folder was last looked at.
        is_read: Whether its names were read so long after the change that all of them were there.
    """

    changed: int
    since: float
    looked: float
    is_read: bool = False


class Listings:
    """Reads the names in folders.

    Args:
        clock: Gives seconds, from any start.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[Path, _Look] = {}

    def names(self, folder: Path, interval: float = 0.0) -> list[str]:
        """Return the names in a folder; none if it has not changed since they were last returned.

        Args:
            folder: The folder.
            interval: Seconds after a look in which it is not looked at again.

        Raises:
            OSError: It cannot be read.
        """
        now, look = self._clock(), self._looks.get(folder)
        if look is not None and now - look.looked < interval:
            return []
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # NFS asks its server here, but not in stat(2)
        try:
            changed = os.fstat(descriptor).st_mtime_ns
            if look is None or look.changed != changed:
                look = self._looks[folder] = _Look(changed, now, now)
            look.looked = now
            if look.is_read:
                return []
            look.is_read = now - look.since > _GRANULARITY
            return os.listdir(descriptor)  # noqa: PTH208  (of the folder that is open)
        finally:
            os.close(descriptor)
