"""The response of the conv layers of a network to one image: feature maps, and the units with the largest values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation, layer_activations
from convboard.anatomy.summary import network_record
from convboard.errors import ConfigError, nearest


@dataclass(frozen=True)
class StrongUnit:
    """The unit of a channel with the largest value.

    Attributes:
        channel: Its channel.
        row: Its row in the feature map.
        column: Its column in the feature map.
        value: Its value.
        box: Its receptive field in input pixels, (top, left, bottom, right), half-open.
    """

    channel: int
    row: int
    column: int
    value: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class LayerResponse:
    """A conv layer's response to one image.

    Attributes:
        name: Name of the layer.
        filters: Number of its channels.
        channels: The channels that are drawn.
        weight: `[drawn, input channels of a group, kh, kw]`.
        groups: Number of groups of its channels.
        before: `[drawn, h, w]`, its output.
        after: Its output after the activation, which may be smaller after a pooling; None if there is no activation.
        activation: Name of the activation.
        formula: How the size of its output follows from that of its input; may be empty.
        units: The strongest units, one per channel; units with a value of 0 or less are left out. None are known where
            it is not known which pixels the layer depends on.
        units_are_after: Whether the units are those of `after`.
        highest: The largest value of all its units, drawn or not.
    """

    name: str
    filters: int
    channels: tuple[int, ...]
    weight: NDArray[np.float32]
    groups: int
    before: NDArray[np.float32]
    after: NDArray[np.float32] | None
    activation: str
    formula: str
    units: tuple[StrongUnit, ...]
    units_are_after: bool
    highest: float

    @property
    def silence(self) -> str:
        """`no unit is above 0 after relu`; empty where a unit is."""
        if self.highest > 0:
            return ""
        after = f" after {self.activation}" if self.units_are_after else ""
        return f"no unit is above 0{after}"

    def describe(self) -> str:
        """`6 feature maps 28×28, kernels 5×5 over 1 channel`."""
        _, inputs, rows, columns = self.weight.shape
        height, width = self.before.shape[1:]
        over = f"{inputs} channel{'' if inputs == 1 else 's'}"
        if self.groups > 1:
            over = f"{inputs} of {inputs * self.groups} channels"
        maps = f"{self.filters} feature map{'' if self.filters == 1 else 's'} {height}×{width}"
        text = f"{maps}, kernel{'' if self.filters == 1 else 's'} {rows}×{columns} over {over}"
        return text if len(self.channels) == self.filters else f"{text} ({len(self.channels)} of them shown)"


def layer_responses(
    model: nn.Module, images: Tensor, layers: Sequence[str] = ("*",), channels: int = 16, top: int = 3
) -> list[LayerResponse]:
    """The responses of the conv layers to an image, in the order of the calls.

    Args:
        model: The network.
        images: A normalised batch of one, `[1, C, H, W]`.
        layers: Names of layers, or globs such as `conv*`.
        channels: Number of channels drawn of each layer at most; those of its strongest units are always among them.
        top: Number of strongest units of each layer, each of another channel.

    Returns:
        One response for each conv layer that is asked for; nothing where the network has no conv layer.

    Raises:
        ConfigError: A name is that of no conv layer.
    """
    _, *shape = images.shape
    found = layer_activations(model, images)
    convs = {name: layer for name, layer in found.items() if isinstance(layer.module, nn.Conv2d)}
    for pattern in layers if convs else ():
        if not any(fnmatchcase(name, pattern) for name in convs):
            raise ConfigError(f"layers={pattern}: no conv layer is called that. {nearest(pattern, convs)}")
    record = network_record(model, (shape[0], shape[1], shape[2]))
    formulas = {row["name"]: row["formula"] for row in record["rows"]}
    return [
        _response(layer, formulas[name], record["boxes"].get(name), channels, top)
        for name, layer in convs.items()
        if any(fnmatchcase(name, pattern) for pattern in layers)
    ]


Spans = Mapping[str, Sequence[tuple[int, int]]]


def _response(layer: LayerActivation, formula: str, spans: Spans | None, channels: int, top: int) -> LayerResponse:
    """The response of one layer.

    Args:
        layer: Its output for the image.
        formula: Of its output's size.
        spans: Receptive fields of its units, half-open (start, end) by `rows` and `columns`; None if unknown.
        channels: See `layer_responses`.
        top: See `layer_responses`.
    """
    before = layer.output[0].float().numpy()
    after = None if layer.activated is None else layer.activated[0].float().numpy()
    # A pooling before the activation makes the maps smaller than the layer's own: then its own values are compared.
    is_after = after is not None and after.shape == before.shape
    compared = after if after is not None and is_after else before
    strongest = _strongest(compared, top) if spans else []
    units = tuple(
        StrongUnit(channel, row, column, value, _box(spans, row, column))
        for channel, row, column, value in strongest
        if spans
    )
    drawn = _drawn_channels(len(before), [unit.channel for unit in units], channels)
    assert isinstance(layer.module, nn.Conv2d)
    return LayerResponse(
        name=layer.name,
        filters=len(before),
        channels=tuple(drawn),
        weight=layer.module.weight.detach().float().numpy()[drawn],
        groups=layer.module.groups,
        before=before[drawn],
        after=None if after is None else after[drawn],
        activation=layer.activation or "",
        formula=formula,
        units=units,
        units_are_after=is_after,
        highest=float(np.nan_to_num(compared, nan=-np.inf).max()),
    )


def _strongest(maps: NDArray[np.float32], top: int) -> list[tuple[int, int, int, float]]:
    """Channel, row, column and value of the largest value of each of the `top` channels with the largest values.

    A channel without any value above 0 is left out.
    """
    flat = np.nan_to_num(maps.reshape(len(maps), -1), nan=-np.inf)
    places = flat.argmax(axis=1)
    values = flat[np.arange(len(flat)), places]
    best = [channel for channel in np.argsort(-values, kind="stable")[:top] if values[channel] > 0]
    width = maps.shape[2]
    return [
        (int(channel), int(places[channel]) // width, int(places[channel]) % width, float(values[channel]))
        for channel in best
    ]


def _drawn_channels(filters: int, strong: Sequence[int], channels: int) -> list[int]:
    """The strong channels and the first ones of the others, `channels` together or all strong ones, in order."""
    most = max(channels, len(strong))
    others = [channel for channel in range(filters) if channel not in strong]
    return sorted([*strong, *others[: most - len(strong)]])


def _box(spans: Spans, row: int, column: int) -> tuple[int, int, int, int]:
    (top, bottom), (left, right) = spans["rows"][row], spans["columns"][column]
    return top, left, bottom, right
