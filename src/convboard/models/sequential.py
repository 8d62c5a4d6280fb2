"""A network from a list of layers, as in YAML, whose input sizes are inferred."""

import inspect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from convboard.anatomy.trace import Shape
from convboard.errors import ModelError, nearest
from convboard.models.shape_inference import ImageSize, image_sides, shape_after


@dataclass(frozen=True)
class _LayerType:
    """A type of layer: its short name in the network, its class, and the argument that is inferred."""

    short_name: str
    layer: type[nn.Module]
    inferred: str | None = None

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """Torch's own arguments, without the inferred one and those that have no use in a list of layers."""
        parameters = inspect.signature(self.layer).parameters
        unused = {self.inferred, "device", "dtype", "return_indices"}
        return {name: parameter for name, parameter in parameters.items() if name not in unused}


_LAYER_TYPES = {
    "conv": _LayerType("conv", nn.Conv2d, "in_channels"),
    "batch_norm": _LayerType("bn", nn.BatchNorm2d, "num_features"),
    "relu": _LayerType("relu", nn.ReLU),
    "max_pool": _LayerType("pool", nn.MaxPool2d),
    "avg_pool": _LayerType("pool", nn.AvgPool2d),
    "dropout": _LayerType("dropout", nn.Dropout),
    "flatten": _LayerType("flatten", nn.Flatten),
    "linear": _LayerType("fc", nn.Linear, "in_features"),
}
_OTHER_NAMES = {
    "conv": "conv2d convolution",
    "batch_norm": "bn batchnorm batchnorm2d batch_norm2d batch_normalization",
    "max_pool": "pool pooling max_pooling maxpooling max_pool2d maxpool2d",
    "avg_pool": "avg_pooling average_pool average_pooling avgpool2d avg_pool2d",
    "linear": "dense fc fully_connected",
}
_SYNONYMS = {name: type_ for type_, names in _OTHER_NAMES.items() for name in names.split()}
_TEXTS = ("padding", "padding_mode")
_SPATIAL = ("conv", "max_pool", "avg_pool")

LayerSpec = str | Mapping[str, Mapping[str, Any] | None]


def sequential(
    layers: Sequence[LayerSpec],
    in_channels: int = 3,
    image_size: ImageSize = 32,
    num_classes: int | None = None,
) -> nn.Sequential:
    """Build a network of layers that run one after another.

    A layer is written as its type alone (`"relu"`), or as its type with torch's own arguments
    (`{"conv": {"out_channels": 16, "kernel_size": 3}}`). The types are conv, batch_norm, relu, max_pool, avg_pool,
    dropout, flatten and linear. `in_channels`, `num_features` and `in_features` are inferred, and so is the
    `out_features` of the last linear if `num_classes` is given. The layers of the network are called conv1, bn1,
    relu1, pool1, ..., flatten1, fc1.

    Args:
        layers: The layers, from the images to the logits.
        in_channels: Channels of the images: 1 for grey, 3 for colour.
        image_size: Side of the images in pixels, or (height, width).
        num_classes: Number of logits of the last linear.

    Raises:
        ModelError: A layer cannot be built; the message names it, as `layers[3]`.
    """
    if not layers or isinstance(layers, str) or not isinstance(layers, Sequence):
        raise ModelError("layers must be a list with at least one layer, such as ['flatten', 'linear'].")
    specs = [_read(spec, f"layers[{position}]") for position, spec in enumerate(layers)]
    last_linear = max((i for i, (type_, _) in enumerate(specs) if type_ == "linear"), default=None)
    model = nn.Sequential()
    numbers: Counter[str] = Counter()
    image_shape = (in_channels, *image_sides(image_size))
    shape: Shape = image_shape
    for position, (type_, arguments) in enumerate(specs):
        if position == last_linear and num_classes is not None:
            arguments = {"out_features": num_classes} | arguments
        where = f"layers[{position}] ({type_})"
        with _errors_explained(where, arguments):
            layer = _make(type_, arguments, shape, where)
            short_name = _LAYER_TYPES[type_].short_name
            numbers[short_name] += 1
            model.add_module(f"{short_name}{numbers[short_name]}", layer)
            shape = shape_after(model, image_shape)
        if not shape:
            raise ModelError(f"{where} with {arguments} makes one row of the whole batch. Leave start_dim out.")
    return model


