"""Images of the data set on a figure, and the figure of the probe images."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convboard.board.figures.canvas import LABEL, MARGIN, TITLE, Canvas, enlarge, shorten
from convboard.board.figures.colours import grey, palette
from convboard.board.figures.png import Figure

_TILE = 96  # pixels of a probe image at most
_COLUMNS = 5


@dataclass(frozen=True)
class ProbeImages:
    """The images that are followed through the network, as they are drawn.

    Attributes:
        images: uint8 `[P, C, H, W]`, as in the data set.
        names: Class name of each.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]


def draw_probe_images(probe: ProbeImages, title: str) -> Figure:
    """Draw the probe images with their class names, in rows of five."""
    side = drawn_side(probe.images, _TILE)
    rows = math.ceil(len(probe.names) / _COLUMNS)
    pitch_x, pitch_y = side + 14, side + LABEL + 18
    canvas = Canvas(2 * MARGIN + _COLUMNS * pitch_x - 14, 44 + rows * pitch_y, palette())
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    for number, (image, name) in enumerate(zip(probe.images, probe.names, strict=True)):
        x = MARGIN + number % _COLUMNS * pitch_x
        y = 42 + number // _COLUMNS * pitch_y
        paste_image(canvas, x, y, image, side)
        canvas.text(x + side // 2, y + side + 3, shorten(name, side + 8), align="centre")
    return canvas.figure()


def drawn_side(images: NDArray[np.uint8], most: int) -> int:
    """The longer side in pixels with which images are drawn: a multiple of their own, or `most` for larger ones.

    Args:
        images: `[..., h, w]`.
        most: Upper limit of the result.
    """
    longer = max(images.shape[-2:])
    return longer * (most // longer) if longer <= most else most


def paste_image(canvas: Canvas, x: int, y: int, image: NDArray[np.uint8], most: int) -> None:
    """Paste an image of the data set in the size of `drawn_side`; a larger one is averaged.

    Args:
        canvas: Where to paste it.
        x: Left edge.
        y: Top edge.
        image: uint8 `[1 or 3, h, w]`.
        most: See `drawn_side`.
    """
    height, width = image.shape[1:]
    side = drawn_side(image, most)
    channels = np.ascontiguousarray(image.transpose(1, 2, 0) if len(image) == 3 else image[0])
    if side >= max(height, width):
        resized = enlarge(channels, side // max(height, width))
    else:
        factor = side / max(height, width)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        resized = np.asarray(Image.fromarray(channels).resize(size, Image.Resampling.BOX))
    if len(image) == 3:
        canvas.paste_photo(x, y, resized)
    else:
        canvas.paste(x, y, grey(resized))
