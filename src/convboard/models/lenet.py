"""LeNet-5 in its modern form, with ReLU and max pooling instead of the original functions.

From Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998.
"""

from torch import Tensor, nn

from convboard.models.shape_inference import ImageSize, flat_features


class LeNet(nn.Module):
    """Two convolutions and three linear layers; maps images [N, in_channels, H, W] to logits [N, num_classes].

    On 32x32 images the feature maps have sides 28, 14, 10 and 5, and `fc1` gets 16·5·5 = 400 features.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width); at least 16.
        num_classes: Number of logits for each image.
    """

    def __init__(self, in_channels: int = 1, image_size: ImageSize = 32, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(flat_features(self, in_channels, image_size), 120)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(120, 84)
        self.relu4 = nn.ReLU()
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N, num_classes] for images [N, in_channels, H, W]."""
        x = self.pool1(self.relu1(self.conv1(images)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = self.flatten(x)
        x = self.relu3(self.fc1(x))
        x = self.relu4(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits
