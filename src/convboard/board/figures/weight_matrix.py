"""The figure of a linear layer's weights."""

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.canvas import LABEL, MARGIN, TITLE, Canvas, mosaic, text_width
from convboard.board.figures.colours import MUTED, palette, signed
from convboard.board.figures.png import Figure

_MOST_UNITS, _MOST_INPUTS = 256, 1024
_WIDTH, _HEIGHT = 800, 500  # pixels that the matrix should take at most
_LARGEST = 12  # pixels of a weight
_HEAD = MARGIN + 44
_EVERY = 22  # pixels between two numbers


def draw_weight_matrix(layer: str, weight: NDArray[np.float32], limit: float, caption: str) -> Figure:
    """Draw a row for each unit and a column for each input, with zero in the middle of the scale.

    Of a large layer the first 256 units and 1,024 inputs are drawn, which the title states.

    Args:
        layer: The layer's name, for the title.
        weight: `[units, inputs]`.
        limit: The weight of the last colour.
        caption: When the weights were recorded, such as `epoch 4`.
    """
    shown = weight[:_MOST_UNITS, :_MOST_INPUTS]
    title = f"{layer}: weights of {weight.shape[0]} units over {weight.shape[1]} inputs"
    if shown.shape != weight.shape:
        title += f" (the first {shown.shape[0]} over {shown.shape[1]} shown)"
    units, inputs = shown.shape
    scale = max(1, min(_LARGEST, _WIDTH // inputs, _HEIGHT // units))
    tile = mosaic(signed(shown, limit)[None, None], scale, 1)
    left = MARGIN + text_width("unit 000") + 6
    width = max(left + tile.shape[1], text_width(title, TITLE) + MARGIN, left + 420) + MARGIN
    canvas = Canvas(width, _HEAD + tile.shape[0] + 44, palette())
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    canvas.text(left - 6, _HEAD - LABEL - 6, "input →", ink=MUTED, align="right")
    canvas.paste(left, _HEAD, tile)
    for number in range(0, inputs, _step(scale)):
        canvas.text(left + int((number + 0.5) * scale), _HEAD - LABEL - 6, str(number), ink=MUTED, align="centre")
    for number in range(0, units, _step(scale)):
        middle = _HEAD + int((number + 0.5) * scale)
        canvas.text(left - 6, middle - LABEL // 2 - 2, f"unit {number}", ink=MUTED, align="right")
    canvas.scale(left + 20, _HEAD + tile.shape[0] + 8, limit, caption)
    return canvas.figure()


def _step(scale: int) -> int:
    """From one number to the next: 1, 2, 5, 10 and so on, as many as have room."""
    return next(step for step in (1, 2, 5, 10, 20, 50, 100) if step * scale >= _EVERY)
