"""Images and labels of a run. `load` and the sources read them, `batches` makes batches of them."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from convboard.data.sources.value_range import ValueRanges
from convboard.errors import DataError

ImageShape = tuple[int, int, int]  # (C, H, W)
Remarks = tuple[tuple[str, str], ...]  # what a user should know of the images: labels and texts


@dataclass(frozen=True)
class Split:
    """One split of a data set.

    Attributes:
        images: uint8 [N, C, H, W], possibly a memory map of the cache.
        labels: int64 [N], the index of each image's class in `ImageDataset.class_names`.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageDataset:
    """A data set with its splits.

    Attributes:
        name: Its name, such as `mnist`.
        class_names: One name for each class, in the order of the labels.
        mean: Mean of each channel of the training images scaled to 0..1.
        std: Standard deviation of each channel, likewise; 1 for a constant channel.
        train: The images to train on.
        val: The images that select the best epoch. They are never trained on, and are the same for every seed.
        test: The images that the selected epoch is tested on, once.
        value_ranges: The ranges of values that became black and white, of pixels of more than 8 bits.
        remarks: What a user should know of the images, as pairs of a label and a text.

    Raises:
        DataError: The splits do not match, or a label is not one of the classes.
    """

    name: str
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Split
    val: Split
    test: Split
    value_ranges: ValueRanges = field(default_factory=dict)
    remarks: Remarks = ()

    def __post_init__(self) -> None:
        for part in ("train", "val", "test"):
            self._check_split(part, getattr(self, part))
        channels = self.image_shape[0]
        if not len(self.mean) == len(self.std) == channels:
            raise DataError(
                f"Dataset {self.name!r} has images of {channels} channels, but {len(self.mean)} means and "
                f"{len(self.std)} standard deviations. Give one of each for every channel."
            )
        if not all(math.isfinite(value) and value > 0 for value in self.std):
            raise DataError(f"Dataset {self.name!r} has standard deviations {self.std}; each must be above 0.")

    def _check_split(self, part: str, split: Split) -> None:
        where = f"Dataset {self.name!r}, {part} split"
        images, labels = split.images, split.labels
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise DataError(f"{where}: images are {_described(images)}; they must be uint8 [N, C, H, W], 0 to 255.")
        if labels.dtype != torch.int64 or labels.ndim != 1:
            raise DataError(f"{where}: labels are {_described(labels)}; they must be int64 [N].")
        if len(images) != len(labels):
            raise DataError(f"{where}: {len(images)} images but {len(labels)} labels; there must be one for each.")
        if len(labels) == 0:
            raise DataError(f"{where}: it is empty; there must be one image at least.")
        if images.shape[1:] != self.train.images.shape[1:]:
            raise DataError(
                f"{where}: images are {list(images.shape[1:])}, those to train on are "
                f"{list(self.train.images.shape[1:])} (channels, height, width); they must be the same."
            )
        outside = (labels < 0) | (labels >= self.num_classes)
        if bool(outside.any()):
            index = int(outside.nonzero()[0])
            raise DataError(
                f"{where}: image {index} has a label outside the classes: {int(labels[index])}. "
                f"There are {self.num_classes} classes, so that labels go from 0 to {self.num_classes - 1}."
            )

    @property
    def image_shape(self) -> ImageShape:
        """(C, H, W) of every image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def nbytes(self) -> int:
        """Bytes of the images of all three splits."""
        return sum(split.images.nbytes for split in (self.train, self.val, self.test))


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
