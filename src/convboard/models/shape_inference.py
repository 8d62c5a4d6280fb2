"""How many values an image still has after the first layers of a network."""

from collections import OrderedDict

from torch import nn

from convboard.anatomy.check import raise_explained
from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.trace import Shape

ImageSize = int | tuple[int, int]


def image_sides(image_size: ImageSize) -> tuple[int, int]:
    """(height, width) of images whose size is given as one side or as both."""
    return (image_size, image_size) if isinstance(image_size, int) else image_size


def shape_after(model: nn.Module, input_shape: Shape) -> Shape:
    """The shape of one image after the layers that a network has so far, taken in turn.

    Meant for a network under construction: the layers registered so far are run on black images, and the
    next one is built for what comes out. No random number is drawn, no buffer is changed.

    Args:
        model: A network whose children run one after another.
        input_shape: (C, H, W) of the images.

    Raises:
        ModelError: An image is too small for one of the layers; the message names it.
    """
    so_far = nn.Sequential(OrderedDict(model.named_children()))
    run = dry_run(so_far, input_shape)
    raise_explained(so_far, run, part_of=type(model).__name__)
    return tuple(run.output.shape[1:])


def flat_features(model: nn.Module, in_channels: int, image_size: ImageSize) -> int:
    """``in_features`` of a Linear that follows the layers that a network has so far, the last a flatten.

    Raises:
        ModelError: An image is too small for one of the layers; the message names it.
    """
    (features,) = shape_after(model, (in_channels, *image_sides(image_size)))
    return features
