"""The untrained network of a config, and the shape of its images. No image is loaded."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from convboard.anatomy.check import raise_explained
from convboard.anatomy.diagnostics.diagnosis import DiagnosedError
from convboard.anatomy.dry_run import dry_run, lazy_layers, materialise
from convboard.anatomy.forward_inputs import InputsError, check_inputs
from convboard.anatomy.trace import Shape
from convboard.config.compose import Composed
from convboard.config.instantiate import Target
from convboard.data.dataset import ImageShape
from convboard.errors import ConfigError, ConvboardError, ModelError
from convboard.experiment.config_keys import errors_with_config_keys
from convboard.experiment.dataset import describe_config_dataset
from convboard.experiment.setup import build_model, resolve_model
from convboard.feature_maps.inference_model import InferenceModel
from convboard.models.infer_arguments import build, given_arguments
from convboard.training.seeding import seed_everything

_CHANNELS, _SIDE, _CLASSES = 3, 224, 10  # unless the user or the constructor gives another value
_COMMON = ((1, 28), (1, 32), (3, 32), (3, 28), (1, 8), (3, 64), (1, 64), (3, 96), (1, 224))  # channels and side


@errors_with_config_keys()
def untrained_shape(composed: Composed, input_shape: ImageShape | None = None) -> tuple[ImageShape, int | None]:
    """Return the shape of the images of an untrained network, and its number of classes.

    Args:
        composed: The config.
        input_shape: Shape (C, H, W) that the user gives.

    Returns:
        The shape (C, H, W): `input_shape`; else that of the dataset, if an override chooses one; else the default of
        the network's constructor, or (3, 224, 224). The number of classes: the dataset's, or None for the constructor's
        default.

    Raises:
        ConvboardError: The model's class or the dataset cannot be found.
    """
    chosen, model = composed.config.dataset, composed.config.model
    side = chosen.image_size or model.get("image_size")
    defaults = _defaults(model)
    classes = None if "num_classes" in defaults or model.get("num_classes") else _CLASSES
    if composed.has_dataset:
        shape, classes = describe_config_dataset(composed.config)
    else:
        channels = model.get("in_channels") or defaults.get("in_channels") or _CHANNELS
        sides = side or defaults.get("image_size") or _SIDE
        height, width = (sides, sides) if isinstance(sides, int) else sides
        shape = channels, height, width
    return input_shape or shape, classes


@errors_with_config_keys()
def build_untrained(
    composed: Composed,
    shape: ImageShape,
    num_classes: int | None,
    is_given: bool = True,
    others: Sequence[Shape] = (),
) -> nn.Module:
    """Build the network with the initial weights of a run of this config, in eval mode.

    Args:
        composed: The config.
        shape: (C, H, W) of the images.
        num_classes: Number of classes; None: the constructor's default, which may be a network without classifier.
        is_given: Whether the user gave the shape.
        others: Shapes of the network's other inputs, without the batch.

    Raises:
        InputsError: It takes another number of inputs.
        ConvboardError: It cannot be built, or does not fit such images.
    """
    try:
        return _build(composed, shape, num_classes, others)
    except ModelError as error:
        if is_given or composed.has_dataset or getattr(error, "diagnosis", None) is None:
            raise
        raise _of_unknown_shape(error, composed, shape, num_classes) from error.__cause__


def _of_unknown_shape(error: ModelError, composed: Composed, shape: ImageShape, num_classes: int | None) -> ModelError:
    """The error of a network that was tried with a shape that nobody gave."""
    tried = f"Neither a dataset nor an input_shape is given, so that {composed.model_name} was tried with images of "
    tried += f"{'x'.join(map(str, shape))}."
    for channels, side in _COMMON:
        try:
            _build(composed, (channels, side, side), num_classes)
        except ConvboardError:
            continue
        dataset = "mnist" if channels == 1 else "cifar10"
        return ModelError(
            f"{tried} It does not fit these, but it fits {channels}x{side}x{side}. Give the images: "
            f"input_shape=[{channels},{side},{side}], or a dataset, as in dataset={dataset}."
        )
    return ModelError(f"{tried} Give dataset=<name> or input_shape=[channels,height,width].\n\n{error}")


def _build(composed: Composed, shape: ImageShape, num_classes: int | None, others: Sequence[Shape] = ()) -> nn.Module:
    target = resolve_model(composed.config.model)
    with _errors_of_inputs(target, shape, num_classes):
        return _built(composed, target, shape, num_classes, others).eval()


def _built(
    composed: Composed, target: Target, shape: ImageShape, num_classes: int | None, others: Sequence[Shape]
) -> nn.Module:
    seed_everything(composed.config.seed)
    if num_classes is not None and not others:
        return build_model(composed.config.model, shape, num_classes)
    try:
        model = build(target.factory, shape, num_classes, others, **target.arguments)
    except ModelError:
        if others:
            raise
        seed_everything(composed.config.seed)  # its number of classes has no default, as in a list of layers
        return build_model(composed.config.model, shape, _CLASSES)
    run = dry_run(model, shape, other_shapes=others)
    check_inputs(model, run)
    raise_explained(model, run)
    return model


@contextmanager
def _errors_of_inputs(target: Target, shape: ImageShape, num_classes: int | None) -> Iterator[None]:
    """Raise an `InputsError` for a network whose forward cannot be called with images alone, and takes other inputs."""
    try:
        yield
    except DiagnosedError as error:
        if error.diagnosis.kind == "forward":
            model = target.factory(**given_arguments(target.factory, shape, num_classes, target.arguments))
            check_inputs(model, materialise(model, shape) if lazy_layers(model) else dry_run(model, shape))
        raise


def _defaults(node: dict[str, Any]) -> dict[str, Any]:
    """Return the default arguments of the constructor of a network, by name."""
    parameters = inspect.signature(resolve_model(node).factory).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}


def untrained_model(composed: Composed, input_shape: ImageShape | None = None) -> InferenceModel:
    """Return the network of a config with its initial weights, ready for inference.

    Args:
        composed: The config.
        input_shape: (C, H, W) of its images; None: see `untrained_shape`.

    Raises:
        ConvboardError: The network cannot be built for such images, or they do not have 1 or 3 channels.
    """
    shape, num_classes = untrained_shape(composed, input_shape)
    if shape[0] not in (1, 3):
        raise ConfigError(f"The network needs {shape[0]} channels, but a picture has 1 (grey) or 3 (colour).")
    chosen = composed.config.dataset
    try:
        model = build_untrained(composed, shape, num_classes, is_given=input_shape is not None)
    except InputsError as error:
        alone = "A picture is one input: a network of several inputs cannot be shown with it."
        raise error.with_message(f"{error.reason} {alone}") from error
    return InferenceModel(
        f"{composed.model_name}, untrained",
        f"untrained, seed={composed.config.seed}; pixels scaled to −1…1",
        model,
        shape,
        (0.5,) * shape[0],
        (0.5,) * shape[0],
        chosen.fit if chosen.name == "image_folder" else "crop",
    )
