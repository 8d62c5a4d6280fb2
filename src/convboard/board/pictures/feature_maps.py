"""What a conv layer makes of the probe images, before and after its activation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convboard.board.pictures.canvas import (
    LABEL,
    MARGIN,
    TITLE,
    Canvas,
    Picture,
    enlarge,
    mosaic,
    shorten,
    text_width,
)
from convboard.board.pictures.colours import INK, MUTED, grey, palette, signed

_BLOCK = 520  # pixels that the maps of one image should take at most, side by side
_TILE = 56  # pixels a map should take at most
_SMALLEST = 14  # pixels it should take at least: rows carry text
_NAMES = 110  # pixels for class names
_GAP = 2


@dataclass(frozen=True)
class ProbeImages:
    """The images that are followed through the network.

    Attributes:
        images: uint8 `[P, C, H, W]`, as in the data set.
        names: Class name of each.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]


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
    limit = max(_limit(maps) for _, maps in blocks)
    tile = max(_SMALLEST, min(_TILE, _BLOCK // before.shape[1] - _GAP))
    sheets = [(head, _fit(signed(_shrink(maps, tile), limit), tile)) for head, maps in blocks]
    pitch = max((sheet.shape[0] - _GAP) // len(before) for _, sheet in sheets)
    thumbnail = max(_SMALLEST, pitch - _GAP)
    names = [shorten(name, _NAMES) for name in probe.names]
    left = MARGIN + max(text_width(name) for name in names) + 8
    first = left + thumbnail + 16
    width = first + sum(sheet.shape[1] + 20 for _, sheet in sheets) + MARGIN - 20
    top = MARGIN + 46
    height = top + pitch * len(before) + 52
    canvas = Canvas(max(width, text_width(title, TITLE) + 2 * MARGIN), height, palette("activations"))
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    canvas.text(left, top - 17, "image", ink=MUTED)
    for row, (name, image) in enumerate(zip(names, probe.images, strict=True)):
        y = top + _GAP + row * pitch
        canvas.text(left - 8, y + (pitch - LABEL) // 2 - 3, name, ink=INK, align="right")
        paste_image(canvas, left, y, image, thumbnail)
    for head, sheet in sheets:
        _paste_block(canvas, first, top, head, sheet, before.shape[1])
        first += sheet.shape[1] + 20
    canvas.scale(left + 12, height - 38, limit)
    canvas.text(left + 200, height - 34, caption, ink=MUTED)
    return canvas.picture()


def paste_image(canvas: Canvas, x: int, y: int, image: NDArray[np.uint8], side: int) -> None:
    """Put an image of the data set, uint8 `[1 or 3, h, w]`, enlarged or shrunk to `side` pixels at most."""
    longest = max(image.shape[1:])
    step = -(-longest // side)
    image = image[:, ::step, ::step]
    scale = max(1, side // max(image.shape[1:]))
    if image.shape[0] == 3:
        canvas.paste_photo(x, y, enlarge(image.transpose(1, 2, 0), scale))
    else:
        canvas.paste(x, y, enlarge(grey(image[0]), scale))


def _paste_block(canvas: Canvas, x: int, top: int, head: str, sheet: NDArray[np.uint8], channels: int) -> None:
    """Maps with their heading and channel numbers."""
    canvas.text(x, top - 32, head)
    canvas.paste(x, top, sheet)
    pitch = (sheet.shape[1] - _GAP) / channels
    every = -(-20 // int(pitch))
    for channel in range(0, channels, every):
        canvas.text(x + _GAP + int((channel + 0.5) * pitch), top - 16, str(channel), ink=MUTED, align="centre")


def _limit(maps: NDArray[np.float32]) -> float:
    """Largest absolute value that the scale should reach."""
    return float(np.abs(np.nan_to_num(maps)).max(initial=0.0))


def _shrink(maps: NDArray[np.float32], tile: int) -> NDArray[np.float32]:
    """Average squares of pixels where a map is larger than its tile."""
    factor = -(-max(maps.shape[2:]) // tile)
    if factor == 1:
        return maps
    images, channels, height, width = maps.shape
    height, width = height // factor, width // factor
    cut = maps[:, :, : height * factor, : width * factor]
    squares = cut.reshape(images, channels, height, factor, width, factor)
    return squares.mean(axis=(3, 5), dtype=np.float32)


def _fit(tiles: NDArray[np.uint8], tile: int) -> NDArray[np.uint8]:
    return mosaic(tiles, max(1, tile // max(tiles.shape[2:])), _GAP)
