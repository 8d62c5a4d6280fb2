"""Three strided convolutions, bare or with a classifier on top."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from convboard.models.classifier import pooled_classifier


class ConvStack(nn.Sequential):
    """Conv2d 3→16→32→64, each 3x3 with stride 2 and padding 1.

    Bare, ``[N, 3, 28, 28]`` goes through 14x14 and 7x7 to ``[N, 64, 4, 4]``. With ``num_classes``, global
    average pooling and a linear layer follow, which suit images of any size: ``[N, num_classes]``.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        num_classes: Number of scores given for each image; None for the bare network.
        relu: A ReLU after each convolution. The tutorial's network has none, so that all of it, pooling
            included, is one linear map, and learns accordingly.
    """

    def __init__(self, in_channels: int = 3, num_classes: int | None = None, relu: bool = False) -> None:
        layers = OrderedDict[str, nn.Module]()
        for number, (arriving, leaving) in enumerate(pairwise((in_channels, 16, 32, 64)), start=1):
            layers[f"conv{number}"] = nn.Conv2d(arriving, leaving, kernel_size=3, stride=2, padding=1)
            if relu:
                layers[f"relu{number}"] = nn.ReLU()
        if num_classes is not None:
            layers |= pooled_classifier(64, num_classes)
        super().__init__(layers)
