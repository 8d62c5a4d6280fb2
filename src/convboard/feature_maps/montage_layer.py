"""The panel of a conv layer in the montage: kernels, feature maps, and receptive fields of the strongest units."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convboard.board.figures.canvas import LABEL, MARGIN, TITLE, Canvas, enlarge, mosaic, text_width
from convboard.board.figures.colours import INK, MUTED, PAPER, Indices, colour_bar, palette, signed
from convboard.board.figures.feature_maps import map_limit
from convboard.board.figures.kernels import kernel_colours
from convboard.feature_maps.labelled_boxes import KEYS, LabelledBox, draw_boxes, key_colour
from convboard.feature_maps.layer_response import LayerResponse, StrongUnit

WIDTH = 1520  # pixels of a montage
PHOTO = 232  # longer side of a photo beside the maps
_KEY = len(palette())  # first of the key colours
_LABELS = 76  # pixels for what stands before the rows
_LEFT = MARGIN + PHOTO + 24 + _LABELS
_GAP = 8  # between columns
_MANY, _FEW = 16, 8  # columns of small maps, and of large ones
_LARGE = 90  # pixels of a map from which on it takes more room
_TILE, _LARGE_TILE = 120, 140  # pixels that maps take at most
_MOST_INPUTS = 64  # input channels of a kernel that are drawn
_BAR = 110


def montage_palette() -> NDArray[np.uint8]:
    """Colours `[at most 256, 3]`: those of all figures, and the key colours."""
    keys = np.stack([key_colour(key) for key in range(len(KEYS))])
    return np.concatenate([palette(), keys])


def draw_layer(layer: LayerResponse, seen: NDArray[np.uint8], input_size: tuple[int, int]) -> Canvas:
    """Draw the image with boxes, and beside it a column for each channel: kernel, map, and map after the activation.

    Args:
        layer: The layer's response.
        seen: uint8 `[h, w, 3]`, the part of the image that the network sees.
        input_size: (height, width) of the network's input in pixels.
    """
    maps = layer.before if layer.after is None else layer.after
    limit = map_limit(layer.before, layer.after)
    rows = {"convolution": layer.before} | ({} if layer.after is None else {f"after {layer.activation}": layer.after})
    large = max(layer.before.shape[1:]) > _LARGE
    columns = min(len(layer.channels), _FEW if large else _MANY)
    tile = min(_LARGE_TILE if large else _TILE, (WIDTH - MARGIN - _LEFT) // columns - _GAP)
    tiles = {head: [_map_tile(values, tile, limit) for values in maps] for head, maps in rows.items()}
    kernel_limit = float(np.abs(np.nan_to_num(layer.weight)).max(initial=0.0))
    kernels = _kernel_tiles(layer.weight, min(tile, 72), kernel_limit)
    heights = [kernels[0].shape[0], *(some[0].shape[0] for some in tiles.values())]
    pitch = LABEL + 8 + sum(heights) + 6 * (len(heights) - 1) + 14
    top = MARGIN + 46
    photo = _fitted(seen, PHOTO)
    beside = photo.shape[0] + 10 + max(len(layer.units), 1) * (LABEL + 7)
    height = top + max(math.ceil(len(layer.channels) / columns) * pitch, beside + 10)
    canvas = Canvas(WIDTH, height, montage_palette())
    _head(canvas, layer, kernel_limit, limit)
    _beside(canvas, layer, photo, input_size, top)
    keys = {unit.channel: key for key, unit in enumerate(layer.units)}
    for place, channel in enumerate(layer.channels):
        x, y = _LEFT + place % columns * (tile + _GAP), top + place // columns * pitch
        if place % columns == 0:
            _row_labels(canvas, ["kernel", *tiles], heights, y + LABEL + 8)
        column = [kernels[place], *(some[place] for some in tiles.values())]
        marked = None
        if channel in keys:
            unit = layer.units[keys[channel]]
            marked = (2 if layer.units_are_after else 1, keys[channel], unit)
        units_of = maps if layer.units_are_after else layer.before  # a pooling may make the maps after it smaller
        _draw_column(canvas, x, y, tile, str(channel), column, units_of.shape[1:], marked)
    return canvas


def _head(canvas: Canvas, layer: LayerResponse, kernel_limit: float, limit: float) -> None:
    """Name, shapes, formula, and the two scales."""
    canvas.text(MARGIN, MARGIN, f"{layer.name}: {layer.describe()}", TITLE)
    notes = [f"size: {layer.formula}"] if layer.formula else []
    if (inputs := layer.weight.shape[1]) not in (1, 3):
        some = f" of the first {_MOST_INPUTS}" if inputs > _MOST_INPUTS else ""
        notes.append(f"kernels: a square for each input channel{some}")
    canvas.text(MARGIN, MARGIN + 22, ";  ".join(notes), ink=MUTED)
    x = WIDTH - MARGIN - _BAR - 30
    for name, end in (("maps", limit), ("kernels", kernel_limit)):
        if name == "kernels" and layer.weight.shape[1] == 3:
            canvas.text(
                x + _BAR, MARGIN + 6, f"kernels in colour: grey is 0, full ±{end:.3g}", ink=MUTED, align="right"
            )
            continue
        canvas.paste(x, MARGIN + 2, colour_bar(_BAR, 10))
        canvas.text(x - 8, MARGIN, name, ink=MUTED, align="right")
        cut = "≥ " if name == "maps" else ""
        for at, label in ((0, f"−{end:.3g}"), (_BAR // 2, "0"), (_BAR, f"{cut}{end:.3g}")):
            canvas.text(x + at, MARGIN + 15, label, ink=MUTED, align="centre")
        x -= _BAR + 130


def _beside(
    canvas: Canvas, layer: LayerResponse, photo: NDArray[np.uint8], input_size: tuple[int, int], top: int
) -> None:
    """The image with the boxes of the strongest units, and under it their names."""
    rows, columns = input_size
    boxes = [
        LabelledBox(
            (unit.box[0] / rows, unit.box[1] / columns, unit.box[2] / rows, unit.box[3] / columns),
            f"{unit.channel}: {unit.value:.3g}",
            key,
        )
        for key, unit in enumerate(layer.units)
    ]
    canvas.paste_photo(MARGIN, top, draw_boxes(photo, boxes))
    y = top + photo.shape[0] + 8
    for key, unit in enumerate(layer.units):
        canvas.paste(MARGIN, y + 2, np.full((LABEL, LABEL), _KEY + key, np.uint8))
        height, width = unit.box[2] - unit.box[0], unit.box[3] - unit.box[1]
        text = f"channel {unit.channel}, row {unit.row}, column {unit.column}: sees {height}×{width}"
        canvas.text(MARGIN + LABEL + 6, y, text)
        y += LABEL + 7
    canvas.text(MARGIN, y, layer.silence, ink=MUTED)


def _row_labels(canvas: Canvas, labels: list[str], heights: list[int], y: int) -> None:
    for label, height in zip(labels, heights, strict=True):
        for line, word in enumerate(words := label.split(" ", 1)):
            middle = y + height // 2 + (2 * line - len(words)) * (LABEL + 3) // 2
            canvas.text(_LEFT - 10, middle, word, ink=MUTED, align="right")
        y += height + 6


def _draw_column(
    canvas: Canvas,
    x: int,
    y: int,
    tile: int,
    label: str,
    column: list[NDArray[np.uint8]],
    map_size: tuple[int, ...],
    marked: tuple[int, int, StrongUnit] | None,
) -> None:
    """One channel's number, kernel and maps; `marked`: which of them holds a strong unit, its key, and the unit."""
    canvas.text(x + tile // 2, y, label, ink=MUTED if marked is None else INK, align="centre")
    if marked is not None:
        swatch = np.full((LABEL, LABEL), _KEY + marked[1], np.uint8)
        canvas.paste(x + tile // 2 - text_width(label) // 2 - LABEL - 5, y + 2, swatch)
    y += LABEL + 8
    for number, picture in enumerate(column):
        height, width = picture.shape[:2]
        left = x + (tile - width) // 2
        if picture.ndim == 3:
            canvas.paste_photo(left, y, picture)
        else:
            canvas.paste(left, y, picture)
        if marked is not None and marked[0] == number:
            _, key, unit = marked
            _frame(canvas, left - 3, y - 3, width + 6, height + 6, _KEY + key, 3)
            down, across = height / map_size[0], width / map_size[1]
            side = max(9, round(max(down, across)) + 4)
            middle_x = left + min(max(round((unit.column + 0.5) * across), side // 2), width - side // 2 - 1)
            middle_y = y + min(max(round((unit.row + 0.5) * down), side // 2), height - side // 2 - 1)
            _frame(canvas, middle_x - side // 2, middle_y - side // 2, side, side, _KEY + key, 2)
        y += height + 6


def _frame(canvas: Canvas, x: int, y: int, width: int, height: int, ink: int, thick: int) -> None:
    """A hollow rectangle."""
    x, y = max(x, 0), max(y, 0)
    canvas.paste(x, y, np.full((thick, width), ink, np.uint8))
    canvas.paste(x, y + height - thick, np.full((thick, width), ink, np.uint8))
    canvas.paste(x, y, np.full((height, thick), ink, np.uint8))
    canvas.paste(x + width - thick, y, np.full((height, thick), ink, np.uint8))


def _map_tile(values: NDArray[np.float32], tile: int, limit: float) -> Indices:
    """A map as large as the tile allows: enlarged by a whole number, or averaged."""
    side = max(values.shape)
    if side <= tile:
        return enlarge(signed(values, limit), tile // side)
    size = max(1, round(values.shape[1] * tile / side)), max(1, round(values.shape[0] * tile / side))
    averaged = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
    return signed(averaged, limit)


def _kernel_tiles(weight: NDArray[np.float32], tile: int, limit: float) -> list[NDArray[np.uint8]]:
    """Each kernel: in colour over three channels, else a square for each of its input channels."""
    _, inputs, height, width = weight.shape
    if inputs in (1, 3):
        scale = max(1, tile // max(height, width))
        if inputs == 3:
            return [enlarge(kernel_colours(kernel, limit), scale) for kernel in weight]
        return [enlarge(signed(kernel[0], limit), scale) for kernel in weight]
    shown = min(inputs, _MOST_INPUTS)
    columns = math.ceil(math.sqrt(shown))
    rows = math.ceil(shown / columns)
    scale = max(1, (tile - columns - 1) // columns // max(height, width))
    indices = np.full((len(weight), rows * columns, height, width), PAPER, np.uint8)
    indices[:, :shown] = signed(weight[:, :shown], limit)
    return [mosaic(kernel.reshape(rows, columns, height, width), scale, 1) for kernel in indices]


def _fitted(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """An image scaled so that its longer side is `side`."""
    scale = side / max(photo.shape[:2])
    size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(photo).resize(size, how))
