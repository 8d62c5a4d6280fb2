"""Sources whose images fit in memory as one tensor, brought to a square of any size."""

import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.sources.source import RawSplit


def array_split(images: Tensor, labels: Tensor, size: int) -> RawSplit:
    """A split of images that are in memory.

    Args:
        images: uint8 `[N, C, H, H]`.
        labels: int64 `[N]`.
        size: Side of the images that it gives.
    """
    return RawSplit(labels, lambda indices: fitted(images.index_select(0, indices), size))


def fitted(images: Tensor, size: int) -> Tensor:
    """Bring square images to a size: smaller ones get a black frame, larger ones are scaled down.

    Args:
        images: uint8 `[B, C, H, H]`.
        size: Side wanted, in pixels. An odd pixel of the frame goes to the right and the bottom.

    Returns:
        uint8 `[B, C, size, size]`.
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
