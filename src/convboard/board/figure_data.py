"""The arrays embedded in each figure, small enough for an event file, with facts about them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation
from convboard.board.figures.embedded_arrays import Arrays, halved
from convboard.board.probe import Probe

_MOST_FILTERS = 64
_FEWEST_FILTERS = 8
_MOST_WEIGHTS = 65_536
_EXACT_WEIGHTS = 32_768  # up to this number those of a convolution are kept as float32
_INPUTS_BELOW = 131_072  # values of the input of a layer
_MAPS_BELOW = 1_048_576  # values of its output
_MOST_FEATURES = 4096

FactsAndArrays = tuple[dict[str, Any], Arrays]


def weight_arrays(name: str, module: nn.Conv2d | nn.Linear, limit: float, epoch: int) -> FactsAndArrays:
    """Return the weights and biases of the first filters of a conv layer, or units of a linear one, for the Layers tab.

    Args:
        name: The layer's name.
        module: The layer.
        limit: The weight of the last colour.
        epoch: Number of epochs trained.

    Returns:
        Facts, and the arrays `weight`, `[filters, C, kH, kW]` or `[units, inputs]`, and `bias`, `[filters]`, if the
        layer has one.
    """
    fitting, is_linear = _MOST_WEIGHTS // module.weight[0].numel(), isinstance(module, nn.Linear)
    drawn = max(1, fitting) if is_linear else min(_MOST_FILTERS, max(_FEWEST_FILTERS, fitting))
    weight = to_numpy(module.weight[:drawn])
    arrays = {"weight": halved(weight) if is_linear or weight.size > _EXACT_WEIGHTS else weight}
    if module.bias is not None:
        arrays["bias"] = to_numpy(module.bias[:drawn])
    return {"epoch": epoch, "layer": name, "filters": len(module.weight), "limit": limit}, arrays


def feature_map_arrays(
    layer: LayerActivation, images: Tensor, channels: int, limit: float, dead: tuple[int, ...] | None, epoch: int
) -> FactsAndArrays:
    """Return the output of a conv layer for the probe images, and its input.

    Args:
        layer: The layer, with its input and output for the probe images, `[P, C, H, W]` each.
        images: The probe images, `[P, C, H, W]`. The input of the layer is omitted if it equals them.
        channels: Number of channels to keep.
        limit: The value of the last colour.
        dead: Indices of the channels that are zero for the whole sample; None if the layer has no ReLU.
        epoch: Number of epochs trained.

    Returns:
        Facts, and the arrays `before` and `after` the activation and `input`, each `[images, C, H, W]`.
    """
    before = to_numpy(_first_images(layer.output[:, :channels], _MAPS_BELOW))
    arrays = {"before": halved(before)}
    is_relu = False
    if layer.activated is not None:
        after = to_numpy(layer.activated[: len(before), :channels])
        is_relu = np.array_equal(after, before.clip(0), equal_nan=True)
        if not is_relu:
            arrays["after"] = halved(after)
    assert layer.input is not None
    is_image = layer.input.shape == images.shape and bool((layer.input == images).all())
    if not is_image:
        arrays["input"] = halved(to_numpy(_first_images(layer.input, _INPUTS_BELOW)))
    facts = {"epoch": epoch, "layer": layer.name, "activation": layer.activation, "dead": dead}
    facts["limit"] = limit
    return {**facts, "after_is_relu": is_relu, "input_is_image": is_image}, arrays


def probe_arrays(probe: Probe, output: object, layers: Mapping[str, LayerActivation], epoch: int) -> FactsAndArrays:
    """Return the probe images, the output of the network for them, and that of each linear layer.

    Args:
        probe: The images.
        output: The output of the network; it is omitted unless it is one tensor `[P, classes]`.
        layers: The layers with their outputs for the images, by name.
        epoch: Number of epochs trained.

    Returns:
        Facts, and the arrays `images`, uint8 `[P, C, H, W]`, `logits`, `[P, classes]`, and `vector:NAME`, `[P, F]`.
    """
    arrays: dict[str, NDArray[Any]] = {"images": probe.raw_images.images}
    if isinstance(output, Tensor) and output.ndim == 2:
        arrays["logits"] = to_numpy(output)
    for name, layer in layers.items():
        if isinstance(layer.module, nn.Linear) and layer.output.ndim == 2:
            arrays[f"vector:{name}"] = halved(to_numpy(layer.output[:, :_MOST_FEATURES]))
    facts = {"epoch": epoch, "names": probe.raw_images.names, "class_names": probe.class_names}
    facts["activations"] = {name: layer.activation for name, layer in layers.items()}
    return {**facts, "mean": probe.mean, "std": probe.std}, arrays


def _first_images(values: Tensor, below: int) -> Tensor:
    """Return `values`, `[P, ...]`, of the first images: at least one, and fewer than `below` values if possible."""
    return values[: max(1, (below - 1) // values[0].numel())]


def to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """Return a tensor as a float32 array of the same shape on the CPU."""
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array
