"""The interface of a source of images: the files that it consists of, and their images, read at a chosen size."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.dataset import ImageShape, Remarks
from convboard.data.sources.value_range import ValueRanges
from convboard.errors import DataError


@dataclass(frozen=True)
class RawSplit:
    """A split of a source, which is read in parts so that it need not fit into memory.

    Attributes:
        labels: int64 [N].
        read: Takes indices, int64 [B], and returns the images at these indices, uint8 [B, C, S, S].
    """

    labels: Tensor
    read: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RawDataset:
    """A source that was opened.

    Attributes:
        class_names: In the order of the labels.
        image_shape: (C, S, S) of the images that `RawSplit.read` returns.
        splits: `train`, and `val` and `test` if the source has them.
        value_ranges: The ranges of values that become black and white, of pixels of more than 8 bits.
        remarks: What was done to the images, as pairs of a label and a text.
    """

    class_names: tuple[str, ...]
    image_shape: ImageShape
    splits: Mapping[str, RawSplit]
    value_ranges: ValueRanges = field(default_factory=dict)
    remarks: Remarks = ()


class UnreadableError(DataError):
    """A file of a source cannot be read.

    Attributes:
        path: The file.
        reason: Why.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}. See that it is there and may be read.")
        self.path, self.reason = path, reason


class Source(ABC):
    """A source of images.

    Attributes:
        name: The name of its data set.
        native_size: Side in pixels of its images, for a network that takes any size.
        channels_and_classes: Channels of its images, number of its classes; None if its files must be read for that.
        fixed: Whether its files never change, so that a changed file is damaged. Otherwise a change is accepted.
        val_size: Training images in the validation split; None for a tenth.
        test_size: Training images in the test split, for a source that has none of its own; None for a tenth.
        root: The folder in which files may be written.
        folder: The folder of its files.
        cache: Where its cache is, without the end of the files' names; None if it has none.
    """

    name: ClassVar[str]
    native_size: ClassVar[int]
    channels_and_classes: ClassVar[tuple[int, int] | None] = None
    fixed: ClassVar[bool] = True
    val_size: ClassVar[int | None] = None
    test_size: ClassVar[int | None] = None
    root: Path
    folder: Path
    cache: Path | None

    @property
    def record(self) -> Path | None:
        """The file of the last fingerprint of its files; None if it has no cache."""
        return self.cache.with_name(f"{self.cache.name}.json") if self.cache else None

    @abstractmethod
    def files(self) -> Sequence[Path]:
        """Return all its files in a fixed order, whether or not they exist; none if it needs no cache."""

    @abstractmethod
    def provide(self, download: bool) -> None:
        """Make sure that all files exist.

        Args:
            download: Whether missing files may be downloaded.

        Raises:
            DataError: A file is missing and cannot be downloaded.
        """

    def describe(self, size: int) -> tuple[ImageShape, int]:
        """Return (C, H, W) of its images and the number of its classes; no image is decoded.

        Args:
            size: Side of the images in pixels.

        Raises:
            DataError: A file that must be read for this is missing or damaged.
        """
        assert self.channels_and_classes
        channels, classes = self.channels_and_classes
        return (channels, size, size), classes

    def all_unreadable(self, first: UnreadableError) -> DataError:
        """Return the error for files that cannot be read, of which `first` is one."""
        return first

    def remarks(self) -> Remarks:
        """Return what a user should know of the choice of the files, as pairs of a label and a text."""
        return ()

    @abstractmethod
    def read(self, size: int) -> RawDataset:
        """Open it, after checking that its files are undamaged.

        Args:
            size: Side of the images in pixels.

        Raises:
            DataError: A file is damaged.
        """


def array_split(images: Tensor, labels: Tensor, size: int) -> RawSplit:
    """Return a split of images that are in memory.

    Args:
        images: uint8 [N, C, H, H].
        labels: int64 [N].
        size: Side in pixels of the images that the split returns.
    """
    return RawSplit(labels, lambda indices: resized(images.index_select(0, indices), size))


def resized(images: Tensor, size: int) -> Tensor:
    """Bring square images to a size: smaller ones get a black frame, larger ones are scaled down.

    Args:
        images: uint8 [B, C, H, H].
        size: New side in pixels. An odd pixel of the frame is on the right and at the bottom.

    Returns:
        uint8 [B, C, size, size].
    """
    side = images.shape[-1]
    if side == size:
        return images
    if side > size:
        scaled = functional.interpolate(images.float(), size=(size, size), mode="bilinear", antialias=True)
        return scaled.round_().clamp_(0, 255).to(torch.uint8)
    before = (size - side) // 2
    after = size - side - before
    return functional.pad(images, (before, after, before, after))
