"""Augmentation of a whole batch at once, on its device, with random numbers from `counter_rng`."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.counter_rng import draw
from convboard.data.dataset import ImageShape
from convboard.data.options import CROP_BORDERS

_TOP, _LEFT, _FLIP, _HOLE_ROW, _HOLE_COLUMN = range(1, 6)  # purposes of draws; another number changes every run


@dataclass(frozen=True)
class Augmentation:
    """Random changes of training images.

    Attributes:
        random_crop: Pixels of padding on each side, from which a window of the original size is cropped at random; 0
            for none. Must be smaller than the images.
        crop_border: One of `CROP_BORDERS`: the padding is black, or the image mirrored at its edge.
        horizontal_flip: Whether to mirror half of the images, and the other half in the next epoch, so that two epochs
            have each image both ways (alternating flip, arXiv:2404.00498, section 3.6).
        cutout: Side in pixels of a square with its centre anywhere in the image that is replaced by the mean colour
            (DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017); 0 for
            none. Must be smaller than the images.
    """

    random_crop: int = 0
    crop_border: str = "black"
    horizontal_flip: bool = False
    cutout: int = 0

    def __post_init__(self) -> None:
        assert self.random_crop >= 0
        assert self.cutout >= 0
        assert self.crop_border in CROP_BORDERS


class Draws(NamedTuple):
    """The random numbers of some samples, int64 [N] each.

    Attributes:
        top: First row of the crop in the padded image.
        left: First column of the crop.
        flip: 1 to mirror the image, else 0.
        hole_row: Row of the centre of the cutout.
        hole_column: Column of the centre of the cutout.
    """

    top: Tensor
    left: Tensor
    flip: Tensor
    hole_row: Tensor
    hole_column: Tensor

    def batch(self, start: int, end: int) -> "Draws":
        """Return the draws of samples `start` to `end` - 1."""
        return Draws(*(values[start:end] for values in self))


class Augmenter:
    """Augments batches of images of one shape.

    Args:
        augmentation: What to do.
        image_shape: (C, H, W) of an image.
        seed: The run's seed.
    """

    def __init__(self, augmentation: Augmentation, image_shape: ImageShape, seed: int) -> None:
        self.augmentation = augmentation
        self.seed = seed
        _, self.height, self.width = image_shape
        assert max(augmentation.random_crop, augmentation.cutout) < min(self.height, self.width)

    def draws(self, indices: Tensor, epoch: int) -> Draws:
        """Draw the random numbers of many samples at once, for instance of a whole epoch.

        Args:
            indices: int64 [N], the samples' indices in their split, on the device where they are augmented.
            epoch: The epoch, from 0.
        """
        offsets = 2 * self.augmentation.random_crop + 1
        return Draws(
            top=draw(indices, offsets, self.seed, epoch, _TOP),
            left=draw(indices, offsets, self.seed, epoch, _LEFT),
            flip=(draw(indices, 2, self.seed, 0, _FLIP) + epoch) % 2,  # drawn once for the run, then alternating
            hole_row=draw(indices, self.height, self.seed, epoch, _HOLE_ROW),
            hole_column=draw(indices, self.width, self.seed, epoch, _HOLE_COLUMN),
        )

    def move(self, images: Tensor, draws: Draws) -> Tensor:
        """Crop and flip.

        Args:
            images: uint8 [B, C, H, W].
            draws: Those of these samples, [B].

        Returns:
            uint8 [B, C, H, W].
        """
        padding = self.augmentation.random_crop
        if not padding and not self.augmentation.horizontal_flip:
            return images
        reflect = self.augmentation.crop_border == "reflect"
        if padding and not reflect:
            images = functional.pad(images, [padding] * 4)
        # One gather does both, by the row and column in the (padded) image of each target pixel. It was the fastest way
        # on the CPU, and needs a single pass on a GPU.
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
        """Set the cutout to 0, the mean colour of normalised images, in place.

        Args:
            images: float32 [B, C, H, W], normalised.
            draws: Those of these samples, [B].

        Returns:
            `images`.
        """
        side = self.augmentation.cutout
        if not side:
            return images
        rows = _outside(self.height, draws.hole_row - side // 2, side)
        columns = _outside(self.width, draws.hole_column - side // 2, side)
        return images.mul_((rows[:, :, None] | columns[:, None, :])[:, None])


def _reflected(positions: Tensor, length: int) -> Tensor:
    """Positions, mirrored at 0 and at `length` - 1 if they are outside."""
    return (length - 1) - (positions.abs() - (length - 1)).abs()


def _outside(length: int, start: Tensor, side: int) -> Tensor:
    """Return which of `length` positions are not among the `side` positions from `start` on, bool [B, length]."""
    positions = torch.arange(length, device=start.device) - start[:, None]
    return (positions < 0) | (positions >= side)
