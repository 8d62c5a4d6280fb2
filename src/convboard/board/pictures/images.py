"""Images of the data set on a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convboard.board.pictures.canvas import Canvas
from convboard.board.pictures.colours import grey


@dataclass(frozen=True)
class ProbeImages:
    """The images that are followed through the network.

    Attributes:
        images: uint8 `[P, C, H, W]`, as in the data set.
        names: Class name of each.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]


def paste_image(canvas: Canvas, x: int, y: int, image: NDArray[np.uint8], side: int) -> None:
    """Put an image of the data set, uint8 `[1 or 3, h, w]`, brought to `side` pixels; enlarged, its pixels are seen."""
    height, width = image.shape[1:]
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    how = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    channels = image.transpose(1, 2, 0) if len(image) == 3 else image[0]
    resized = np.asarray(Image.fromarray(np.ascontiguousarray(channels)).resize(size, how))
    if len(image) == 3:
        canvas.paste_photo(x, y, resized)
    else:
        canvas.paste(x, y, grey(resized))
