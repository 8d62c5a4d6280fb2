"""Two strided convolutions and three linear layers."""

from torch import Tensor, nn

from convboard.models.shape_inference import ImageSize, flat_features


class ConvMLP(nn.Module):
    """The first two convolutions of `ConvStack`, a flatten, and three linear layers.

    Maps images [N, in_channels, H, W] to logits [N, num_classes]. On 28x28 images `fc1` gets 32·7·7 = 1,568 features.
    It has no activation functions, as in the tutorial, so that it is one linear map.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width).
        num_classes: Number of logits for each image.
    """

    def __init__(self, in_channels: int = 3, image_size: ImageSize = 28, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, kernel_size=3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1)
        self.flatten = nn.Flatten(start_dim=1)
        self.fc1 = nn.Linear(flat_features(self, in_channels, image_size), 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N, num_classes] for images [N, in_channels, H, W]."""
        x = self.conv2(self.conv1(images))
        x = self.flatten(x)
        logits: Tensor = self.fc3(self.fc2(self.fc1(x)))
        return logits
