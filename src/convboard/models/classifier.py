"""The end of a network that works on images of any size."""

from collections import OrderedDict

from torch import nn


def pooled_classifier(channels: int, num_classes: int) -> "OrderedDict[str, nn.Module]":
    """Global average pooling and a linear layer: ``[N, channels, H, W]`` to ``[N, num_classes]``.

    Args:
        channels: Channels of the last convolution.
        num_classes: Number of scores given for each image.
    """
    return OrderedDict[str, nn.Module](
        pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(channels, num_classes)
    )
