"""Which numbers go into which picture: facts and arrays, each kept small enough for an event file."""

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
_EXACT_WEIGHTS = 32_768  # up to which they are kept as float32
_INPUTS_BELOW = 131_072  # values of a layer's input
_MAPS_BELOW = 1_048_576  # and of its output
_MOST_FEATURES = 4096

Numbers = tuple[dict[str, Any], Arrays]


def kernel_numbers(name: str, conv: nn.Conv2d, epoch: int) -> Numbers:
    """Weights and biases of a conv layer's first filters."""
    drawn = min(_MOST_FILTERS, max(_FEWEST_FILTERS, _MOST_WEIGHTS // conv.weight[0].numel()))
    weight = to_numpy(conv.weight[:drawn])
    arrays = {"weight": weight if weight.size <= _EXACT_WEIGHTS else halved(weight)}
    if conv.bias is not None:
        arrays["bias"] = to_numpy(conv.bias[:drawn])
    return {"epoch": epoch, "layer": name, "filters": conv.out_channels}, arrays


def map_numbers(
    layer: LayerActivation, images: Tensor, channels: int, dead: tuple[int, ...] | None, epoch: int
) -> Numbers:
    """What a layer makes of the probe images, and what it makes it from.

    Args:
        layer: Its answer to the probe images, with its input.
        images: These images, `[P, C, H, W]`. Where the layer's input is none other, it is left out.
        channels: How many of its channels.
        dead: The channels that no image of the sample wakes; None where it has no ReLU.
        epoch: When it is so.
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
    return {**facts, "after_is_relu": is_relu, "input_is_image": is_image}, arrays


def probe_numbers(probe: Probe, output: object, layers: Mapping[str, LayerActivation], epoch: int) -> Numbers:
    """The probe images, what the network says of them, and what each linear layer gives on the way there.

    Args:
        probe: The images.
        output: What the network returns for them; it is left out where it is not one tensor `[P, classes]`.
        layers: The layers' answers to them.
        epoch: When it is so.
    """
    arrays: dict[str, NDArray[Any]] = {"images": probe.pictures.images}
    if isinstance(output, Tensor) and output.ndim == 2:
        arrays["logits"] = to_numpy(output)
    for name, layer in layers.items():
        if isinstance(layer.module, nn.Linear) and layer.output.ndim == 2:
            arrays[f"vector:{name}"] = halved(to_numpy(layer.output[:, :_MOST_FEATURES]))
    facts = {"epoch": epoch, "names": probe.pictures.names, "class_names": probe.class_names}
    return {**facts, "mean": probe.mean, "std": probe.std}, arrays


def _first_images(values: Tensor, below: int) -> Tensor:
    """As many images' values as stay below a number, but one at least."""
    return values[: max(1, (below - 1) // values[0].numel())]


def to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """The tensor as float32, on the CPU."""
    array: NDArray[np.float32] = tensor.detach().float().cpu().numpy()
    return array
