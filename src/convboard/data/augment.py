"""Augmentation of a whole batch at once, on its device. What a sample gets is drawn in `order`, by its index."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.counter_rng import draw
from convboard.errors import ConfigError, nearest

CROP_BORDERS = ("black", "reflect")

_TOP, _LEFT, _FLIP, _HOLE_ROW, _HOLE_COLUMN = range(1, 6)  # purposes of draws; changing one changes every run


@dataclass(frozen=True)
class Augmentation:
    """What is changed in a training image each time it is seen.

    Attributes:
        random_crop: Pixels put round the image, of which a window of the old size is then cut out anywhere; 0 for
            none.
        crop_border: What those pixels are: `black`, or `reflect` for the image mirrored at its edge.
        horizontal_flip: Mirror half of the images, left to right, and the other half in the next epoch: two epochs
            show each image both ways (alternating flip, arXiv:2404.00498, section 3.6).
        cutout: Side in pixels of a square hole, its centre anywhere in the image, filled with the mean colour
            (DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017);
            0 for none.

    Raises:
        ConfigError: A negative size, or an unknown border.
    """

    random_crop: int = 0
    crop_border: str = "black"
    horizontal_flip: bool = False
    cutout: int = 0

    def __post_init__(self) -> None:
        for key in ("random_crop", "cutout"):
            if getattr(self, key) < 0:
                raise ConfigError(
                    f"dataset.{key}={getattr(self, key)} is not allowed: it is a number of pixels, 0 for none."
                )
        if self.crop_border not in CROP_BORDERS:
            raise ConfigError(
                f"dataset.crop_border={self.crop_border!r} is unknown. {nearest(self.crop_border, CROP_BORDERS)}"
            )


class Draws(NamedTuple):
    """What was drawn for some samples, int64 `[N]` each; a slice of each belongs to a batch."""

    top: Tensor
    left: Tensor
    flip: Tensor
    hole_row: Tensor
    hole_column: Tensor

    def batch(self, start: int, end: int) -> "Draws":
        """The draws of samples `start` to `end` - 1."""
        return Draws(*(values[start:end] for values in self))


class Augmenter:
    """Augments batches of images of one shape.

    Args:
        augmentation: What to do.
        image_shape: (C, H, W) of an image.
        seed: The run's seed.

    Raises:
        ConfigError: Something is as large as the images, of which nothing would be left.
    """

    def __init__(self, augmentation: Augmentation, image_shape: tuple[int, int, int], seed: int) -> None:
        self.augmentation = augmentation
        self.seed = seed
        _, self.height, self.width = image_shape
        for key in ("random_crop", "cutout"):
            pixels = getattr(augmentation, key)
            if pixels >= min(self.height, self.width):
                raise ConfigError(
                    f"dataset.{key}={pixels}: must be smaller than the images, which are {self.height}x{self.width}."
                )

    def draws(self, indices: Tensor, epoch: int) -> Draws:
        """Draw for many samples at once, for instance for a whole epoch in its order.

        Args:
            indices: The samples' places in their split, int64 `[N]`, on the device where they are augmented.
            epoch: The epoch.
        """
        places = 2 * self.augmentation.random_crop + 1
        return Draws(
            top=draw(indices, places, self.seed, epoch, _TOP),
            left=draw(indices, places, self.seed, epoch, _LEFT),
            flip=(draw(indices, 2, self.seed, 0, _FLIP) + epoch) % 2,  # drawn once for the run, then by turns
            hole_row=draw(indices, self.height, self.seed, epoch, _HOLE_ROW),
            hole_column=draw(indices, self.width, self.seed, epoch, _HOLE_COLUMN),
        )

    def move(self, images: Tensor, draws: Draws) -> Tensor:
        """Crop and flip.

        Args:
            images: uint8 `[B, C, H, W]`.
            draws: Those of these samples.

        Returns:
            uint8 `[B, C, H, W]`.
        """
        padding = self.augmentation.random_crop
        if not padding and not self.augmentation.horizontal_flip:
            return images
        reflect = self.augmentation.crop_border == "reflect"
        if padding and not reflect:
            images = functional.pad(images, [padding] * 4)
        # One gather does it all: each target pixel's row and column in the (padded) image, told per sample. It is the
        # fastest way seen on the CPU, and takes the device a single pass.
        device, (batch, channels, _, stride) = images.device, images.shape
        columns = torch.arange(self.width, device=device)
        if self.augmentation.horizontal_flip:
            columns = torch.stack([columns, columns.flip(0)]).index_select(0, draws.flip)
        columns = columns + draws.left[:, None]
        rows = torch.arange(self.height, device=device) + draws.top[:, None]
        if reflect:
            rows, columns = _reflected(rows - padding, self.height), _reflected(columns - padding, self.width)
        source = (rows * stride)[:, :, None] + columns[:, None, :]
        source = source.view(batch, 1, -1).expand(-1, channels, -1)
        moved = images.view(batch, channels, -1).gather(2, source)
        return moved.view(batch, channels, self.height, self.width)

    def cut(self, images: Tensor, draws: Draws) -> Tensor:
        """Cut the hole out of normalised images, in place: their mean colour is 0.

        Args:
            images: float32 `[B, C, H, W]`.
            draws: Those of these samples.

        Returns:
            `images`.
        """
        side = self.augmentation.cutout
        if not side:
            return images
        rows = _outside(self.height, draws.hole_row - side // 2, side)
        columns = _outside(self.width, draws.hole_column - side // 2, side)
        return images.mul_((rows[:, :, None] | columns[:, None, :])[:, None])


def _reflected(places: Tensor, length: int) -> Tensor:
    """Places outside 0 to `length` - 1, mirrored at the first or the last of these, back into them."""
    return (length - 1) - (places.abs() - (length - 1)).abs()


def _outside(length: int, start: Tensor, side: int) -> Tensor:
    """Which of `length` places are not in the `side` places from `start` on, bool `[B, length]`."""
    places = torch.arange(length, device=start.device) - start[:, None]
    return (places < 0) | (places >= side)
