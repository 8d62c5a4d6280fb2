"""A network to look at, and what it has to be given: that of a run, or that of a config, untrained."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from convboard.config.compose import Composed
from convboard.errors import ConfigError
from convboard.experiment.run_dir import load_run
from convboard.experiment.untrained import build_untrained, untrained_shape
from convboard.feature_maps.picture import Fit

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class ExaminedNetwork:
    """A network and what it has to be given.

    Attributes:
        name: Its name.
        note: Where it is from, and whether it is trained.
        model: In eval mode, on the CPU.
        shape: (C, H, W) of its images.
        mean: Of each channel, of pixels from 0 to 1, that is taken off.
        std: Likewise, that is divided by.
        fit: How pictures are brought to its shape.
        class_names: What its outputs stand for; empty while it is untrained.
    """

    name: str
    note: str
    model: nn.Module
    shape: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: Fit = "crop"
    class_names: tuple[str, ...] = ()


def trained_network(path: str | Path, trust: bool = False) -> ExaminedNetwork:
    """The network of a run, with its best weights.

    Raises:
        ConvboardError: See `load_run` and `Run.model`.
    """
    run = load_run(path)
    facts = run.dataset
    channels, height, width = facts["image_shape"]
    name = str(run.config.model["_target_"]).rpartition(".")[2]
    return ExaminedNetwork(
        f"{name}, trained on {run.config.dataset.name}",
        f"run {run.path}, weights of the best epoch",
        run.model(trust),
        (channels, height, width),
        tuple(facts["mean"]),
        tuple(facts["std"]),
        "frame" if run.config.dataset.name == "image_folder" else "crop",
        tuple(facts["class_names"]),
    )


def untrained_network(composed: Composed, input_shape: Shape | None = None) -> ExaminedNetwork:
    """A config's network with its first weights.

    Raises:
        ConvboardError: It cannot be built for such images, or they have other than 1 or 3 channels.
    """
    shape, num_classes = untrained_shape(composed, input_shape)
    if shape[0] not in (1, 3):
        raise ConfigError(f"The network wants {shape[0]} channels: a picture has 1, if it is grey, or 3.")
    return ExaminedNetwork(
        f"{composed.model_name}, untrained",
        f"untrained, seed={composed.config.seed}; pixels scaled to −1…1",
        build_untrained(composed, shape, num_classes),
        shape,
        (0.5,) * shape[0],
        (0.5,) * shape[0],
    )
