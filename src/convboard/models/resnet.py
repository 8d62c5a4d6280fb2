"""torchvision's ResNet-18 with a stem for the size of the images.

From K. He et al., "Deep Residual Learning for Image Recognition", 2016: section 4.1 for large images,
section 4.2 for the stem on CIFAR-10.
"""

from torch import nn

from convboard.models.shape_inference import ImageSize, image_sides

LARGEST_SMALL_SIDE = 64


def resnet18(in_channels: int = 3, image_size: ImageSize = 224, num_classes: int = 1000) -> nn.Module:
    """ResNet-18 with random weights; maps images [N, in_channels, H, W] to logits [N, num_classes].

    Images of up to 64x64 get the CIFAR stem: a 3x3 convolution with stride 1 and no max pooling. After the usual stem
    (7x7 with stride 2, and max pooling), a 32x32 image has only 8x8 pixels before the first block.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width).
        num_classes: Number of logits for each image.
    """
    # Deferred for start-up time: torchvision takes as long to import as torch itself.
    from torchvision.models import resnet18 as torchvision_resnet18

    model: nn.Module = torchvision_resnet18(weights=None, num_classes=num_classes)
    small = max(image_sides(image_size)) <= LARGEST_SMALL_SIDE
    if not small and in_channels == 3:
        return model
    if small:
        stem = nn.Conv2d(in_channels, 64, kernel_size=3, stride=1, padding=1, bias=False)
        model.maxpool = nn.Identity()
    else:
        stem = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    # As torchvision initialises its other convolutions.
    nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
    model.conv1 = stem
    return model
