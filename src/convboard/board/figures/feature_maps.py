"""The figure of a conv layer's feature maps of the probe images, before and after its activation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.canvas import LABEL, MARGIN, TITLE, Canvas, mosaic, shorten, text_width
from convboard.board.figures.colours import FEW_SHADES, INK, MUTED, SHADES, Indices, palette, signed
from convboard.board.figures.dataset_images import ProbeImages, drawn_side, paste_image
from convboard.board.figures.png import Figure

_TILE = 56  # pixels a map should take at least
_PHOTO = 64  # pixels a probe image takes at most
_WIDE = 2200  # pixels that the maps of many channels should take at most, side by side
_BESIDE = 1200  # pixels that two blocks of maps may take side by side; wider ones are stacked
_UNSHRUNK = 36  # pixels up to which a map is drawn pixel for pixel rather than averaged
_MANY = 100_000  # values on a picture from which on it takes few colours, to be a smaller file
_NAMES = 110  # pixels for class names
_SAMPLED = 20_000  # values from which the scale is estimated
_GAP = 2  # lines between maps
_BETWEEN = 20  # blocks
_CHANNELS = "channel →"


@dataclass(frozen=True)
class _Block:
    """The maps before or after the activation.

    Attributes:
        head: Heading.
        rows: Palette indices of the maps of each probe image, side by side.
        channels: Number of maps in a row.
    """

    head: str
    rows: list[Indices]
    channels: int


def draw_feature_maps(
    title: str,
    probe: ProbeImages,
    before: NDArray[np.float32],
    after: NDArray[np.float32] | None,
    limit: float,
    activation: str,
    caption: str,
) -> Figure:
    """Draw a row for each probe image and a column for each channel, all maps on one scale with zero in the middle.

    Args:
        title: Heading, with the layer's name and shape.
        probe: The images.
        before: Output of the layer, `[P, channels, h, w]`.
        after: Output after the activation, which may be smaller after a pooling; None if there is no activation.
        limit: The value of the last colour, see `map_limit`.
        activation: Name of the activation.
        caption: When the maps were recorded, such as `epoch 4`.
    """
    heads = {"convolution": before} if after is None else {"convolution": before, f"after {activation}": after}
    blocks = _blocks({head: _shrink(maps) for head, maps in heads.items()}, limit)
    names = [shorten(name, _NAMES) for name in probe.names]
    left = MARGIN + max(text_width(name) for name in names) + 8
    first = left + max(drawn_side(probe.images, _PHOTO), text_width(_CHANNELS)) + 8
    pitch = _pitch(blocks, probe)
    widths = [block.rows[0].shape[1] for block in blocks]
    is_beside = first + sum(widths) + _BETWEEN <= _BESIDE
    block_height = 36 + pitch * len(names) + _BETWEEN
    width = first + (sum(widths) + _BETWEEN * (len(blocks) - 1) if is_beside else max(widths)) + MARGIN
    height = MARGIN + 22 + block_height * (1 if is_beside else len(blocks)) + 48 - _BETWEEN
    canvas = Canvas(max(width, text_width(title, TITLE) + 2 * MARGIN), height, palette())
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    x, y = first, MARGIN + 22
    for number, block in enumerate(blocks):
        if number == 0 or not is_beside:
            _draw_probe(canvas, left, first, y, pitch, names, probe)
        _draw_block(canvas, x, y, pitch, block)
        x, y = (x + widths[number] + _BETWEEN, y) if is_beside else (x, y + block_height)
    canvas.scale(left + 12, height - 38, limit, caption, is_cut=True)
    return canvas.figure(reduce_photos=True)


def _blocks(maps: dict[str, NDArray[np.float32]], limit: float) -> list[_Block]:
    """Colour and enlarge the maps `[P, channels, h, w]` under their headings."""
    shades = FEW_SHADES if sum(values.size for values in maps.values()) > _MANY else SHADES
    blocks = []
    for head, values in maps.items():
        channels, height, width = values.shape[1:]
        side = max(height, width)
        scale = max(1, min(-(-_TILE // side), (_WIDE // channels - _GAP) // side))
        rows = [mosaic(row[None], scale, _GAP) for row in signed(values, limit, shades)]
        blocks.append(_Block(head, rows, channels))
    return blocks


def _pitch(blocks: list[_Block], probe: ProbeImages) -> int:
    """Pixels from one probe image to the next; adjacent rows of maps share their lines."""
    rows = max(block.rows[0].shape[0] for block in blocks)
    return int(max(rows - _GAP, drawn_side(probe.images, _PHOTO) + _GAP))


def _draw_probe(canvas: Canvas, x: int, first: int, y: int, pitch: int, names: list[str], probe: ProbeImages) -> None:
    """The probe images from `x` on, their names to the left, and the label of the channel numbers from `first` on."""
    canvas.text(first - 6, y + 18, _CHANNELS, ink=MUTED, align="right")
    side = drawn_side(probe.images, _PHOTO)
    for row, (name, image) in enumerate(zip(names, probe.images, strict=True)):
        middle = y + 36 + row * pitch + (pitch + _GAP) // 2
        canvas.text(x - 8, middle - LABEL // 2 - 3, name, ink=INK, align="right")
        paste_image(canvas, x, middle - side // 2, image, _PHOTO)


def _draw_block(canvas: Canvas, x: int, y: int, pitch: int, block: _Block) -> None:
    """Maps with their heading and channel numbers."""
    canvas.text(x, y, block.head)
    for number, row in enumerate(block.rows):
        canvas.paste(x, y + 36 + number * pitch + (pitch + _GAP - row.shape[0]) // 2, row)
    width = (block.rows[0].shape[1] - _GAP) / block.channels
    for channel in range(0, block.channels, -(-20 // int(width))):
        canvas.text(x + _GAP + int((channel + 0.5) * width), y + 18, str(channel), ink=MUTED, align="centre")


def map_limit(before: NDArray[np.float32], after: NDArray[np.float32] | None) -> float:
    """The end of the colour scale of maps: the 99th percentile of the values that the next layer receives.

    A few very large values would leave the rest dark, and so would the large negative values before a ReLU, which cuts
    them off anyway. Where it cuts off all values, the scale is that of the values before it.

    Args:
        before: Output of a layer, of any shape.
        after: Output after its activation; None if there is none.
    """
    limit = 0.0 if after is None else _limit(after, is_signed=False)
    return limit or _limit(before, is_signed=True)


def _limit(maps: NDArray[np.float32], is_signed: bool) -> float:
    values = maps.ravel()
    values = values[:: max(1, -(-values.size // _SAMPLED))]
    values = np.abs(values) if is_signed else values
    values = values[(values > 0) & np.isfinite(values)]
    if not values.size:
        return float(np.abs(np.nan_to_num(maps)).max(initial=0.0))
    place = int(0.99 * values.size)
    return float(np.partition(values, place)[place])


def _shrink(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average blocks of pixels where a map is large."""
    factor = -(-max(maps.shape[2:]) // _UNSHRUNK)
    if factor == 1:
        return maps
    images, channels, height, width = maps.shape
    height, width = height // factor, width // factor
    cut = maps[:, :, : height * factor, : width * factor]
    squares = cut.reshape(images, channels, height, factor, width, factor)
    means: NDArray[np.float32] = squares.mean(axis=(3, 5), dtype=np.float32)
    return means
