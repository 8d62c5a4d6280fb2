"""Augmentation of a whole batch at once, on its device. What a sample gets is drawn in `order`, by its index."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.order import draw
from convboard.errors import ConfigError

_TOP, _LEFT, _FLIP, _HOLE_ROW, _HOLE_COLUMN = range(1, 6)  # purposes of draws; changing one changes every run


@dataclass(frozen=True)
class Augmentation:
    """What is changed in a training image each time it is seen.

    Attributes:
        random_crop: Pixels of black put round the image, of which a window of the old size is then cut out
            anywhere; 0 for none.
        horizontal_flip: Mirror every second image, left to right.
        cutout: Side in pixels of a square hole, its centre anywhere in the image, filled with the mean colour
            (DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017);
            0 for none.

    Raises:
        ConfigError: A negative size.
    """

    random_crop: int = 0
    horizontal_flip: bool = False
    cutout: int = 0

    def __post_init__(self) -> None:
        for key in ("random_crop", "cutout"):
            if getattr(self, key) < 0:
                raise ConfigError(
                    f"dataset.{key}={getattr(self, key)} is not allowed: it is a number of pixels, 0 for none."
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
        highs = {_TOP: places, _LEFT: places, _FLIP: 2, _HOLE_ROW: self.height, _HOLE_COLUMN: self.width}
        return Draws(*(draw(indices, high, self.seed, epoch, purpose) for purpose, high in highs.items()))

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
        if padding:
            images = functional.pad(images, [padding] * 4)
        # One gather does both: each target pixel's row and column in the padded image, told per sample. It is the
        # fastest way seen on the CPU, and takes the device a single pass.
        device, (batch, channels, _, stride) = images.device, images.shape
        rows = torch.arange(self.height, device=device) + draws.top[:, None]
        columns = torch.arange(self.width, device=device)
        if self.augmentation.horizontal_flip:
            columns = torch.stack([columns, columns.flip(0)]).index_select(0, draws.flip)
        source = (rows * stride)[:, :, None] + (columns + draws.left[:, None])[:, None, :]
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


def _outside(length: int, start: Tensor, side: int) -> Tensor:
    """Which of `length` places are not in the `side` places from `start` on, bool `[B, length]`."""
    places = torch.arange(length, device=start.device) - start[:, None]
    return (places < 0) | (places >= side)
