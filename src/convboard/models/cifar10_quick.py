"""The "quick" CIFAR-10 network, as a class and as an nn.Sequential.

From the "quick" example of Caffe (Y. Jia et al., 2014), with padding 2, max pooling and no activation.
"""

from collections import OrderedDict

from torch import Tensor, nn

from convboard.models.shape_inference import ImageSize, flat_features


class CIFAR10Quick(nn.Module):
    """Three 5x5 convolutions, each with 2x2 max pooling, and two linear layers.

    Maps images [N, in_channels, H, W] to logits [N, num_classes]. On 32x32 images `fc1` gets 64·4·4 = 1,024 features.
    The only non-linear layers are the poolings, as in the tutorial.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width); at least 8.
        num_classes: Number of logits for each image.
    """

    def __init__(self, in_channels: int = 3, image_size: ImageSize = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 32, kernel_size=5, padding=2)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(32, 32, kernel_size=5, padding=2)
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(32, 64, kernel_size=5, padding=2)
        self.pool3 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(flat_features(self, in_channels, image_size), 64)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N, num_classes] for images [N, in_channels, H, W]."""
        x = self.pool1(self.conv1(images))
        x = self.pool2(self.conv2(x))
        x = self.flatten(self.pool3(self.conv3(x)))
        logits: Tensor = self.fc2(self.fc1(x))
        return logits


def cifar10_quick_sequential(in_channels: int = 3, image_size: ImageSize = 32, num_classes: int = 10) -> nn.Sequential:
    """Build the same network as an nn.Sequential whose layers have the same names.

    `sequential.load_state_dict(quick.state_dict())` therefore copies the weights. The same seed gives the same
    weights, and the same weights give bitwise equal outputs.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width); at least 8.
        num_classes: Number of logits for each image.
    """
    model = nn.Sequential(
        OrderedDict[str, nn.Module](
            conv1=nn.Conv2d(in_channels, 32, kernel_size=5, padding=2),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(32, 32, kernel_size=5, padding=2),
            pool2=nn.MaxPool2d(2),
            conv3=nn.Conv2d(32, 64, kernel_size=5, padding=2),
            pool3=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
        )
    )
    model.add_module("fc1", nn.Linear(flat_features(model, in_channels, image_size), 64))
    model.add_module("fc2", nn.Linear(64, num_classes))
    return model
