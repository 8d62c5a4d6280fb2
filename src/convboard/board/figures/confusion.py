"""The figure of the confusion matrix."""

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.canvas import (
    LABEL,
    MARGIN,
    TITLE,
    Canvas,
    mosaic,
    percent,
    shorten,
    text_mask,
    text_width,
)
from convboard.board.figures.colours import MUTED, palette, share_colours
from convboard.board.figures.png import Figure

_LEVELS = 16  # blues a cell can have
_SHADES = 11  # of each, from its own colour to that of the text in it
_LINE = 56
_FIRST = 64  # palette indices below are greys
_FEW, _MEDIUM = 10, 30  # most classes of a figure as wide as TensorBoard first shows it, of cells that hold counts
_ROOM = 240  # pixels that the cells of few classes take
_LARGEST = 40  # pixels a cell takes at most; from _WITH_SHARE on it has room for its share
_WITH_SHARE = 38
_SMALL = 9  # text size of shares and of the names of many classes
_NAMES, _NAMES_OF_FEW = 96, 66  # pixels for class names
_LEFT = 6  # of everything
_LEGEND = 290  # pixels of the scale and its label


def draw_confusion(counts: NDArray[np.int64], class_names: tuple[str, ...], caption: str) -> Figure:
    """Draw a table with a row for each true class and a column for each predicted one.

    A cell's blue is its share of its row, on a square-root scale so that rare confusions are visible; a bar below the
    table has the shares. Up to 10 classes
    the figure fits the width that TensorBoard first shows, which would otherwise drop strokes of the text. Up to 30
    classes the cells hold counts, up to 6 classes shares too.

    Args:
        counts: int64 `[classes, classes]`; rows are true classes.
        class_names: Their names.
        caption: When it was measured, such as `epoch 4`.
    """
    classes = len(counts)
    side = min(_LARGEST, _ROOM // classes) if classes <= _FEW else 28 if classes <= _MEDIUM else 11
    size = LABEL if classes <= _MEDIUM else _SMALL
    names = [shorten(name, _NAMES_OF_FEW if classes <= _FEW else _NAMES, size) for name in class_names]
    widest = max(text_width(name, size) for name in names)
    is_upright = widest > side - 4
    left = _LEFT + 16 + widest + 6
    top = MARGIN + 52 + (widest if is_upright else LABEL) + 6
    title = f"Confusion matrix: {percent(np.trace(counts), counts.sum())} of {counts.sum():,} right"
    note = f"{caption}, validation"
    width = max(left + classes * side + 2, text_width(title, TITLE) + _LEFT, 3 * _LEFT + _LEGEND) + _LEFT
    canvas = Canvas(width, top + classes * side + 66, _palette())
    canvas.text(_LEFT, MARGIN - 4, title, TITLE)
    canvas.text(left, MARGIN + 22, "predicted class →", ink=MUTED)
    canvas.paste_mask(_LEFT, top, np.rot90(text_mask("← true class", LABEL)), MUTED)
    _draw_names(canvas, names, size, left, top, side, is_upright=is_upright)
    _draw_cells(canvas, counts, left, top, side)
    _draw_legend(canvas, _LEFT, top + classes * side + 10)
    canvas.text(_LEFT, top + classes * side + 46, note, ink=MUTED)
    return canvas.figure()


def count_confusions(predicted: NDArray[np.int64], true: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count how often each true class (row) was predicted as each class (column).

    Args:
        predicted: int64 `[N]`.
        true: int64 `[N]`.
        classes: Number of classes.

    Returns:
        int64 `[classes, classes]`.
    """
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def format_count(count: int, width: int) -> str:
    """A count as it is written in a cell of `width` pixels; in thousands, such as `13k`, where it is too wide."""
    text = str(count)
    return text if text_width(text, _SMALL) <= width else f"{count / 1000:.0f}k"


def _draw_names(
    canvas: Canvas, names: list[str], size: int, left: int, top: int, side: int, *, is_upright: bool
) -> None:
    """Class names on the left and along the top, rotated where they are too wide."""
    for place, name in enumerate(names):
        middle = place * side + side // 2
        mask = text_mask(name, size)
        half = mask.shape[0] // 2
        canvas.text(left - 6, top + middle - half, name, size, align="right")
        if is_upright:
            canvas.paste_mask(left + middle - half, top - 6 - mask.shape[1], np.rot90(mask))
        else:
            canvas.text(left + middle, top - 6 - mask.shape[0], name, size, align="centre")


def _level(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """The blue of each share above 0, on a square-root scale, of which 0 has the first by itself."""
    levels: NDArray[np.int64] = 1 + (np.sqrt(shares) * (_LEVELS - 1.001)).astype(np.int64)
    return levels


def _draw_legend(canvas: Canvas, x: int, y: int) -> None:
    """The blues, each with its share of the row of the true class."""
    canvas.text(x, y + 1, "share of the row", ink=MUTED)
    x += text_width("share of the row") + 10
    width = _LEGEND - text_width("share of the row") - 10
    places = np.linspace(0, 1, width)  # equal steps of the square root, as the blues have them
    bar = (_FIRST + _level(places**2) * _SHADES).astype(np.uint8)
    canvas.paste(x, y, np.broadcast_to(bar, (12, width)))
    for share in (0.01, 0.1, 0.5, 1.0):
        canvas.text(x + round(share**0.5 * width), y + 15, f"{share:.0%}", _SMALL, MUTED, "centre")


def _draw_cells(canvas: Canvas, counts: NDArray[np.int64], left: int, top: int, side: int) -> None:
    classes = len(counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    levels = np.where(counts > 0, _level(shares), 0)
    tiles = (_FIRST + levels * _SHADES).astype(np.uint8)[:, :, None, None]
    gap = 1 if side < _LARGEST else 2
    canvas.paste(left, top, mosaic(tiles, side - gap, gap, line=_LINE))
    if classes > _MEDIUM:
        return
    for row, column in np.argwhere(counts > 0).tolist():
        x, y = left + column * side + gap, top + row * side + gap
        cell = canvas.pixels[y : y + side - gap, x : x + side - gap]
        count = format_count(counts[row, column], side - gap)
        if side < _WITH_SHARE:
            _write_in(cell, count, LABEL if len(count) < 4 else _SMALL, 0.5)
        else:
            _write_in(cell, count, LABEL, 0.32)
            _write_in(cell, percent(counts[row, column], totals[row, 0]), _SMALL, 0.72)


def _write_in(cell: NDArray[np.uint8], text: str, size: int, height: float) -> None:
    """Write text in the middle of a cell at `height` (0 top, 1 bottom), in the shades of the cell's colour."""
    mask = text_mask(text, size)
    mask = mask[:, : cell.shape[1]]
    y = round(cell.shape[0] * height - mask.shape[0] / 2)
    x = (cell.shape[1] - mask.shape[1]) // 2
    cell[y : y + mask.shape[0], x : x + mask.shape[1]] += (mask.astype(np.uint16) * (_SHADES - 1) // 255).astype(
        np.uint8
    )


def _palette() -> NDArray[np.uint8]:
    """Greys, then for each blue its shades towards the text colour: dark on light cells, white on dark ones."""
    blues = share_colours(_LEVELS)
    ink = np.where(blues.mean(axis=1, keepdims=True) < 150, 255.0, 25.0)
    steps = np.linspace(0, 1, _SHADES)[None, :, None]
    shades = blues[:, None] * (1 - steps) + ink[:, None] * steps
    return np.concatenate([palette()[:_FIRST], shades.reshape(-1, 3).round().astype(np.uint8)])
