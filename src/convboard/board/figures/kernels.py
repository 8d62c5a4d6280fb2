"""The figure of a conv layer's kernels."""

import math

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.canvas import LABEL, MARGIN, SCALE_NOTE, TITLE, Canvas, enlarge, mosaic, text_width
from convboard.board.figures.colours import LINE, MUTED, palette, signed
from convboard.board.figures.png import Figure

_MOST_FILTERS = 64
_MOST_INPUTS = 32
_SIDE = 780  # pixels that the tiles together should take at most
_TILE = 72  # pixels a tile should take at most
_COLUMNS = "filter →"
_HEAD = MARGIN + 24
_FOOT = 44


def largest_weight(weight: NDArray[np.float32]) -> float:
    """The end of the colour scale of weights: the largest finite magnitude, 0 of none."""
    sizes = np.abs(weight)
    return float(sizes.max(where=np.isfinite(sizes), initial=0.0))


def draw_kernels(layer: str, weight: NDArray[np.float32], limit: float, caption: str) -> Figure:
    """Draw a tile for each kernel, all on one scale with zero in the middle.

    Kernels over 3 input channels are drawn in colour, kernels over one as tiles in rows; others as a table with a
    column for each filter and a row for each of its input channels. Of a large layer the first 64 filters and 32
    input channels are drawn, which the title states.

    Args:
        layer: The layer's name, for the title.
        weight: `[filters, input channels, height, width]`.
        limit: The weight of the last colour.
        caption: When the kernels were recorded, such as `epoch 4`.
    """
    shown = weight[:_MOST_FILTERS, :_MOST_INPUTS]
    inputs = shown.shape[1]
    title = _title(layer, weight.shape, shown.shape)
    if inputs in (1, 3):
        return _draw_rows(shown, limit, title, caption)
    return _draw_table(shown, limit, title, caption)


def _title(layer: str, full: tuple[int, ...], shown: tuple[int, ...]) -> str:
    filters, inputs, height, width = full
    text = f"{layer}: {filters} kernels {height}×{width} over {inputs} input channel{'s' if inputs > 1 else ''}"
    if shown[:2] != full[:2]:
        text += f" (the first {shown[0]} over {shown[1]} shown)"
    return text


def _draw_rows(shown: NDArray[np.float32], limit: float, title: str, caption: str) -> Figure:
    """Numbered tiles, in several rows where one would be too long."""
    filters, inputs, height, width = shown.shape
    left = MARGIN + text_width(_COLUMNS) + 8
    columns = min(filters, 8 if filters <= 32 else 16)
    rows = math.ceil(filters / columns)
    scale = _scale(columns, rows, height, width)
    gap = 1
    tile_height, tile_width = height * scale, width * scale
    pitch_x = max(tile_width + 2 * gap + 4, 22)
    pitch_y = tile_height + 2 * gap + LABEL + 8
    canvas_width = max(left + columns * pitch_x + MARGIN, _title_width(title))
    canvas = Canvas(canvas_width, _HEAD + rows * pitch_y + _FOOT, palette())
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    canvas.text(left - 6, _HEAD, _COLUMNS, ink=MUTED, align="right")
    frame = np.full((tile_height + 2 * gap, tile_width + 2 * gap), LINE, np.uint8)
    for number, kernel in enumerate(shown):
        x = left + number % columns * pitch_x
        y = _HEAD + number // columns * pitch_y
        canvas.text(x + frame.shape[1] // 2, y, str(number), ink=MUTED, align="centre")
        y += LABEL + 3
        canvas.paste(x, y, frame)
        if inputs == 3:
            canvas.paste_photo(x + gap, y + gap, enlarge(kernel_colours(kernel, limit), scale))
        else:
            canvas.paste(x + gap, y + gap, enlarge(signed(kernel[0], limit), scale))
    foot = _HEAD + rows * pitch_y + 6
    _legend(canvas, foot, limit, caption, in_colour=inputs == 3)
    return canvas.figure()


def _draw_table(shown: NDArray[np.float32], limit: float, title: str, caption: str) -> Figure:
    """Filters from left to right, their input channels from top to bottom."""
    filters, inputs, height, width = shown.shape
    scale = _scale(filters, inputs, height, width)
    gap = 3 if scale * min(height, width) > 12 else 2 if max(height, width) > 1 else 1
    tiles = mosaic(signed(shown.transpose(1, 0, 2, 3), limit), scale, gap)
    left = MARGIN + max(text_width(_COLUMNS), text_width(f"in {inputs - 1}")) + 6
    top = _HEAD + LABEL + 6
    canvas_width = max(left + tiles.shape[1] + MARGIN, _title_width(title))
    canvas = Canvas(canvas_width, top + tiles.shape[0] + _FOOT, palette())
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    canvas.paste(left, top, tiles)
    canvas.text(left - 6, top - LABEL - 4, _COLUMNS, ink=MUTED, align="right")
    pitch_x, pitch_y = width * scale + gap, height * scale + gap
    for column in range(0, filters, math.ceil(22 / pitch_x)):
        middle = left + gap + column * pitch_x + width * scale // 2
        canvas.text(middle, top - LABEL - 4, str(column), ink=MUTED, align="centre")
    for row in range(0, inputs, math.ceil((LABEL + 2) / pitch_y)):
        middle = top + gap + row * pitch_y + height * scale // 2
        canvas.text(left - 6, middle - LABEL // 2 - 2, f"in {row}", ink=MUTED, align="right")
    _legend(canvas, top + tiles.shape[0] + 8, limit, caption, in_colour=False)
    return canvas.figure()


def _legend(canvas: Canvas, y: int, limit: float, caption: str, *, in_colour: bool) -> None:
    if in_colour:
        canvas.text(MARGIN, y + 6, f"grey is 0, full colour ±{limit:.3g} ({SCALE_NOTE}); {caption}", ink=MUTED)
    else:
        canvas.scale(MARGIN + 20, y, limit, caption)


def kernel_colours(kernel: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    """A kernel `[3, h, w]` as an RGB image, uint8 `[h, w, 3]`; zero is mid-grey."""
    values = np.nan_to_num(kernel) * (127.5 / limit if limit > 0 else 0.0) + 127.5
    return values.round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def _scale(columns: int, rows: int, height: int, width: int) -> int:
    """Pixels per weight, so that all tiles fit the side."""
    room = min(_TILE / max(height, width), (_SIDE / columns - 2) / width, (_SIDE / rows - 2) / height)
    return max(int(room), math.ceil(6 / max(height, width)), 1)


def _title_width(title: str) -> int:
    return text_width(title, TITLE) + 2 * MARGIN
