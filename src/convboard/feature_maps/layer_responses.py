"""How a network responds to a picture: with which probabilities, and with which units of each conv layer."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation, layer_activations
from convboard.anatomy.summary import network_record
from convboard.errors import ConfigError, ModelError, nearest
from convboard.feature_maps.layer_response import LayerResponse, StrongUnit
from convboard.feature_maps.network import ExaminedNetwork
from convboard.feature_maps.picture import OwnPicture


@torch.no_grad()
def probabilities(subject: ExaminedNetwork, picture: OwnPicture) -> list[tuple[str, float]]:
    """Class names and probabilities, most probable first; none of an untrained network."""
    if not subject.class_names:
        return []
    shares = subject.model(_normalised(subject, picture))[0].float().softmax(dim=0)
    order = shares.argsort(descending=True, stable=True)
    return [(subject.class_names[place], float(shares[place])) for place in order.tolist()]


def layer_responses(
    subject: ExaminedNetwork, picture: OwnPicture, layers: Sequence[str] = ("*",), channels: int = 16, top: int = 3
) -> list[LayerResponse]:
    """What the conv layers make of a picture, in the order of the calls.

    Args:
        subject: The network.
        picture: The picture, of its shape.
        layers: Names of layers, or globs of them such as `conv*`.
        channels: Maps of each layer at most; those of its strongest units are always among them.
        top: Strongest units of each layer, each of another channel.

    Raises:
        ConfigError: A name is no conv layer's.
        ModelError: The network has no conv layer.
    """
    found = layer_activations(subject.model, _normalised(subject, picture))
    convs = {name: layer for name, layer in found.items() if isinstance(layer.module, nn.Conv2d)}
    if not convs:
        raise ModelError(f"{subject.name} has no Conv2d layer, so that there are no feature maps to draw.")
    for pattern in layers:
        if not any(fnmatchcase(name, pattern) for name in convs):
            raise ConfigError(f"layers={pattern}: no conv layer is called that. {nearest(pattern, convs)}")
    record = network_record(subject.model, subject.shape)
    formulas = {row["name"]: row["formula"] for row in record["rows"]}
    return [
        _look_at(layer, formulas[name], record["boxes"][name], channels, top)
        for name, layer in convs.items()
        if any(fnmatchcase(name, pattern) for pattern in layers)
    ]


def _normalised(subject: ExaminedNetwork, picture: OwnPicture) -> Tensor:
    """The picture as the network's batch of one, `[1, C, H, W]`."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (subject.mean, subject.std))
    return (torch.from_numpy(picture.pixels.copy())[None].float() / 255 - mean) / std


def _look_at(
    layer: LayerActivation, formula: str, spans: dict[str, list[tuple[int, int]]], channels: int, top: int
) -> LayerResponse:
    """What one layer makes of the picture; `spans`: the pixels that its units see, by rows and columns of units."""
    before = layer.output[0].float().numpy()
    after = None if layer.activated is None else layer.activated[0].float().numpy()
    # After a pooling the maps have other places than the layer has units: then its own values are compared.
    is_after = after is not None and after.shape == before.shape
    judged = after if after is not None and is_after else before
    strongest = _strongest(judged, top)
    shown = _shown(len(before), [channel for channel, *_ in strongest], channels)
    assert isinstance(layer.module, nn.Conv2d)
    units = tuple(
        StrongUnit(channel, row, column, value, _box(spans, row, column)) for channel, row, column, value in strongest
    )
    return LayerResponse(
        name=layer.name,
        filters=len(before),
        channels=tuple(shown),
        weight=layer.module.weight.detach().float().numpy()[shown],
        groups=layer.module.groups,
        before=before[shown],
        after=None if after is None else after[shown],
        activation=layer.activation or "",
        formula=formula,
        units=units,
        units_are_after=is_after,
        highest=float(np.nan_to_num(judged, nan=-np.inf).max()),
    )


def _strongest(maps: NDArray[np.float32], top: int) -> list[tuple[int, int, int, float]]:
    """Channel, row, column and value of the largest value of each of the `top` channels that have the largest.

    Where a channel has none above 0, nothing in it is excited: it is left out.
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


def _shown(filters: int, strong: Sequence[int], channels: int) -> list[int]:
    """The first channels, with room made for the strong ones."""
    most = max(channels, len(strong))
    others = [channel for channel in range(filters) if channel not in strong]
    return sorted([*strong, *others[: most - len(strong)]])


def _box(spans: dict[str, list[tuple[int, int]]], row: int, column: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of the input pixels that a unit sees."""
    (top, bottom), (left, right) = spans["rows"][row], spans["columns"][column]
    return top, left, bottom, right
