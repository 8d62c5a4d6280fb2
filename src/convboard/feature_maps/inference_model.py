"""A network ready for inference: the model with the format of its input."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.data.dataset import ImageShape
from convboard.data.normalisation import Normalisation
from convboard.data.sources.value_range import ValueRanges
from convboard.errors import ModelError
from convboard.feature_maps.user_image import UserImage, read_user_image


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image.

    Attributes:
        path: The image's file.
        label: Name of the most probable class.
        probability: Its softmax probability.
        probabilities: Softmax probability by class name, the most probable first.
    """

    path: Path
    label: str
    probability: float
    probabilities: dict[str, float]


@dataclass(frozen=True)
class InferenceModel:
    """A network with the format of its input.

    Attributes:
        name: Its name and its training data.
        note: Its origin.
        module: The network in eval mode, on the CPU.
        shape: (C, H, W) of its images.
        mean: Mean of each channel, of pixels scaled to 0..1, that is subtracted.
        std: Standard deviation of each channel, by which the difference is divided.
        fit: How images are changed to its shape; see `read_user_image`.
        class_names: Names of its outputs; empty for an untrained network.
        ranges: The ranges of values that are black and white in its training images, of pixels of more than 8 bits;
            None: each image's own.
    """

    name: str
    note: str
    module: nn.Module
    shape: ImageShape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: str = "crop"
    class_names: tuple[str, ...] = ()
    ranges: ValueRanges | None = None

    def read(self, path: Path, invert: bool = False) -> UserImage:
        """Read an image as its input; see `read_user_image`."""
        return read_user_image(path, self.shape, self.fit, invert, self.ranges)

    def normalise(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return an image, uint8 `[C, H, W]`, as a normalised batch of one, float32 `[1, C, H, W]`."""
        normalise = Normalisation(self.mean, self.std, torch.device("cpu"))
        return normalise(torch.from_numpy(pixels.copy())[None])

    @torch.no_grad()
    def predict(self, images: Tensor) -> Sequence[tuple[str, float]]:
        """Return the classes of one image, ordered by softmax probability.

        Args:
            images: A normalised batch of one, `[1, C, H, W]`.

        Returns:
            Class names and probabilities, the most probable first; nothing for an untrained network.

        Raises:
            ModelError: The network does not keep the dimension of the batch.
        """
        if not self.class_names:
            return []
        scores = self.module(images)
        if scores.ndim != 2:
            raise ModelError(
                f"The network gives {list(scores.shape)} for one image, and not [1, {len(self.class_names)}]: its "
                "forward drops the dimension of the batch. Write torch.flatten(x, 1) for x.squeeze()."
            )
        probabilities = scores[0].float().softmax(dim=0)
        order = probabilities.argsort(descending=True, stable=True)
        return [(self.class_names[label], float(probabilities[label])) for label in order.tolist()]

    def predict_file(self, path: Path, invert: bool = False) -> Prediction:
        """Read an image and predict its class; for trained networks only.

        Args:
            path: The image's file.
            invert: Invert its brightness.

        Raises:
            DataError: The image cannot be read.
        """
        image = self.read(path, invert)
        ranked = self.predict(self.normalise(image.pixels))
        return Prediction(path, *ranked[0], dict(ranked))
