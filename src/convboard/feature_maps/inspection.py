"""One image through a network: prediction and layer responses, drawn as a montage and written as a PNG."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from convboard.board.figures.png import Figure, add_chunk
from convboard.board.image_log import log_montage
from convboard.config.command_line import tensorboard
from convboard.errors import ConfigError, ModelError, RunError
from convboard.feature_maps.inference_model import InferenceModel
from convboard.feature_maps.labelled_boxes import KEYS
from convboard.feature_maps.layer_response import LayerResponse, layer_responses
from convboard.feature_maps.montage import Header, draw_montage, format_probability
from convboard.feature_maps.user_image import UserImage
from convboard.files import atomic_write_bytes

_CLASSES = 3  # printed, the most probable ones
_BRIGHTER = 1.5  # standard deviations above the mean of the training pixels from which ink on paper is suspected
_KEYWORD = "convboard"  # of the PNG's text chunk that names the image which was drawn


@dataclass(frozen=True)
class Inspection:
    """The result of `inspect`.

    Attributes:
        path: The PNG of the montage.
        events: The folder of TensorBoard's event file; None where none was asked for.
        image: The image.
        probabilities: Class names and probabilities, most probable first; empty where the network is untrained.
        layers: The response of each conv layer.
        hint: What to try where the image is unlike the training images; else empty.
    """

    path: Path
    events: Path | None
    image: UserImage
    probabilities: Sequence[tuple[str, float]]
    layers: Sequence[LayerResponse]
    hint: str

    def lines(self) -> list[str]:
        """All of it as text."""
        lines = [self.image.describe()]
        if self.hint:
            lines.append(self.hint)
        if self.probabilities:
            best = ", ".join(f"{name} ({format_probability(p)})" for name, p in self.probabilities[:_CLASSES])
            lines.append(f"predicted: {best}")
        for layer in self.layers:
            lines.append(f"{layer.name}: {layer.describe()}")
            if layer.silence:
                lines.append(f"  {layer.silence}")
            for unit in layer.units:
                top, left, bottom, right = unit.box
                lines.append(
                    f"  channel {unit.channel} gives {unit.value:.3g} at row {unit.row}, column {unit.column}: it sees "
                    f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
                )
        lines.append(f"drawn: {self.path}")
        if self.events is not None:
            lines.append(f"look at it: {tensorboard(self.events.parent)}")
        return lines


def inspect(
    model: InferenceModel,
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
    """Pass an image through a network, draw how it responds, and write the drawing.

    Args:
        model: The network.
        image: The image file.
        default: The PNG to write where `out` is None; a number is added to its name where another file has it.
        out: The PNG to write; an existing file is overwritten only if this function wrote it.
        layers: See `layer_responses`.
        channels: See `layer_responses`.
        top: See `layer_responses`.
        invert: Invert the image's brightness.
        log: Write the montage to TensorBoard too, in a folder beside the PNG.

    Raises:
        ConvboardError: The image cannot be read, the PNG cannot be written, the network has no conv layer, or a value
            is not allowed.
    """
    if channels < 1:
        raise ConfigError(f"channels={channels}: must be at least 1.")
    if not 0 <= top <= len(KEYS):
        raise ConfigError(f"top={top}: must be from 0 to {len(KEYS)}.")
    source = Path(image).absolute()
    path = _output_path(source, default, out)
    user_image = model.read(Path(image), invert)
    images = model.normalise(user_image.pixels)
    probabilities = model.predict(images)
    responses = layer_responses(model.module, images, layers, channels, top)
    if not responses:
        raise ModelError(f"{model.name} has no Conv2d layer, so that there are no feature maps to draw.")
    montage, parts = draw_montage(_header(model, user_image, probabilities), responses)
    _write_montage(path, montage, source)
    events = path.with_suffix("") if log else None
    if events is not None:
        log_montage(events, montage, parts)
    hint = "" if invert else _hint(model, user_image)
    return Inspection(path, events, user_image, probabilities, responses, hint)


def _output_path(source: Path, default: Path, out: str | Path | None) -> Path:
    """Return the PNG to write. A file that is not a montage is never overwritten."""
    if out is None:
        number, path = 1, default
        while path.exists() and montage_source(path) != str(source):
            number += 1
            path = default.with_stem(f"{default.stem}-{number}")
        return path
    path = Path(out)
    if path.suffix.lower() != ".png":
        raise ConfigError(f"out={out}: must be the name of a .png file.")
    if path.exists() and montage_source(path) is None:
        raise ConfigError(f"out={out} is there already, and was not drawn by this command: choose another name.")
    return path


def montage_source(path: Path) -> str | None:
    """The image that a montage was drawn of; None where the file is no montage."""
    if not path.is_file():
        return None
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return str(json.loads(picture.info[_KEYWORD])["source"])
    except (OSError, KeyError, TypeError, ValueError, SyntaxError):
        return None


def _write_montage(path: Path, montage: Figure, source: Path) -> None:
    """Write a montage that names its source in a text chunk; folders above it are created."""
    text = f"{_KEYWORD}\0{json.dumps({'source': str(source)})}".encode("ascii")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, add_chunk(montage.png, b"tEXt", text))
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror}. Choose another place with out=<file>.png."
        ) from error


def _hint(model: InferenceModel, image: UserImage) -> str:
    """Return advice for an image that is unlike the training images; empty if none is needed."""
    if not model.class_names or len(model.mean) != 1:
        return ""
    mean = float(image.pixels.mean()) / 255
    if mean - model.mean[0] < _BRIGHTER * model.std[0]:
        return ""
    return (
        f"The picture is far brighter (mean {mean:.2f}) than those of the training ({model.mean[0]:.2f}): if it is "
        "dark on white paper, add invert=true."
    )


def _header(model: InferenceModel, image: UserImage, probabilities: Sequence[tuple[str, float]]) -> Header:
    return Header(
        title=f"{image.name} through {model.name}",
        notes=(model.note, image.describe()),
        given=image.given,
        region=image.region,
        pixels=image.pixels,
        seen=image.seen,
        probabilities=probabilities,
        remark="untrained: its predictions mean nothing yet",
    )
