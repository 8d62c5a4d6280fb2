"""A small network with batch normalisation.

Batch normalisation is from S. Ioffe and C. Szegedy, "Batch Normalization", 2015.
"""

from torch import Tensor, nn

from convboard.models.shape_inference import ImageSize, flat_features


class BatchNormCNN(nn.Module):
    """Two blocks of a 3x3 convolution to 4 channels, BatchNorm, ReLU and 2x2 max pooling, and one linear layer.

    Maps images [N, in_channels, H, W] to logits [N, num_classes]. On 28x28 images `fc` gets 4·7·7 = 196 features.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width); at least 4.
        num_classes: Number of logits for each image.
    """

    def __init__(self, in_channels: int = 1, image_size: ImageSize = 28, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 4, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 4, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm2d(4)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(flat_features(self, in_channels, image_size), num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N, num_classes] for images [N, in_channels, H, W]."""
        x = self.pool1(self.relu1(self.bn1(self.conv1(images))))
        x = self.pool2(self.relu2(self.bn2(self.conv2(x))))
        logits: Tensor = self.fc(self.flatten(x))
        return logits
