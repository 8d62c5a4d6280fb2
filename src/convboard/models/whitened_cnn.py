"""A network that learns fast: a fixed whitening convolution, then blocks that each halve the image.

From K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498. Its first layer is the one of
section 3.2 there, proposed by D. Page; its stride, and with it the amount of computation, can be chosen here.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from convboard.errors import ModelError

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}
LOGIT_SCALE = 1 / 9  # keeps the softmax from saturating at high learning rates
STATISTICS_MOMENTUM = 0.4  # of BatchNorm's running statistics, which have few steps to converge
SMALLEST_VARIANCE = 5e-4  # added to each variance, so that noise in directions with little variance is not amplified


class WhitenedBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm and activation function; 2x2 max pooling after the first halves the image.

    The pooling comes before normalisation and activation function, which then have a quarter of the values to compute.

    Args:
        in_channels: Channels of the input.
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
        """Maps [N, in_channels, H, W] to [N, channels, H // 2, W // 2]."""
        x = self.act1(self.norm1(self.pool(self.conv1(x))))
        output: Tensor = self.act2(self.norm2(self.conv2(x)))
        return output


class WhitenedCNN(nn.Module):
    """A fixed whitening convolution, a block for each of `widths`, global max pooling, and one linear layer.

    Maps images [N, in_channels, H, W] to logits [N, num_classes]. `whiten` is not trained. `initialise_from` computes
    its kernels from training images: they are the principal components of the patches, those with the largest variance
    first, each once as it is and once negated, scaled so that all outputs have the same variance. The outputs are
    uncorrelated, which lets the following layers learn fast. Before that, the kernels are random.

    Args:
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        num_classes: Number of logits for each image.
        widths: Channels of each block.
        patch_size: Side of `whiten`'s patches in pixels.
        patch_stride: Pixels from one patch to the next.
        components: Largest number of principal components; `whiten` has twice as many channels.
        activation: `relu` or `gelu`.

    Raises:
        ModelError: There are no widths, or the activation is unknown.
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
            raise ModelError(
                f"widths={widths}: must be a list of whole numbers, 1 or more, as in [64,128].", arguments=("widths",)
            )
        if activation not in ACTIVATIONS:
            raise ModelError(
                f"activation={activation!r} is not known. Allowed: {', '.join(ACTIVATIONS)}.", arguments=("activation",)
            )
        channels = 2 * min(components, in_channels * patch_size**2)
        # It has no trained parameter, so that no gradient is computed at the full size of the images.
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
        """Return the logits [N, num_classes] for images [N, in_channels, H, W]."""
        x = self.blocks(self.act(self.whiten(images)))
        logits: Tensor = self.fc(self.flatten(self.pool(x))) * LOGIT_SCALE
        return logits

    @torch.no_grad()
    def initialise_from(self, images: Tensor) -> None:
        """Compute the kernels of `whiten`.

        Args:
            images: Training images [N, C, H, W], normalised and not augmented; a thousand are enough.

        Raises:
            ModelError: A patch does not fit into an image.
        """
        size, half = self.whiten.kernel_size[0], self.whiten.out_channels // 2
        side = min(images.shape[2:])
        if size > side:
            raise ModelError(
                f"patch_size={size}: must be at most {side}, the shorter side of the images.", arguments=("patch_size",)
            )
        patches = images.detach().cpu().float().unfold(2, size, size).unfold(3, size, size)  # without overlap
        patches = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
        covariance = patches.T @ patches / len(patches)
        variances, components = torch.linalg.eigh(covariance.double())  # the smallest first
        kernels = (components / (variances + SMALLEST_VARIANCE).sqrt()).T.flip(0)[:half]
        kernels = torch.cat([kernels, -kernels]).view_as(self.whiten.weight)
        self.whiten.weight.copy_(kernels)


def _convolution(in_channels: int, channels: int) -> nn.Conv2d:
    """A 3x3 convolution that is initially the identity on its first channels."""
    convolution = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False)
    nn.init.dirac_(convolution.weight.detach()[:in_channels])
    return convolution


def _normalisation(channels: int) -> nn.BatchNorm2d:
    """BatchNorm without a trained scale, which the following convolution makes redundant."""
    normalisation = nn.BatchNorm2d(channels, momentum=STATISTICS_MOMENTUM)
    normalisation.weight.requires_grad_(False)
    return normalisation
