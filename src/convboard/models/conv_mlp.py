"""Two strided convolutions and three linear layers."""

from torch import Tensor, nn

from convboard.models.shape_inference import ImageSize, flat_features


class ConvMLP(nn.Module):
    """The first two convolutions of ``ConvStack``, flattened into a small stack of linear layers.

    ``[N, in_channels, H, W]`` to ``[N, num_classes]``. On 28x28 images ``fc1`` gets 32·7·7 = 1,568 features.
    It has no activation, as in the tutorial: all of it is one linear map.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        image_size: Side of the images in pixels, or (height, width).
        num_classes: Number of scores given for each image.
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
        """Scores of the classes, ``[N, num_classes]``."""
        x = self.conv2(self.conv1(images))
        x = self.flatten(x)
        scores: Tensor = self.fc3(self.fc2(self.fc1(x)))
        return scores
