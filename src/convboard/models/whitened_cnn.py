"""A network made to learn fast: it sees whitened patches, and then halves the image in every block.

After K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498. Its first layer is that network's
(section 3.2, an idea of D. Page's); here the stride is free, and with it how much there is to compute.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convboard.errors import ModelError

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}
SCORE_SCALE = 1 / 9  # keeps the softmax soft at the high learning rates that the network is made for
STATISTICS_MOMENTUM = 0.4  # of BatchNorm's running statistics, which must follow in few steps
SMALLEST_VARIANCE = 5e-4  # added to each, so that directions which hardly vary are not blown up to noise


class WhitenedBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm and activation; a 2x2 max pool after the first halves the image.

    The pool stands before normalisation and activation, which then work on a quarter of the values.

    Args:
        in_channels: Channels that come in.
        channels: Channels of both convolutions.
        activation: One of `ACTIVATIONS`.
    """

    def __init__(self, in_channels: int, channels: int, activation: str) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, channels)
        self.pool = nn.MaxPool2d(2)
        self.norm1 = _normalisation(channels)
        self.act1 = ACTIVATIONS[activation]()
        self.conv2 = _convolution(channels, channels)
        self.norm2 = _normalisation(channels)
        self.act2 = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """``[N, in_channels, H, W]`` to ``[N, channels, H // 2, W // 2]``."""
        x = self.act1(self.norm1(self.pool(self.conv1(x))))
        output: Tensor = self.act2(self.norm2(self.conv2(x)))
        return output


class WhitenedCNN(nn.Module):
    """A fixed whitening convolution, a block for each of `widths`, the maximum of each channel, one linear layer.

    ``[N, in_channels, H, W]`` to ``[N, num_classes]``. ``whiten`` is not trained but worked out from training images
    by `initialise_from`: its kernels are the principal components of their patches, the most frequent first, each
    once as it is and once negated, scaled so that all of them vary alike. A patch seen through them has no redundancy
    left, which is what makes the layers after it learn fast. Until then its kernels are random.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        num_classes: Number of scores given for each image.
        widths: Channels of each block.
        patch_size: Side of ``whiten``'s patches in pixels.
        patch_stride: Pixels from one patch to the next.
        components: Principal components at most; ``whiten`` has twice as many channels.
        activation: `relu` or `gelu`.

    Raises:
        ModelError: No widths, or an unknown activation.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 10,
        widths: Sequence[int] = (64, 128),
        patch_size: int = 4,
        patch_stride: int = 2,
        components: int = 24,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if not (isinstance(widths, Sequence) and widths and all(type(width) is int and width > 0 for width in widths)):
            raise ModelError(f"model.widths={widths}: must be a list of whole numbers, 1 or more, as in [64,128].")
        if activation not in ACTIVATIONS:
            raise ModelError(f"model.activation={activation!r} is not known. Allowed: {', '.join(ACTIVATIONS)}.")
        channels = 2 * min(components, in_channels * patch_size**2)
        # Nothing in it is trained, so that no gradient has to be carried back to the full-sized images.
        padding = (patch_size - 1) // 2
        self.whiten = nn.Conv2d(in_channels, channels, patch_size, patch_stride, padding, bias=False)
        self.whiten.weight.requires_grad_(False)
        self.act = ACTIVATIONS[activation]()
        self.blocks = nn.Sequential()
        for width in widths:
            self.blocks.append(WhitenedBlock(channels, width, activation))
            channels = width
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the classes, ``[N, num_classes]``."""
        x = self.blocks(self.act(self.whiten(images)))
        scores: Tensor = self.fc(self.flatten(self.pool(x))) * SCORE_SCALE
        return scores

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Work out the kernels of ``whiten``.

        Args:
            images: Training images as the network will see them, normalised but not augmented, `[N, C, H, W]`; a
                thousand are enough.

        Raises:
            ModelError: No whole patch fits into an image.
        """
        size, half = self.whiten.kernel_size[0], self.whiten.out_channels // 2
        side = min(images.shape[2:])
        if size > side:
            raise ModelError(f"model.patch_size={size}: must be at most {side}, the shorter side of the images.")
        patches = images.detach().cpu().float().unfold(2, size, size).unfold(3, size, size)  # side by side
        patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
        covariance = patches.T @ patches / len(patches)
        variances, components = torch.linalg.eigh(covariance.double())  # the smallest first
        kernels = (components / (variances + SMALLEST_VARIANCE).sqrt()).T.flip(0)[:half]
        kernels = torch.cat([kernels, -kernels]).view_as(self.whiten.weight)
        self.whiten.weight.copy_(kernels)


def _convolution(in_channels: int, channels: int) -> nn.Conv2d:
    """A 3x3 convolution that begins by handing its input on, as far as it has channels for it."""
    convolution = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight.detach()[:in_channels])
    return convolution


def _normalisation(channels: int) -> nn.BatchNorm2d:
    """BatchNorm without a trained scale, which the convolution after it makes superfluous."""
    normalisation = nn.BatchNorm2d(channels, momentum=STATISTICS_MOMENTUM)
    normalisation.weight.requires_grad_(False)
    return normalisation
