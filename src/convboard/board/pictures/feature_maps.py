"""What a conv layer makes of the probe images, before and after its activation."""

import numpy as np
from numpy.typing import NDArray

from convboard.board.pictures.canvas import LABEL, MARGIN, TITLE, Canvas, mosaic, shorten, text_width
from convboard.board.pictures.colours import INK, MUTED, palette, signed
from convboard.board.pictures.images import ProbeImages, paste_image
from convboard.board.pictures.png import Picture

_WIDTH = 1060  # pixels that the maps of one image should take at most, side by side
_TILE = 56  # pixels a map should take at most
_SMALLEST = 14  # pixels it should take at least: rows carry text
_NAMES = 110  # pixels for class names
_UNSHRUNK = 36  # pixels up to which a map is drawn pixel for pixel rather than averaged
_LOOKED_AT = 20_000  # values to find the scale by
_GAP = 2


def draw_feature_maps(
    title: str,
    probe: ProbeImages,
    before: NDArray[np.float32],
    after: NDArray[np.float32] | None,
    activation: str,
    caption: str,
) -> Picture:
    """Draw a row for each probe image and a column for each channel; all maps on one scale round zero.

    Args:
        title: Heading, with the layer's name and shape.
        probe: The images.
        before: What the layer gives, `[P, channels, h, w]`.
        after: The same after the activation function, perhaps smaller after a pooling; None where there is none.
        activation: That function's name.
        caption: When it was so, such as `epoch 4`.
    """
    blocks = [("convolution", before)] if after is None else [("convolution", before), (f"after {activation}", after)]
    limit = _limit(before if after is None else after, is_signed=after is None)
    tile = max(_SMALLEST, min(_TILE, _WIDTH // len(blocks) // before.shape[1] - _GAP))
    if tile < before.shape[3] <= _UNSHRUNK:
        tile = before.shape[3]
    sheets = [(head, _fit(signed(_shrink(maps, tile), limit), tile)) for head, maps in blocks]
    pitch = max((sheet.shape[0] - _GAP) // len(before) for _, sheet in sheets)
    names = [shorten(name, _NAMES) for name in probe.names]
    left = MARGIN + max(text_width(name) for name in names) + 8
    first = left + pitch + 14
    width = first + sum(sheet.shape[1] + 20 for _, sheet in sheets) + MARGIN - 20
    top = MARGIN + 58
    height = top + pitch * len(before) + 52
    canvas = Canvas(max(width, text_width(title, TITLE) + 2 * MARGIN), height, palette("activations"))
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    for row, (name, image) in enumerate(zip(names, probe.images, strict=True)):
        y = top + _GAP + row * pitch
        canvas.text(left - 8, y + (pitch - LABEL) // 2 - 3, name, ink=INK, align="right")
        paste_image(canvas, left, y, image, pitch - _GAP)
    for head, sheet in sheets:
        _paste_block(canvas, first, top, head, sheet, before.shape[1])
        first += sheet.shape[1] + 20
    canvas.scale(left + 12, height - 38, limit, is_cut=True)
    canvas.text(left + 220, height - 34, caption, ink=MUTED)
    return canvas.picture(reduce_photos=True)


def _paste_block(canvas: Canvas, x: int, top: int, head: str, sheet: NDArray[np.uint8], channels: int) -> None:
    """Maps with their heading and channel numbers."""
    canvas.text(x, top - 34, head)
    canvas.paste(x, top, sheet)
    pitch = (sheet.shape[1] - _GAP) / channels
    every = -(-20 // int(pitch))
    for channel in range(0, channels, every):
        canvas.text(x + _GAP + int((channel + 0.5) * pitch), top - 16, str(channel), ink=MUTED, align="centre")


def _limit(maps: NDArray[np.float32], *, is_signed: bool) -> float:
    """Where the scale ends: what 99 % of the values that go on to the next layer stay below.

    A few very bright pixels would leave the rest in the dark; so would the large negative values before a ReLU,
    which cuts them off anyway.
    """
    values = maps.ravel()
    values = values[:: max(1, -(-values.size // _LOOKED_AT))]
    values = np.abs(values) if is_signed else values
    values = values[(values > 0) & np.isfinite(values)]
    if not values.size:
        return float(np.abs(np.nan_to_num(maps)).max(initial=0.0))
    place = int(0.99 * values.size)
    return float(np.partition(values, place)[place])


def _shrink(maps: NDArray[np.float32], tile: int) -> NDArray[np.float32]:
    """Average squares of pixels where a map is larger than its tile."""
    factor = -(-max(maps.shape[2:]) // tile)
    if factor == 1:
        return maps
    images, channels, height, width = maps.shape
    height, width = height // factor, width // factor
    cut = maps[:, :, : height * factor, : width * factor]
    squares = cut.reshape(images, channels, height, factor, width, factor)
    means: NDArray[np.float32] = squares.mean(axis=(3, 5), dtype=np.float32)
    return means


def _fit(tiles: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    return mosaic(tiles, max(1, tile // max(tiles.shape[2:])), _GAP)
