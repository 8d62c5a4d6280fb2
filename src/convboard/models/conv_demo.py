"""Two convolutions that show the effect of stride and padding on the size of a feature map."""

from collections import OrderedDict

from torch import nn

from convboard.models.conv_stack import pooled_classifier


class ConvDemo(nn.Sequential):
    """Conv2d 3→16 (3x3, stride 1, padding 1: keeps the size), then 16→8 (5x5, stride 2, padding 2: halves it).

    Without a classifier, images [N, 3, 224, 224] become [N, 16, 224, 224] and then [N, 8, 112, 112]. With
    `num_classes`, global average pooling and a linear layer follow, which return logits [N, num_classes].

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        num_classes: Number of logits for each image; None for no classifier.
        relu: Whether a ReLU follows each convolution. The tutorial's network has none, so that it is one linear map,
            average pooling included, with the accuracy of one.
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
