"""A folder with one folder of images for each class, or with `train/`, `val/` and `test/` that have these inside."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from convboard.data.sources.source import RawDataset, RawSplit, Source
from convboard.errors import DataError, nearest

EXTENSIONS = (
    *(".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff"),
    ".webp",
)
"""File name extensions of images, in lower case."""

_SPLITS = ("train", "val", "test")


class ImageFolder(Source):
    """Images of any size and mode, brought to squares with one channel if all are grey, else with three.

    A file is an image if its name has one of `EXTENSIONS`. Other files are ignored, as are names that begin with a dot.
    The folders are the classes, in alphabetical order. If they are in `train/`, `val/` and `test/`, these are the
    splits; a missing split is a fixed, stratified tenth of the training images.

    Args:
        folder: The folder.
    """

    name: ClassVar[str] = "image_folder"
    native_size: ClassVar[int] = 64
    fixed: ClassVar[bool] = False

    def __init__(self, folder: Path) -> None:
        self.root = self.folder = folder

    def provide(self, download: bool) -> None:
        """Find the images, which cannot be downloaded.

        Args:
            download: Has no effect.

        Raises:
            DataError: The folder does not exist, a class has no images, or there is no class.
        """
        assert self._listing

    def files(self) -> Sequence[Path]:
        """Return all images, by split and class."""
        return [path for classes in self._listing.values() for paths in classes.values() for path in paths]

    def read(self, size: int) -> RawDataset:
        """Read the header of every image for its mode. The images are decoded when the splits are read."""
        from convboard.data.sources.image_files import is_grey  # deferred for start-up time: loads Pillow and NumPy

        class_names = tuple(self._listing["train"])
        with ThreadPoolExecutor() as pool:
            channels = 1 if all(pool.map(is_grey, self.files())) else 3
        splits = {name: _split(classes, class_names, size, channels) for name, classes in self._listing.items()}
        return RawDataset(class_names, (channels, size, size), splits)

    @cached_property
    def _listing(self) -> dict[str, dict[str, list[Path]]]:
        """Images by split and class."""
        if not self.folder.is_dir():
            raise DataError(
                f"path={self.folder} is not a folder. It must be one that holds a folder of pictures for each class.",
                arguments=("path",),
            )
        if not _folders(self.folder / "train"):
            return {"train": _classes(self.folder)}
        for folder in _folders(self.folder):
            if folder.name not in _SPLITS:
                raise DataError(f"{folder} stands beside train/, but is no split. {nearest(folder.name, _SPLITS)}")
        listing = {name: _classes(self.folder / name) for name in _SPLITS if (self.folder / name).is_dir()}
        for name, classes in listing.items():
            for unknown in sorted(classes.keys() - listing["train"].keys()):
                raise DataError(
                    f"{self.folder / name / unknown} is a class that train/ does not have. "
                    f"{nearest(unknown, listing['train'])}"
                )
        return listing


def image_files(folder: Path) -> list[Path]:
    """Return the image files in a folder, at any depth, sorted by path, without hidden ones."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)
    return sorted(path for path in found if path.name[0] != "." and not path.is_dir())


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, in alphabetical order, without hidden ones; none if the folder does not exist."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _classes(folder: Path) -> dict[str, list[Path]]:
    """The images of each class in a folder, at any depth."""
    classes: dict[str, list[Path]] = {}
    for class_folder in _folders(folder):
        classes[class_folder.name] = image_files(class_folder)
        if not classes[class_folder.name]:
            raise DataError(
                f"{class_folder} has no pictures. Every class needs at least one: add some, or remove the folder. "
                f"Pictures end in {', '.join(EXTENSIONS)}."
            )
    if not classes:
        raise DataError(
            f"{folder} has no class folders. It must hold a folder of pictures for each class, such as "
            f"{folder / 'cat'} and {folder / 'dog'}."
        )
    return classes


def _split(classes: Mapping[str, Sequence[Path]], class_names: Sequence[str], size: int, channels: int) -> RawSplit:
    from convboard.data.sources.image_files import read_picture  # deferred, as above

    paths = [path for found in classes.values() for path in found]
    numbers = [class_names.index(name) for name, found in classes.items() for _ in found]

    def read(indices: Tensor) -> Tensor:
        with ThreadPoolExecutor() as pool:
            chosen = [paths[index] for index in indices.tolist()]
            pixels = pool.map(lambda path: read_picture(path, size, channels), chosen)
            return torch.stack([torch.from_numpy(picture) for picture in pixels])

    return RawSplit(torch.tensor(numbers), read)
