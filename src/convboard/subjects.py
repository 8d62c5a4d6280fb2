"""A network to look at, and what it has to be given: that of a run, or that of a config, untrained."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from convboard import models, targets
from convboard.anatomy import layer_outputs
from convboard.building import build_model
from convboard.composing import Composed
from convboard.data import describe_dataset
from convboard.data.own_picture import Fit
from convboard.errors import ConfigError, ModelError
from convboard.runs import load_run
from convboard.training.seeding import seed_everything

Shape = tuple[int, int, int]
_CHANNELS, _SIDE, _CLASSES = 3, 224, 10  # of a network that has no wish of its own


@dataclass(frozen=True)
class Subject:
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


def trained_subject(path: str | Path, trust: bool = False) -> Subject:
    """The network of a run, with its best weights.

    Raises:
        ConvboardError: See `load_run` and `Run.model`.
    """
    run = load_run(path)
    facts = run.dataset
    channels, height, width = facts["image_shape"]
    name = str(run.config.model["_target_"]).rpartition(".")[2]
    return Subject(
        f"{name}, trained on {run.config.dataset.name}",
        f"run {run.path}, weights of the best epoch",
        run.model(trust),
        (channels, height, width),
        tuple(facts["mean"]),
        tuple(facts["std"]),
        "frame" if run.config.dataset.name == "image_folder" else "crop",
        tuple(facts["class_names"]),
    )


def untrained_subject(composed: Composed, input_shape: Shape | None = None) -> Subject:
    """A config's network with its first weights.

    Raises:
        ConvboardError: It cannot be built for such images, or they have other than 1 or 3 channels.
    """
    shape, num_classes = untrained_shape(composed, input_shape)
    if shape[0] not in (1, 3):
        raise ConfigError(f"The network wants {shape[0]} channels: a picture has 1, if it is grey, or 3.")
    return Subject(
        f"{composed.model_name}, untrained",
        f"untrained, seed={composed.config.seed}; pixels scaled to −1…1",
        build_untrained(composed, shape, num_classes),
        shape,
        (0.5,) * shape[0],
        (0.5,) * shape[0],
    )


def untrained_shape(composed: Composed, input_shape: Shape | None = None) -> tuple[Shape, int | None]:
    """What an untrained network is looked at with; no image is loaded to know it.

    Args:
        composed: The config.
        input_shape: (C, H, W) that the user asks for.

    Returns:
        (C, H, W): what was asked for; else that of the dataset, where the command line chooses one; else what the
        network's constructor takes by default, or 3x224x224. And the number of classes: the dataset's, or None for the
        constructor's default.

    Raises:
        ConvboardError: The model's class or the dataset is not to be had.
    """
    chosen, model = composed.config.dataset, composed.config.model
    side = chosen.image_size or model.get("image_size")
    defaults = _defaults(model)
    classes = None if "num_classes" in defaults or model.get("num_classes") else _CLASSES
    if composed.has_dataset:
        path = Path(chosen.path) if chosen.path else None
        shape, classes = describe_dataset(chosen.name, Path(composed.config.data_dir), path=path, image_size=side)
    else:
        channels = model.get("in_channels") or defaults.get("in_channels") or _CHANNELS
        sides = side or defaults.get("image_size") or _SIDE
        height, width = (sides, sides) if isinstance(sides, int) else sides
        shape = channels, height, width
    return input_shape or shape, classes


def title(name: str, shape: Shape, dataset: str, is_given: bool) -> str:
    """`lenet for 1x32x32 images of mnist`: a network and its images, and where their shape is from.

    Args:
        name: The network's.
        shape: (C, H, W) of the images.
        dataset: Whose it is; empty for the network's own default.
        is_given: Whether the user gave it, whatever the dataset.
    """
    origin = f" of {dataset}" if dataset else " (its default)"
    return f"{name} for {'x'.join(map(str, shape))} images{' (as given)' if is_given else origin}"


def build_untrained(composed: Composed, shape: Shape, num_classes: int | None) -> nn.Module:
    """Build the network with the weights that a run of this config would begin with, in eval mode.

    Args:
        composed: The config.
        shape: (C, H, W) of the images.
        num_classes: How many classes; None for the constructor's default, which may be a network without classifier.

    Raises:
        ConvboardError: It cannot be built, or does not fit such images.
    """
    seed_everything(composed.config.seed)
    if num_classes is not None:
        return build_model(composed.config.model, shape, num_classes).eval()
    factory, arguments = targets.resolve("model", _without_size(composed.config.model))
    try:
        model = models.build(factory, shape, None, **arguments)
    except ModelError:  # it has no classifier of its own size: a list of layers, say
        seed_everything(composed.config.seed)
        return build_model(composed.config.model, shape, _CLASSES).eval()
    layer_outputs(model, torch.zeros(1, *shape))  # explains what does not fit
    return model.eval()


def _defaults(node: dict[str, Any]) -> dict[str, Any]:
    """The defaults of a network's constructor, by name."""
    factory, _ = targets.resolve("model", _without_size(node))
    parameters = inspect.signature(factory).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}


def _without_size(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "image_size"}
