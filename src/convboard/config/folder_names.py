"""The names of the directories of the runs of a sweep."""

import hashlib
import re

LONGEST_NAME = 150  # bytes; file systems allow 255 bytes


def folder_of(values: str, with_hash: bool = False) -> str:
    """Return the name of the directory of a run in a sweep.

    Where a folder cannot have the values as its name, a hash is added, so that no two runs share a directory.

    Args:
        values: What sets the run apart, such as `optimizer.lr=0.1,seed=2`.
        with_hash: Whether to add the hash in any case.
    """
    name = re.sub(r"[^\w.=,+-]", "_", values).encode()[:LONGEST_NAME].decode(errors="ignore")
    return name if name == values and not with_hash else f"{name}-{hashlib.sha256(values.encode()).hexdigest()[:6]}"
