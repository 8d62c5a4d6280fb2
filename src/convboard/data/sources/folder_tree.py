"""A folder of pictures with everything below it. No file is opened."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convboard.data.sources.image_formats import extensions, kind_of
from convboard.data.sources.split_names import SPLITS

_SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")  # what macOS puts into archives, and Synology beside pictures


@dataclass
class Folder:
    """A folder with everything below it.

    Attributes:
        path: The folder.
        pictures: The image files directly in it.
        folders: The folders directly in it by name, in alphabetical order.
        left_out: Number of other files directly in it, by kind.
    """

    path: Path
    pictures: list[Path] = field(default_factory=list)
    folders: "dict[str, Folder]" = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def below(self) -> "Iterator[Folder]":
        """Iterate over this folder and all below it."""
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            waiting += folder.folders.values()
            yield folder

    def all_pictures(self) -> list[Path]:
        """Return the image files at any depth, sorted by path."""
        return sorted(path for folder in self.below() for path in folder.pictures)

    def all_left_out(self) -> Counter[str]:
        """Return the number of other files at any depth, by kind."""
        return sum((folder.left_out for folder in self.below()), Counter())

    def filled(self) -> "list[Folder]":
        """Return the folders directly in it that have pictures at any depth."""
        return [folder for folder in self.folders.values() if any(below.pictures for below in folder.below())]


def scan(path: Path) -> Folder:
    """List a folder and all folders below it, without hidden files and folders.

    Links to folders are followed where classes and splits are, and not below, where they could lead in a circle.

    Args:
        path: The folder.

    Raises:
        OSError: A folder cannot be read.
    """
    top = Folder(path)
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        may_link = folder is top or (folder.path.parent == path and folder.path.name in SPLITS)
        with os.scandir(folder.path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name[0] == "." or entry.name in _SYSTEM_FOLDERS:
                    continue
                if entry.is_dir(follow_symlinks=may_link):
                    folder.folders[entry.name] = Folder(Path(entry.path))
                else:
                    _add_file(folder, entry)
        waiting += folder.folders.values()
    return top


def _add_file(folder: Folder, entry: "os.DirEntry[str]") -> None:
    path = Path(entry.path)
    if not entry.is_file(follow_symlinks=False):
        try:
            mode = entry.stat().st_mode
        except OSError:  # a link to nowhere counts as a file: that it cannot be read is reported later
            mode = stat.S_IFREG
        if not stat.S_ISREG(mode):
            folder.left_out["link to a folder" if stat.S_ISDIR(mode) else "no regular file"] += 1
            return
    if path.suffix.lower() in extensions():
        folder.pictures.append(path)
    else:
        folder.left_out[kind_of(path)] += 1
