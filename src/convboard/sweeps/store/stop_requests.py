"""Requests that all workers of a sweep stop: `stops/` in its folder, with a file for each request.

A worker knows how many there were when it was started, or submitted, and stops when there is one more. So those that
are started later are not meant.
"""

import itertools
import os
from pathlib import Path

from convboard.files import create_once, make_folder

STOPS = "stops"


def count_stops(folder: Path) -> int:
    """Return how often the workers of a sweep have been asked to stop.

    Args:
        folder: The folder of the sweep.
    """
    names = _names(folder)
    return next(number for number in itertools.count() if f"{number:04}" not in names)


def is_stopped(folder: Path, known: int) -> bool:
    """Return whether there was another request than those that are known.

    Args:
        folder: The folder of the sweep.
        known: Their number.
    """
    return f"{known:04}" in _names(folder)


def _names(folder: Path) -> list[str]:
    """List the requests: a client of NFS that has looked for a name in vain says for a minute that it is not there."""
    try:
        return os.listdir(folder / STOPS)  # noqa: PTH208  (these are names, no paths)
    except FileNotFoundError:
        return []


def request_stop(folder: Path) -> None:
    """Ask all workers of a sweep to stop, also those that have been submitted and have not started.

    Args:
        folder: The folder of the sweep.

    Raises:
        OSError: It cannot be written.
    """
    make_folder(folder / STOPS)
    number = count_stops(folder)
    while not create_once(folder / STOPS / f"{number:04}", ""):
        number += 1
