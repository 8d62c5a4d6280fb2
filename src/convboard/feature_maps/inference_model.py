"""A network ready for inference: the model with what its input has to be. It comes from a run, or from a config."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.board.probe import normalise
from convboard.config.compose import Composed
from convboard.errors import ConfigError
from convboard.experiment.run_dir import load_run
from convboard.experiment.untrained import build_untrained, untrained_shape
from convboard.feature_maps.user_image import Fit

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class InferenceModel:
    """A network with the format of its input.

    Attributes:
        name: Its name, and what it is trained on.
        note: Where it comes from.
        module: The network in eval mode, on the CPU.
        shape: (C, H, W) of its images.
        mean: Mean of each channel, of pixels scaled to 0..1, that is subtracted.
        std: Standard deviation of each channel, by which the difference is divided.
        fit: How images are brought to its shape; see `read_user_image`.
        class_names: Names of its outputs; empty for an untrained network.
    """

    name: str
    note: str
    module: nn.Module
    shape: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: Fit = "crop"
    class_names: tuple[str, ...] = ()

    def normalise(self, pixels: NDArray[np.uint8]) -> Tensor:
        """An image, uint8 `[C, H, W]`, as a batch of one, float32 `[1, C, H, W]`."""
        return normalise(torch.from_numpy(pixels.copy())[None], self.mean, self.std)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Sequence[tuple[str, float]]:
        """The classes of one image by their softmax probability.

        Args:
            images: A normalised batch of one, `[1, C, H, W]`.

        Returns:
            Class names and probabilities, the most probable first; nothing for an untrained network.
        """
        if not self.class_names:
            return []
        probabilities = self.module(images)[0].float().softmax(dim=0)
        order = probabilities.argsort(descending=True, stable=True)
        return [(self.class_names[label], float(probabilities[label])) for label in order.tolist()]


def trained_model(path: str | Path, trust: bool = False) -> InferenceModel:
    """The network of a run, with the weights of its best epoch.

    Args:
        path: The run's directory.
        trust: Build the network even if its class is not convboard's own, which runs code that the run names.

    Raises:
        ConvboardError: See `load_run` and `Run.model`.
    """
    run = load_run(path)
    facts = run.dataset
    channels, height, width = facts["image_shape"]
    name = str(run.config.model["_target_"]).rpartition(".")[2]
    return InferenceModel(
        f"{name}, trained on {run.config.dataset.name}",
        f"run {run.path}, weights of the best epoch",
        run.model(trust),
        (channels, height, width),
        tuple(facts["mean"]),
        tuple(facts["std"]),
        "frame" if run.config.dataset.name == "image_folder" else "crop",
        tuple(facts["class_names"]),
    )


def untrained_model(composed: Composed, input_shape: Shape | None = None) -> InferenceModel:
    """A config's network with its initial weights.

    Args:
        composed: The config.
        input_shape: (C, H, W) of its images; None: see `untrained_shape`.

    Raises:
        ConvboardError: It cannot be built for such images, or they have other than 1 or 3 channels.
    """
    shape, num_classes = untrained_shape(composed, input_shape)
    if shape[0] not in (1, 3):
        raise ConfigError(f"The network wants {shape[0]} channels: a picture has 1, if it is grey, or 3.")
    return InferenceModel(
        f"{composed.model_name}, untrained",
        f"untrained, seed={composed.config.seed}; pixels scaled to −1…1",
        build_untrained(composed, shape, num_classes),
        shape,
        (0.5,) * shape[0],
        (0.5,) * shape[0],
    )
