"""The log directories of a TensorBoard, and the names that it gives to the runs in them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LogDirectories = Mapping[Path, str]  # what the names of the runs in each directory begin with; "" if with nothing


def log_directories(flags: Any) -> dict[Path, str]:
    """Return the log directories that `--logdir` or `--logdir_spec` names, such as `a:runs/first,b:runs/second`.

    Args:
        flags: TensorBoard's flags.
    """
    if flags.logdir:
        return {Path(flags.logdir).expanduser(): ""}
    specified = [_named(part) for part in (flags.logdir_spec or "").split(",") if part]
    return {Path(path).expanduser(): name for name, path in specified}


def _named(part: str) -> tuple[str, str]:
    """Return name and path; a part that begins with a slash is a path alone, also if it has a colon."""
    name, colon, path = part.partition(":")
    return (name, path) if colon and not part.startswith("/") else ("", part)


def name_below(directories: LogDirectories, path: Path) -> str:
    """Return what TensorBoard calls a run.

    Args:
        directories: The log directories.
        path: The directory of the run, in one of them.
    """
    directory, below = _located(directories, path)
    return os.path.join(directories[directory], below)  # noqa: PTH118  (keeps `a/.`)


def as_given(directories: LogDirectories, path: Path) -> Path:
    """Return a path in one of the log directories as one below this directory as it was given, such as `outputs/a`."""
    directory, below = _located(directories, path)
    return directory / below


def _located(directories: LogDirectories, path: Path) -> tuple[Path, str]:
    """Return the log directory that a path is in, and the path below it."""
    below = {directory: os.path.relpath(path, directory) for directory in directories}
    return next((directory, name) for directory, name in below.items() if Path(name).parts[:1] != (os.pardir,))
