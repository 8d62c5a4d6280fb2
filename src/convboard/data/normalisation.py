"""Images as a network gets them: float32, mean 0 and standard deviation 1 in each channel of the training split."""

from collections.abc import Sequence

import torch
from torch import Tensor


class Normalisation:
    """Normalisation (x / 255 - mean) / std of uint8 images, as one multiplication and one addition.

    Args:
        mean: Mean of each channel, of images scaled to 0..1.
        std: Standard deviation of each channel, likewise.
        device: Where the images are.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        centre, deviation = (torch.tensor(values, dtype=torch.float64).view(1, -1, 1, 1) for values in (mean, std))
        self._scale = (1 / (255 * deviation)).to(device=device, dtype=torch.float32)
        self._shift = (-centre / deviation).to(device=device, dtype=torch.float32)

    def __call__(self, images: Tensor) -> Tensor:
        """Return images, uint8 [N, C, H, W], as normalised float32 [N, C, H, W]."""
        return images.to(torch.float32).mul_(self._scale).add_(self._shift)
