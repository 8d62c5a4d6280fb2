"""A folder with one folder of images for each class, or with `train/`, `val/` and `test/` that have these inside."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import torch
from torch import Tensor

from convboard.data.dataset import ImageShape, Remarks
from convboard.data.sources.class_folders import Classes, Listing, list_classes
from convboard.data.sources.folder_tree import scan
from convboard.data.sources.source import RawDataset, RawSplit, Source, UnreadableError
from convboard.data.sources.value_range import KINDS, ValueRanges, common_range, describe_range
from convboard.errors import DataError
from convboard.files import cache_folder

if TYPE_CHECKING:
    from convboard.data.sources.image_files import ImageHeader

Result = TypeVar("Result")

CUT_OFF = "cut off"  # the label of a remark
_SHOWN = 20  # files, or classes, in a message
_DEPTHS = {None: "8 bits", "integer": "16 bits or more", "float": "floating point"}
_FIT_TEXT: dict[str, str] = {
    "pad": "pad, the whole of each picture in a black border",
    "crop": "crop, the middle square of each picture",
    "stretch": "stretch, the whole of each picture in other proportions",
}


class ImageFolder(Source):
    """Images of any size and mode, brought to squares with one channel if all are grey, else with three.

    A file is an image if its name ends like one. Hidden files are ignored, and other files counted. The folders are the
    classes, in alphabetical order. If they are in `train/`, `val/` and `test/`, these are the splits; a missing split
    is a fixed, stratified tenth of the training images.

    Args:
        folder: The folder.
        fit: How images that are no squares become squares, see `image_files.fitted`.
    """

    name: ClassVar[str] = "image_folder"
    native_size: ClassVar[int] = 64
    fixed: ClassVar[bool] = False

    def __init__(self, folder: Path, fit: str = "pad") -> None:
        self.folder = folder
        self.fit = fit
        try:
            self.root = cache_folder() / "images"
            self.cache = self.root / f"{_file_name(folder)}-{fit}"
        except RuntimeError:  # the user has no home folder
            self.root, self.cache = folder, None

    def provide(self, download: bool) -> None:
        """Find the images, which cannot be downloaded.

        Args:
            download: Has no effect.

        Raises:
            DataError: The folder does not exist, or its folders are not classes that a network can learn.
        """
        assert self._listing

    def files(self) -> Sequence[Path]:
        """Return all images, by split and class."""
        return [path for classes in self._listing.splits.values() for paths in classes.values() for path in paths]

    def describe(self, size: int) -> tuple[ImageShape, int]:
        """Read the header of every image for its mode."""
        return (self._channels, size, size), len(self._listing.splits["train"])

    def remarks(self) -> Remarks:
        """Return the pictures per class, how they become squares, what is left out, and what may be a mistake."""
        listing = self._listing
        found = [
            ("classes", self._class_counts()),
            ("left out", listing.left_out),
            ("folders", listing.hint),
            ("fit", _FIT_TEXT[self.fit]),
        ]
        return tuple((label, text) for label, text in found if text)

    def read(self, size: int) -> RawDataset:
        """Read the header of every image, and the range of its values if it has more than 8 bits.

        The images are decoded when the splits are read.
        """
        splits, class_names = self._listing.splits, tuple(self._listing.splits["train"])
        ranges = self._value_ranges()
        return RawDataset(
            class_names,
            (self._channels, size, size),
            {name: self._split(classes, class_names, size, ranges) for name, classes in splits.items()},
            ranges,
            (*self._depth_remarks(ranges), *self._shape_remarks()),
        )

    def all_unreadable(self, first: UnreadableError) -> DataError:
        """Decode all images to find all that cannot be read."""
        from convboard.data.sources.image_files import find_problem, large_allowed  # deferred, as below

        with large_allowed(), ThreadPoolExecutor() as pool:
            found = [problem for problem in pool.map(find_problem, self.files()) if problem] or [first]
        names = "".join(f"\n  {problem.path}: {problem.reason}" for problem in found[:_SHOWN])
        more = f"\n  and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        if len(found) == 1:
            return DataError(
                f"{found[0].path} cannot be read as a picture: {found[0].reason}. Replace it, or remove it from the "
                "folder."
            )
        return DataError(
            f"{len(found):,} pictures cannot be read:{names}{more}\nReplace them, or remove them from the folder."
        )

    @cached_property
    def _listing(self) -> Listing:
        return list_classes(self.folder)

    def _class_counts(self) -> str:
        """`cat 120, dog 80`, over all splits."""
        splits = self._listing.splits
        counts = {name: sum(len(split.get(name, ())) for split in splits.values()) for name in splits["train"]}
        shown = ", ".join(f"{name} {counts[name]:,}" for name in list(counts)[:_SHOWN])
        if len(counts) <= _SHOWN:
            return shown
        least, most = min(counts.values()), max(counts.values())
        return f"{shown} and {len(counts) - _SHOWN:,} more, of {least:,} to {most:,} pictures"

    @cached_property
    def _headers(self) -> "list[ImageHeader]":
        from convboard.data.sources.image_files import read_header  # deferred for start-up time: loads Pillow and NumPy

        return self._for_each(read_header, self.files())

    @property
    def _channels(self) -> int:
        return 1 if all(header.is_grey for header in self._headers) else 3

    def _value_ranges(self) -> ValueRanges:
        """The ranges in which images of more than 8 bits are scaled, by the kind of their values."""
        from convboard.data.sources.image_files import read_ranges  # deferred, as above

        ranges: dict[str, tuple[float, float]] = {}
        for kind in KINDS:
            deep = [path for path, header in zip(self.files(), self._headers) if header.kind == kind]
            if deep:
                ranges[kind] = common_range(kind, chain.from_iterable(self._for_each(read_ranges, deep)))
        return ranges

    def _depth_remarks(self, ranges: ValueRanges) -> Remarks:
        texts = [describe_range(kind, *ranges[kind]) for kind in KINDS if kind in ranges]
        cut = sum(header.is_cut for header in self._headers)
        if cut:
            texts.append(f"{cut:,} in colour of 16 bits, of which the upper 8 are used")
        by_class = self._depths_by_class()
        kinds = Counter(kind for found in by_class.values() for kind in found)
        apart = {name: sorted(found) for name, found in by_class.items() if all(kinds[kind] == 1 for kind in found)}
        if apart and len(by_class) > 1:
            named = ", ".join(f"{name} {' and '.join(found)}" for name, found in list(apart.items())[:_SHOWN])
            texts.append(f"no other class has the depth of these, by which a network may recognise them: {named}")
        elif len(kinds) > 1:
            texts.append("those of 8 bits stay as they are")
        return (("depth", "; ".join(texts)),) if texts else ()

    def _depths_by_class(self) -> dict[str, frozenset[str]]:
        """The depths of the pictures of each class, over all splits, in words."""
        depths = (_DEPTHS[header.kind] if not header.is_cut else "16 bits" for header in self._headers)
        found: dict[str, set[str]] = {}
        for classes in self._listing.splits.values():
            for name, paths in classes.items():
                found.setdefault(name, set()).update(next(depths) for _ in paths)
        return {name: frozenset(kinds) for name, kinds in found.items()}

    def _shape_remarks(self) -> Remarks:
        """What to know of pictures most of which are much longer in one direction than in the other."""
        long = [header.size for header in self._headers if max(header.size) > 2 * min(header.size)]
        if self.fit != "crop" or 2 * len(long) <= len(self._headers):
            return ()
        width, height = max(long, key=lambda size: max(size) / min(size))
        return ((CUT_OFF, f"more than half of most pictures, which are up to {width}x{height}"),)

    def _split(self, classes: Classes, class_names: Sequence[str], size: int, ranges: ValueRanges) -> RawSplit:
        from convboard.data.sources.image_files import read_picture  # deferred, as above

        paths = [path for found in classes.values() for path in found]
        numbers = [class_names.index(name) for name, found in classes.items() for _ in found]
        channels = self._channels

        def read_one(path: Path) -> Tensor:
            return torch.from_numpy(read_picture(path, (size, size), channels, self.fit, ranges))

        def read(indices: Tensor) -> Tensor:
            return torch.stack(self._for_each(read_one, [paths[index] for index in indices.tolist()]))

        return RawSplit(torch.tensor(numbers), read)

    def _for_each(self, function: Callable[[Path], Result], paths: Sequence[Path]) -> list[Result]:
        """Call a function for files, in threads.

        Raises:
            DataError: Files cannot be read; all such files of the folder are named.
        """
        from convboard.data.sources.image_files import large_allowed  # deferred, as above

        try:
            with large_allowed(), ThreadPoolExecutor() as pool:
                return list(pool.map(function, paths))
        except UnreadableError as first:
            raise self.all_unreadable(first) from None


def _file_name(folder: Path) -> str:
    """The start of the names of the files of a folder's cache: the folder's name, and a hash of its path."""
    name = re.sub(r"[^\w.-]", "_", folder.name)[:50]
    return f"{name}-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"


def image_files(folder: Path) -> list[Path]:
    """Return the image files in a folder, at any depth, sorted by path, without hidden ones.

    Raises:
        OSError: A folder cannot be read.
    """
    return scan(folder).all_pictures()
