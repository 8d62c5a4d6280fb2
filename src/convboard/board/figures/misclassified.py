"""The figure of the misclassified images with the highest confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.canvas import LABEL, MARGIN, TITLE, Canvas, percent, shorten, text_width
from convboard.board.figures.colours import MUTED, palette
from convboard.board.figures.dataset_images import drawn_side, paste_image
from convboard.board.figures.png import Figure

MOST = 24  # images in a figure
_COLUMNS = 6
_TILE = 96
_GAP = 44  # room for names longer than the image is wide


@dataclass(frozen=True)
class Mistake:
    """A misclassified image.

    Attributes:
        image: uint8 `[C, H, W]`.
        true: Name of its class.
        predicted: Name of the predicted class.
        confidence: Softmax probability of that class.
    """

    image: NDArray[np.uint8]
    true: str
    predicted: str
    confidence: float


def draw_misclassified(mistakes: Sequence[Mistake], wrong: int, total: int, caption: str) -> Figure:
    """Draw misclassified images in rows of six.

    Args:
        mistakes: At most `MOST`, the most confident first.
        wrong: How many images were misclassified in all.
        total: How many images there are.
        caption: When it was measured, such as `epoch 4`.
    """
    title = f"{wrong:,} of {total:,} validation images are misclassified"
    if wrong > len(mistakes):
        title += f"; the {len(mistakes)} most confidently so"
    rows = max(1, -(-len(mistakes) // _COLUMNS))
    tile = drawn_side(mistakes[0].image, _TILE) if mistakes else _TILE
    pitch_x, pitch_y = _TILE + _GAP, tile + 2 * LABEL + 24
    width = max(2 * MARGIN + _COLUMNS * pitch_x, text_width(title, TITLE) + 2 * MARGIN)
    canvas = Canvas(width, 44 + rows * pitch_y + 16, palette())
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    room = _TILE + _GAP - 12
    for place, mistake in enumerate(mistakes):
        x = MARGIN + place % _COLUMNS * pitch_x
        y = 42 + place // _COLUMNS * pitch_y
        paste_image(canvas, x, y, mistake.image, _TILE)
        canvas.text(x, y + tile + 3, shorten(f"predicted {mistake.predicted}", room))
        truth = f"{percent(mistake.confidence)}, is {mistake.true}"
        canvas.text(x, y + tile + LABEL + 7, shorten(truth, room), ink=MUTED)
    canvas.text(MARGIN, 44 + rows * pitch_y - 4, caption, ink=MUTED)
    return canvas.figure()
