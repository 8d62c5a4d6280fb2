"""Runs moved out of the way, in a way that can be undone.

The trash of `outputs` is `outputs.trash` beside it, where a run has the same path as it had in `outputs`. It is not
inside: TensorBoard would go on to show what is in it. Of runs elsewhere it is beside the folder that contains them, or
that contains their sweep. What is moved a second time under the same path is in `outputs.trash/.2`, and so on.
"""

import errno
import itertools
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from convboard.errors import RunError
from convboard.experiment.run_files import CONFIG
from convboard.files import make_folder
from convboard.sweeps.store.sweep_record import SWEEP

TRASH = ".trash"  # what the name of a trash folder ends with
_OUTPUTS = "outputs"
_AGAIN = re.compile(r"\.([2-9]|[1-9]\d+)")  # a folder of the trash for what is there already


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
        Where it is now. If the trash has one of this name, it is below a folder `.2`, `.3`, ... of the trash.

    Raises:
        RunError: It cannot be moved.
    """
    wanted = trash_of(path)
    trash = _trash(wanted)
    assert trash is not None
    again = (trash / f".{number}" / wanted.relative_to(trash) for number in itertools.count(2))
    target = next(place for place in itertools.chain([wanted], again) if _is_free(place, trash))
    _rename(path, target)
    return target


def _is_free(place: Path, trash: Path) -> bool:
    """Return whether something can be moved to a place in the trash: it is not there, nor within a run or a sweep."""
    within = (parent for parent in place.parents if parent.is_relative_to(trash))
    return not os.path.lexists(place) and not any(
        (folder / mark).exists() for folder in within for mark in (SWEEP, CONFIG)
    )


def _trash(path: Path) -> Path | None:
    """Return the trash that a path is in, or is itself; None if it is in none."""
    return next((folder for folder in (path, *path.parents) if folder.name.endswith(TRASH)), None)


def restore(path: Path) -> Iterator[Path]:
    """Move all that is in a folder of the trash back to where it was.

    Args:
        path: A trash folder, a folder below it, or the directory of a run there.

    Yields:
        What was moved back.

    Raises:
        RunError: The folder is not there or is no trash, or something else is now where a run was.
    """
    real = Path(os.path.realpath(path))
    trash = _trash(real)
    if trash is None:
        raise RunError(f"{path} is no folder of the trash, such as {_OUTPUTS}{TRASH}.")
    if not real.is_dir():
        raise RunError(f"{path} is not there: there is nothing to move back.")
    root = trash.with_name(trash.name.removesuffix(TRASH))
    for source, place in list(_sources(trash, real)):
        yield from _restored(source, root / place)
    for folder in (real, *real.parents):
        if folder.is_relative_to(trash):
            with suppress(OSError):  # not empty
                folder.rmdir()


def _sources(trash: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield what is to be moved back, and where it was below the root: what was moved last comes first.

    A sweep may have been moved after some of its runs: they are moved back into it.
    """
    if folder == trash:
        numbered = [(int(again[1]), entry) for entry in trash.iterdir() if (again := _AGAIN.fullmatch(entry.name))]
        for _, entry in sorted(numbered, reverse=True):
            yield entry, Path()
        others = (entry for entry in trash.iterdir() if not _AGAIN.fullmatch(entry.name))
        yield from ((entry, Path(entry.name)) for entry in sorted(others))
        return
    parts = folder.relative_to(trash).parts
    yield folder, Path(*parts[bool(_AGAIN.fullmatch(parts[0])) :])


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
