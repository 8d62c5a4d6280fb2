"""Images of the data set on a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convboard.board.figures.canvas import Canvas, enlarge
from convboard.board.figures.colours import grey


@dataclass(frozen=True)
class ProbeImages:
    """The images that are followed through the network.

    Attributes:
        images: uint8 `[P, C, H, W]`, as in the data set.
        names: Class name of each.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]


def drawn_side(images: NDArray[np.uint8], most: int) -> int:
    """The longer side, at most `most` pixels, that images `[..., h, w]` are drawn with: a multiple of their own."""
    longer = max(images.shape[-2:])
    return longer * (most // longer) if longer <= most else most


def paste_image(canvas: Canvas, x: int, y: int, image: NDArray[np.uint8], most: int) -> None:
    """Put an image of the data set, uint8 `[1 or 3, h, w]`, as large as `drawn_side` says; a larger one is averaged."""
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
