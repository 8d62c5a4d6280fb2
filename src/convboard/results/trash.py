"""Runs moved out of the way, in a way that can be undone.

The trash of `outputs` is `outputs.trash` beside it, where a run has the same path as it had in `outputs`. It is not
inside: TensorBoard would go on to show what is in it. Of runs elsewhere it is beside the folder that contains them, or
that contains their sweep.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from convboard.errors import RunError
from convboard.files import make_folder
from convboard.sweeps.store.sweep_record import SWEEP

TRASH = ".trash"  # what the name of a trash folder ends with
_OUTPUTS = "outputs"


def trash_of(path: Path) -> Path:
    """Return where a run or a sweep is put.

    Args:
        path: Its directory, which may be missing.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  (links stay)
    parents = [*absolute.parents]
    root = next((parent for parent in parents if parent.name == _OUTPUTS), None)
    if root is None:
        root = parents[1] if (parents[0] / SWEEP).exists() and len(parents) > 1 else parents[0]
    real = Path(os.path.realpath(root))
    return real.with_name(f"{real.name}{TRASH}") / absolute.relative_to(root)


def move_to_trash(path: Path) -> Path:
    """Move a run or a sweep into the trash.

    Args:
        path: Its directory.

    Returns:
        Where it is now. If the trash has one of this name, a number is added.

    Raises:
        RunError: It cannot be moved.
    """
    wanted = trash_of(path)
    target = next(place for place in _places(wanted) if not os.path.lexists(place))
    _rename(path, target)
    return target


def _places(wanted: Path) -> Iterator[Path]:
    yield wanted
    number = 2
    while True:
        yield wanted.with_name(f"{wanted.name}-{number}")
        number += 1


def restore(path: Path) -> list[Path]:
    """Move all that is in a folder of the trash back to where it was.

    Args:
        path: A trash folder, a folder below it, or the directory of a run there.

    Returns:
        What was moved back.

    Raises:
        RunError: The folder is not there or is no trash, or something else is now where a run was.
    """
    real = Path(os.path.realpath(path))
    trash = next((folder for folder in (real, *real.parents) if folder.name.endswith(TRASH)), None)
    if trash is None or not real.is_dir():
        raise RunError(f"{path} is no folder of the trash, such as {_OUTPUTS}{TRASH}.")
    root = trash.with_name(trash.name.removesuffix(TRASH))
    moved = list(_restored(real, root / real.relative_to(trash)))
    for folder in (real, *real.parents):
        if folder.is_relative_to(trash):
            with suppress(OSError):  # not empty
                folder.rmdir()
    return moved


def _restored(source: Path, target: Path) -> Iterator[Path]:
    """Move a folder back, or if there is one, all that is in it; but never into a run."""
    if not os.path.lexists(target):
        _rename(source, target)
        yield target
        return
    entries = sorted(source.iterdir())
    if not target.is_dir() or any(not entry.is_dir() for entry in entries):
        raise RunError(f"{target} is there already: move one of the two, and restore {source} again.")
    for entry in entries:
        yield from _restored(entry, target / entry.name)
    source.rmdir()


def _rename(source: Path, target: Path) -> None:
    try:
        make_folder(target.parent)
        source.rename(target)
    except OSError as error:
        reason = "it is on another disk" if error.errno == errno.EXDEV else error.strerror
        raise RunError(f"{source} cannot be moved to {target}: {reason}.") from error
