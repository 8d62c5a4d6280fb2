"""Two convolutions that show what stride and padding do to a picture."""

from collections import OrderedDict

from torch import nn

from convboard.models.classifier import pooled_classifier


class ConvDemo(nn.Sequential):
    """Conv2d 3→16 (3x3, stride 1, padding 1: the size stays), then 16→8 (5x5, stride 2, padding 2: it halves).

    Bare, ``[N, 3, 224, 224]`` gives ``[N, 16, 224, 224]`` and then ``[N, 8, 112, 112]``. With ``num_classes``,
    global average pooling and a linear layer follow: ``[N, num_classes]``.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        num_classes: Number of scores given for each image; None for the bare network.
        relu: A ReLU after each convolution. The tutorial's network has none, so that all of it, pooling
            included, is one linear map, and learns accordingly.
    """

    def __init__(self, in_channels: int = 3, num_classes: int | None = None, relu: bool = False) -> None:
        layers = OrderedDict[str, nn.Module](conv1=nn.Conv2d(in_channels, 16, kernel_size=3, padding=1))
        if relu:
            layers["relu1"] = nn.ReLU()
        layers["conv2"] = nn.Conv2d(16, 8, kernel_size=5, stride=2, padding=2)
        if relu:
            layers["relu2"] = nn.ReLU()
        if num_classes is not None:
            layers |= pooled_classifier(8, num_classes)
        super().__init__(layers)
