"""The entries of a hundred trials that are all over, in one file.

A sweep of 100,000 trials has more than 200,000 entries, each in a file of its own. Whoever opens it reads 1,000 files
instead, with a line of JSON for each trial.

Such a file is created once, and has the first entries of the log of each trial: entries that are added later, as when
a trial is tried again, are in files of their own only. Entries are never changed or removed, so that it stays true,
whoever writes it and when. Those who do not see it, or find it damaged, read the entries one by one.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convboard.files import create_once, read_text

_LONGEST = 100_000_000  # bytes of a file


def write_compacted(path: Path, logs: Mapping[int, Sequence[Mapping[str, Any]]]) -> None:
    """Write the entries of trials into one file, unless another process has done so.

    Args:
        path: The file.
        logs: The entries of each trial, the first one first.

    Raises:
        OSError: The folder cannot be written.
    """
    lines = (json.dumps({"trial": number, "entries": list(entries)}) for number, entries in sorted(logs.items()))
    create_once(path, "".join(f"{line}\n" for line in lines))


def read_compacted(path: Path, numbers: range) -> dict[int, list[object]]:
    """Return the entries of each trial of a file; none if it cannot be read, or is damaged.

    Args:
        path: The file.
        numbers: The trials that it may be about.
    """
    try:
        logs = {
            line["trial"]: list(line["entries"]) for line in map(json.loads, read_text(path, _LONGEST).splitlines())
        }
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return logs if logs.keys() <= set(numbers) else {}
