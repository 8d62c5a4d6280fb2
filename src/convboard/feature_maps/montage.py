"""An image on its way through a network as one figure, the montage: the image, then a panel for each conv layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from convboard.board.figures.canvas import LABEL, MARGIN, Canvas, shorten, text_width
from convboard.board.figures.colours import INK, LINE, MUTED
from convboard.board.figures.png import Figure
from convboard.feature_maps.layer_response import LayerResponse
from convboard.feature_maps.montage_layer import WIDTH, draw_layer, montage_palette

_HEADING = 20  # text size
_SIDE = 264  # pixels of the images at the top
_BARS = 10  # classes at most
_NAMES, _BAR = 150, 300  # pixels of their names and of the longest bar
_BLUE = 64 + 14  # of the map of the weights


@dataclass(frozen=True)
class Header:
    """The header above the layers.

    Attributes:
        title: Names of the image and of the network.
        notes: Further lines.
        given: uint8 `[h, w, 3]`, the image.
        region: (left, top, right, bottom) of the part that the network sees, as fractions of its sides.
        pixels: uint8 `[C, H, W]`, the network's input.
        seen: uint8 `[h, w, 3]`, the same at a higher resolution.
        probabilities: Class names and probabilities, most probable first; empty where there are none.
        remark: Text in place of missing probabilities.
    """

    title: str
    notes: Sequence[str]
    given: NDArray[np.uint8]
    region: tuple[float, float, float, float]
    pixels: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    probabilities: Sequence[tuple[str, float]]
    remark: str


def draw_montage(header: Header, layers: Sequence[LayerResponse]) -> tuple[Figure, dict[str, Figure]]:
    """Draw the montage.

    Returns:
        The whole figure, and the panel of each layer by the layer's name.
    """
    input_size = header.pixels.shape[1], header.pixels.shape[2]
    head = _draw_header(header)
    panels = {layer.name: draw_layer(layer, header.seen, input_size) for layer in layers}
    parts = (head, *panels.values())
    montage = Canvas(WIDTH, sum(len(part.pixels) + 12 for part in parts), montage_palette())
    y = 0
    for part in parts:
        if y:
            montage.paste(MARGIN, y, np.full((1, WIDTH - 2 * MARGIN), LINE, np.uint8))
        montage.paste_canvas(0, y + 6, part)
        y += len(part.pixels) + 12
    return montage.figure(), {name: panel.figure() for name, panel in panels.items()}


def format_probability(probability: float) -> str:
    """A probability as `12.3 %`, `< 0.1 %` or `> 99.9 %`: a softmax is never quite certain."""
    if 0 < probability < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 <= probability < 1 else f"{probability:.1%}".replace("%", " %")


def _draw_header(header: Header) -> Canvas:
    top = MARGIN + 34 + len(header.notes) * 18 + 26
    canvas = Canvas(WIDTH, top + _SIDE + MARGIN, montage_palette())
    canvas.text(MARGIN, MARGIN - 4, header.title, _HEADING)
    for line, note in enumerate(header.notes):
        canvas.text(MARGIN, MARGIN + 28 + line * 18, note, ink=MUTED)
    given = _with_region(_scaled(header.given, 2 * _SIDE, _SIDE), header.region)
    x = MARGIN
    canvas.text(x, top - 20, "the picture")
    canvas.paste_photo(x, top, given)
    x += given.shape[1] + 28
    pixels = header.pixels.transpose(1, 2, 0)
    seen = _scaled(np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))), _SIDE, _SIDE)
    channels, height, width = header.pixels.shape
    canvas.text(x, top - 20, f"as the network sees it: {channels}×{height}×{width}")
    canvas.paste_photo(x, top, seen)
    x += max(seen.shape[1], 190) + 48
    _draw_bars(canvas, x, top, header)
    return canvas


def _draw_bars(canvas: Canvas, x: int, top: int, header: Header) -> None:
    """The most probable classes."""
    if not header.probabilities:
        canvas.text(x, top - 20, header.remark, ink=MUTED)
        return
    canvas.text(x, top - 20, "predicted class")
    shown = [(shorten(name, _NAMES), share) for name, share in header.probabilities[:_BARS]]
    first = x + max(text_width(name) for name, _ in shown) + 10
    for place, (name, share) in enumerate(shown):
        y, ink = top + place * (_SIDE // _BARS), MUTED if place else INK
        canvas.text(first - 10, y + 2, name, ink=ink, align="right")
        canvas.paste(first, y, np.full((LABEL + 8, max(1, round(share * _BAR))), _BLUE, np.uint8))
        canvas.text(first + 8 + round(share * _BAR), y + 2, format_probability(share), ink=ink)


def _scaled(photo: NDArray[np.uint8], widest: int, highest: int) -> NDArray[np.uint8]:
    """An image scaled to fit; a small one is enlarged without interpolation, so that its pixels are seen."""
    scale = min(widest / photo.shape[1], highest / photo.shape[0])
    size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(photo).resize(size, how))


def _with_region(photo: NDArray[np.uint8], region: tuple[float, ...]) -> NDArray[np.uint8]:
    """An image, paler outside of the region that the network sees."""
    height, width = photo.shape[:2]
    left, top, right, bottom = (
        min(max(round(share * side), 0), side)
        for share, side in zip(region, (width, height, width, height), strict=True)
    )
    pale = (255 - (255 - photo.astype(np.uint16)) * 3 // 10).astype(np.uint8)
    pale[top:bottom, left:right] = photo[top:bottom, left:right]
    return pale
