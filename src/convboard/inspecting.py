"""A picture of the user's own, looked at through a network: what each conv layer and its strongest units make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convboard.anatomy import LayerActivation, layer_activations, network_record
from convboard.board.own_picture import log_own_picture
from convboard.board.pictures.boxes import KEYS
from convboard.board.pictures.layer_band import LayerLook, StrongUnit
from convboard.board.pictures.own_picture import Header, draw_own_picture
from convboard.board.sheet_file import free_path, source_of, write_sheet
from convboard.data.own_picture import OwnPicture, read_own_picture
from convboard.errors import ConfigError, ModelError, nearest
from convboard.subjects import Subject

_SAID = 3  # most probable classes
_BRIGHTER = 1.5  # standard deviations of the training pixels above their mean, from which on paper is suspected


@dataclass(frozen=True)
class Inspection:
    """What came of a look at a picture.

    Attributes:
        path: The sheet.
        events: The folder of TensorBoard's event file; None where none was asked for.
        picture: The picture.
        probabilities: Class names and probabilities, most probable first; empty where the network is untrained.
        layers: What each conv layer makes of it.
        hint: What to try where the picture is unlike those of the training; else empty.
    """

    path: Path
    events: Path | None
    picture: OwnPicture
    probabilities: list[tuple[str, float]]
    layers: list[LayerLook]
    hint: str

    def lines(self) -> list[str]:
        """All of it in words."""
        said = [self.picture.describe()]
        if self.hint:
            said.append(self.hint)
        if self.probabilities:
            best = ", ".join(f"{name} ({share:.1%})" for name, share in self.probabilities[:_SAID])
            said.append(f"predicted: {best}")
        for layer in self.layers:
            said.append(f"{layer.name}: {layer.describe()}")
            for unit in layer.units:
                top, left, bottom, right = unit.box
                said.append(
                    f"  channel {unit.channel} gives {unit.value:.3g} at row {unit.row}, column {unit.column}: it sees "
                    f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
                )
        said.append(f"drawn: {self.path}")
        if self.events is not None:
            said.append(f"look at it: tensorboard --logdir {self.events.parent}")
        return said


def inspect(
    subject: Subject,
    image: str | Path,
    *,
    default: Path,
    out: str | Path | None = None,
    layers: Sequence[str] = ("*",),
    channels: int = 16,
    top: int = 3,
    invert: bool = False,
    log: bool = False,
) -> Inspection:
    """Draw what a network makes of a picture, and write it.

    Args:
        subject: The network.
        image: The picture's file.
        default: The PNG to write where `out` is None; with a number added where that is something else.
        out: The PNG to write; it may be there only if it is a sheet itself.
        layers: See `look_at_layers`.
        channels: Likewise.
        top: Likewise.
        invert: Make dark what is bright.
        log: Write it to TensorBoard too, in a folder beside the PNG.

    Raises:
        ConvboardError: The picture cannot be read, or the sheet not be written; or a value is not allowed.
    """
    if channels < 1:
        raise ConfigError(f"channels={channels}: must be at least 1.")
    if not 0 <= top <= len(KEYS):
        raise ConfigError(f"top={top}: must be from 0 to {len(KEYS)}.")
    image = Path(image)
    path = _place(image, default, out)
    picture = read_own_picture(image, subject.shape, subject.fit, invert)
    shares = probabilities(subject, picture)
    looks = look_at_layers(subject, picture, layers, channels, top)
    sheet, parts = draw_own_picture(_header(subject, picture, shares), looks)
    write_sheet(path, sheet, str(image.absolute()))
    events = path.with_suffix("") if log else None
    if events is not None:
        log_own_picture(events, sheet, parts)
    return Inspection(path, events, picture, shares, looks, "" if invert else _hint(subject, picture))


def _place(image: Path, default: Path, out: str | Path | None) -> Path:
    """Where the sheet goes: never over something that is no sheet."""
    if out is None:
        return free_path(default, str(image.absolute()))
    path = Path(out)
    if path.suffix.lower() != ".png":
        raise ConfigError(f"out={out}: must be the name of a .png file.")
    if path.exists() and source_of(path) is None:
        raise ConfigError(f"out={out} is there already, and was not drawn by this command: choose another name.")
    return path


@torch.no_grad()
def probabilities(subject: Subject, picture: OwnPicture) -> list[tuple[str, float]]:
    """Class names and probabilities, most probable first; none of an untrained network."""
    if not subject.class_names:
        return []
    shares = subject.model(_normalised(subject, picture))[0].float().softmax(dim=0)
    order = shares.argsort(descending=True, stable=True)
    return [(subject.class_names[place], float(shares[place])) for place in order.tolist()]


def look_at_layers(
    subject: Subject, picture: OwnPicture, layers: Sequence[str] = ("*",), channels: int = 16, top: int = 3
) -> list[LayerLook]:
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


def _hint(subject: Subject, picture: OwnPicture) -> str:
    """What to try where a picture is unlike those that the network was trained on; else empty."""
    if not subject.class_names or len(subject.mean) != 1:
        return ""
    mean = float(picture.pixels.mean()) / 255
    if mean - subject.mean[0] < _BRIGHTER * subject.std[0]:
        return ""
    return (
        f"The picture is far brighter (mean {mean:.2f}) than those of the training ({subject.mean[0]:.2f}): if it is "
        "dark on white paper, add invert=true."
    )


def _header(subject: Subject, picture: OwnPicture, shares: Sequence[tuple[str, float]]) -> Header:
    """What stands at the top of the sheet."""
    return Header(
        f"{picture.name} through {subject.name}",
        (subject.note, picture.describe()),
        picture.given,
        picture.region,
        picture.pixels,
        picture.seen,
        shares,
        "untrained: its predictions mean nothing yet",
    )


def _normalised(subject: Subject, picture: OwnPicture) -> Tensor:
    """The picture as the network's batch of one, `[1, C, H, W]`."""
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (subject.mean, subject.std))
    return (torch.from_numpy(picture.pixels.copy())[None].float() / 255 - mean) / std


def _look_at(
    layer: LayerActivation, formula: str, spans: dict[str, list[tuple[int, int]]], channels: int, top: int
) -> LayerLook:
    """What one layer makes of the picture; `spans`: the pixels that its units see, by rows and columns of units."""
    before = layer.output[0].float().numpy()
    after = None if layer.activated is None else layer.activated[0].float().numpy()
    # After a pooling the maps have other places than the layer has units: then its own values are compared.
    is_after = after is not None and after.shape == before.shape
    strongest = _strongest(after if after is not None and is_after else before, top)
    shown = _shown(len(before), [channel for channel, *_ in strongest], channels)
    assert isinstance(layer.module, nn.Conv2d)
    units = tuple(
        StrongUnit(channel, row, column, value, _box(spans, row, column)) for channel, row, column, value in strongest
    )
    return LayerLook(
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
    )


def _strongest(maps: NDArray[np.float32], top: int) -> list[tuple[int, int, int, float]]:
    """Channel, row, column and value of the largest value of each of the `top` channels that have the largest."""
    flat = np.nan_to_num(maps.reshape(len(maps), -1), nan=-np.inf)
    places = flat.argmax(axis=1)
    values = flat[np.arange(len(flat)), places]
    best = np.argsort(-values, kind="stable")[:top]
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
