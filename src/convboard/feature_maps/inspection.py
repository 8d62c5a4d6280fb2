"""A picture of the user's own, looked at through a network: what each conv layer and its strongest units make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convboard.board.image_log import log_own_picture
from convboard.config.command_line import tensorboard
from convboard.errors import ConfigError
from convboard.feature_maps.labelled_boxes import KEYS
from convboard.feature_maps.layer_response import LayerResponse
from convboard.feature_maps.layer_responses import layer_responses, probabilities
from convboard.feature_maps.network import ExaminedNetwork
from convboard.feature_maps.picture import OwnPicture, read_own_picture
from convboard.feature_maps.sheet import Header, draw_own_picture, probability
from convboard.feature_maps.sheet_file import free_path, source_of, write_sheet

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
    layers: list[LayerResponse]
    hint: str

    def lines(self) -> list[str]:
        """All of it in words."""
        said = [self.picture.describe()]
        if self.hint:
            said.append(self.hint)
        if self.probabilities:
            best = ", ".join(f"{name} ({probability(share)})" for name, share in self.probabilities[:_SAID])
            said.append(f"predicted: {best}")
        for layer in self.layers:
            said.append(f"{layer.name}: {layer.describe()}")
            if layer.silence:
                said.append(f"  {layer.silence}")
            for unit in layer.units:
                top, left, bottom, right = unit.box
                said.append(
                    f"  channel {unit.channel} gives {unit.value:.3g} at row {unit.row}, column {unit.column}: it sees "
                    f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
                )
        said.append(f"drawn: {self.path}")
        if self.events is not None:
            said.append(f"look at it: {tensorboard(self.events.parent)}")
        return said


def inspect(
    subject: ExaminedNetwork,
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
        layers: See `layer_responses`.
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
    looks = layer_responses(subject, picture, layers, channels, top)
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


def _hint(subject: ExaminedNetwork, picture: OwnPicture) -> str:
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


def _header(subject: ExaminedNetwork, picture: OwnPicture, shares: Sequence[tuple[str, float]]) -> Header:
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
