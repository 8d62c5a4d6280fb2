"""What is said of a path that is no run directory: which one was probably meant."""

import os
from pathlib import Path

from convboard.errors import RunError

_DEPTH = 3  # outputs/<dataset>/<model>/<run>
_SHOWN = 3


def no_run(path: Path, config: str) -> RunError:
    """Return the error for a path that is no run directory.

    Args:
        path: The path.
        config: Name of the file that every run directory has.
    """
    for parent in list(path.absolute().parents)[:2] if path.exists() else ():
        if (parent / config).is_file():
            run = parent if path.is_absolute() else Path(os.path.relpath(parent))
            return RunError(f"{path} is a part of a run: give the run directory itself, which is {run}.")
    has = f"a run directory has a {config} in it, such as those below outputs/"
    if not path.is_dir():
        return RunError(f"{path} is not there: {has}.")
    runs = [file.parent for depth in range(1, _DEPTH + 1) for file in path.glob(f"{'*/' * depth}{config}")]
    if runs:
        newest = sorted(runs, key=lambda run: run.name)[-_SHOWN:]
        has = f"give one of the runs below it, such as {' or '.join(map(str, reversed(newest)))}"
    return RunError(f"{path} holds no run: {has}.")
