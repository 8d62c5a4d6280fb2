"""Three strided convolutions, with or without a classifier."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn


class ConvStack(nn.Sequential):
    """Conv2d 3→16→32→64, each 3x3 with stride 2 and padding 1.

    Without a classifier, images [N, 3, 28, 28] become [N, 64, 4, 4], with sizes 14x14 and 7x7 in between. With
    `num_classes`, global average pooling and a linear layer follow, which work on images of any size and return
    logits [N, num_classes].

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        num_classes: Number of logits for each image; None for no classifier.
        relu: Whether a ReLU follows each convolution. The tutorial's network has none, so that it is one linear map,
            average pooling included, with the accuracy of one.
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


def pooled_classifier(channels: int, num_classes: int) -> "OrderedDict[str, nn.Module]":
    """Return global average pooling and a linear layer, which map [N, channels, H, W] to [N, num_classes].

    Args:
        channels: Channels of the last convolution.
        num_classes: Number of logits for each image.
    """
    return OrderedDict[str, nn.Module](
        pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(channels, num_classes)
    )