@contextmanager
def _errors_explained(where: str, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Raise an exception of torch as a ModelError that names the layer."""
    try:
        yield
    except ModelError:
        raise
    except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError) as error:
        # Deferred for start-up time: only errors need it.
        from convboard.anatomy.diagnostics.module_definition import invalid_groups, padding_for_stride

        padding = padding_for_stride(error)
        in_yaml = list(padding) if isinstance(padding, tuple) else padding
        advice = f" Take padding: {in_yaml}." if padding is not None else ""
        reason = invalid_groups(error, with_line=False) or f"{error}.{advice}"
        raise ModelError(f"{where} cannot be built with {arguments}: {reason}") from error


def _read(spec: LayerSpec, where: str) -> tuple[str, dict[str, Any]]:
    """The type and the arguments of a layer in the list."""
    type_: Any
    if isinstance(spec, Mapping) and len(spec) == 1:
        ((type_, arguments),) = spec.items()
    else:
        type_, arguments = spec, None
    if not isinstance(type_, str) or not isinstance(arguments, Mapping | None):
        raise ModelError(
            f"{where} is {spec!r}. Write a layer as its kind alone, 'relu', or as its kind with arguments, "
            "{conv: {out_channels: 16, kernel_size: 3}}."
        )
    if type_ not in _LAYER_TYPES:
        raise ModelError(f"{where}: unknown layer {type_!r}. {nearest(type_, _LAYER_TYPES, _SYNONYMS)}")
    # torch takes tuples where YAML has lists.
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in (arguments or {}).items()}
    return type_, values


def _make(type_: str, arguments: dict[str, Any], shape: Shape, where: str) -> nn.Module:
    """Build one layer for an input of shape (C, H, W), or (F,) after a flatten."""
    allowed = _LAYER_TYPES[type_].arguments
    inferred = _LAYER_TYPES[type_].inferred
    for name in arguments:
        if name == inferred:
            raise ModelError(f"{where}: {name} is inferred from the layers before. Leave it out.")
        if name not in allowed:
            options = nearest(name, allowed) if allowed else "It takes none."
            raise ModelError(f"{where} has no argument {name!r}. {options}")
        if isinstance(arguments[name], str) and name not in _TEXTS:
            raise ModelError(f"{where}: {name} is the text {arguments[name]!r}. Give a number.")
        if isinstance(arguments[name], tuple) and len(arguments[name]) != 2:
            raise ModelError(f"{where}: {name} is {list(arguments[name])}. Give a number, or two: [height, width].")
    for name, parameter in allowed.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise ModelError(f"{where} needs the argument {name!r}.")
    if type_ in _SPATIAL and len(shape) != 3:
        raise ModelError(f"{where} needs pictures but gets {shape[0]} features: move it before flatten.")
    if type_ == "linear" and len(shape) != 1:
        sizes = "x".join(map(str, shape))
        raise ModelError(f"{where} needs a row of features but gets {sizes}: put flatten before it.")
    if type_ == "batch_norm" and not arguments.get("eps", 1) > 0:
        raise ModelError(f"{where}: eps is {arguments['eps']}. Give a number above 0.")
    factory: Any = _LAYER_TYPES[type_].layer
    if type_ == "batch_norm" and len(shape) == 1:
        factory = nn.BatchNorm1d
    sizes_of_input = {inferred: shape[0]} if inferred else {}
    return factory(**sizes_of_input, **arguments)  # type: ignore[no-any-return]
