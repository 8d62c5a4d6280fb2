"""The output shape of the first layers of a network under construction, for the layer that follows them."""

from collections import OrderedDict

from torch import nn

from convboard.anatomy.check import raise_explained
from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.trace import Shape

ImageSize = int | tuple[int, int]  # the side of a square image, or (height, width), in pixels


def image_sides(image_size: ImageSize) -> tuple[int, int]:
    """Return (height, width)."""
    return (image_size, image_size) if isinstance(image_size, int) else image_size


def shape_after(model: nn.Module, input_shape: Shape) -> Shape:
    """Compute the output shape of the layers that a network has so far, one after another.

    They are run on two black images. No random number is drawn and no buffer is changed.

    Args:
        model: A network under construction, whose children run one after another.
        input_shape: (C, H, W) of the images.

    Returns:
        The shape of the output for one image, without the batch.

    Raises:
        ModelError: An image is too small for one of the layers; the message names it.
    """
    so_far = nn.Sequential(OrderedDict(model.named_children()))
    run = dry_run(so_far, input_shape)
    raise_explained(so_far, run, part_of=type(model).__name__)
    return tuple(run.output.shape[1:])


def flat_features(model: nn.Module, in_channels: int, image_size: ImageSize) -> int:
    """Compute the `in_features` of a Linear after the layers that a network has so far, of which the last flattens.

    Args:
        model: See `shape_after`.
        in_channels: Channels of the images.
        image_size: Side of the images in pixels, or (height, width).

    Raises:
        ModelError: An image is too small for one of the layers; the message names it.
    """
    (features,) = shape_after(model, (in_channels, *image_sides(image_size)))
    return features
