"""A canvas for tiles, images and text, with one palette index per pixel."""

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from convboard.board.figures.colours import INK, LINE, MUTED, PAPER, Indices, colour_bar
from convboard.board.figures.png import Figure, encode_png

TITLE, LABEL = 14, 11  # text sizes
MARGIN = 12
_SCALE_WIDTH = 150  # pixels
SCALE_NOTE = "scale of this picture"  # the slider goes through figures, each with a scale of its own


class Canvas:
    """A drawing area; `(x, y)` counts in pixels from the top left corner.

    Args:
        width: In pixels.
        height: In pixels.
        palette: Colours by index; the first 64 are greys, black to white.
    """

    def __init__(self, width: int, height: int, palette: NDArray[np.uint8]) -> None:
        self.pixels = np.full((height, width), PAPER, np.uint8)
        self._palette = palette
        self._photos: list[tuple[int, int, NDArray[np.uint8]]] = []

    def paste(self, x: int, y: int, tile: Indices) -> None:
        """Paste palette indices, uint8 `[h, w]`; what exceeds the canvas is cut off."""
        target = self.pixels[y : y + tile.shape[0], x : x + tile.shape[1]]
        target[...] = tile[: target.shape[0], : target.shape[1]]

    def paste_photo(self, x: int, y: int, photo: NDArray[np.uint8]) -> None:
        """Paste an image in its own colours, uint8 `[h, w, 3]`, over everything else. It must fit."""
        self._photos.append((x, y, photo))

    def paste_canvas(self, x: int, y: int, other: "Canvas") -> None:
        """Paste another canvas of the same palette with its photos. It must fit."""
        self.paste(x, y, other.pixels)
        self._photos += [(x + left, y + top, photo) for left, top, photo in other._photos]

    def text(
        self,
        x: int,
        y: int,
        text: str,
        size: int = LABEL,
        ink: int = INK,
        align: Literal["left", "centre", "right"] = "left",
    ) -> None:
        """Write one line of text on the background, its top at `y`; `align` is the part of it that is at `x`."""
        mask = text_mask(text, size)
        x -= {"left": 0, "centre": mask.shape[1] // 2, "right": mask.shape[1]}[align]
        self.paste_mask(x, y, mask, ink)

    def paste_mask(self, x: int, y: int, mask: NDArray[np.uint8], ink: int = INK) -> None:
        """Darken the background through a mask of coverage 0 to 255; what exceeds the canvas is cut off."""
        mask = mask[max(0, -y) :, max(0, -x) :]
        x, y = max(x, 0), max(y, 0)
        target = self.pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
        mask = mask[: target.shape[0], : target.shape[1]]
        shade = PAPER - (mask.astype(np.uint16) * (PAPER - ink) // 255).astype(np.uint8)
        np.minimum(target, shade, out=target)

    def scale(self, x: int, y: int, limit: float, caption: str, *, is_cut: bool = False) -> None:
        """Draw the colour map with its labels below and the caption to the right.

        Args:
            x: Left edge.
            y: Top edge.
            limit: The colour map is drawn from `-limit` to `limit`.
            caption: Text below the note that each figure has a scale of its own.
            is_cut: Whether some values exceed the limit.
        """
        self.paste(x, y, colour_bar(_SCALE_WIDTH, 10))
        self.text(x + _SCALE_WIDTH + 40, y - 3, SCALE_NOTE, ink=MUTED)
        self.text(x + _SCALE_WIDTH + 40, y + 12, caption, ink=MUTED)
        low, high = ("≤ −", "≥ +") if is_cut else ("−", "+")
        for place, label in ((0.0, f"{low}{limit:.3g}"), (0.5, "0"), (1.0, f"{high}{limit:.3g}")):
            self.text(x + round(place * _SCALE_WIDTH), y + 12, label, align="centre")

    def figure(self, *, reduce_photos: bool = False) -> Figure:
        """The canvas as a figure.

        Args:
            reduce_photos: Quantise photos, which must all have one size, to the colours that the palette has left.
                Where they cover the smaller part, this makes the file a third as large, in a third of the time.
        """
        height, width = self.pixels.shape
        if not self._photos:
            return Figure(encode_png(self.pixels, self._palette), width, height)
        if reduce_photos:
            return Figure(encode_png(*self._with_reduced_photos()), width, height)
        colours = self._palette[self.pixels]
        for x, y, photo in self._photos:
            colours[y : y + photo.shape[0], x : x + photo.shape[1]] = photo
        return Figure(encode_png(colours), width, height)

    def _with_reduced_photos(self) -> tuple[Indices, NDArray[np.uint8]]:
        taken = len(self._palette)
        photos = np.stack([photo for _, _, photo in self._photos])
        reduced, own_colours = _reduce_colours(photos.tobytes(), photos.shape, 256 - taken)
        pixels = self.pixels.copy()
        for (x, y, photo), indices in zip(self._photos, reduced, strict=True):
            pixels[y : y + photo.shape[0], x : x + photo.shape[1]] = indices + taken
        return pixels, np.concatenate([self._palette, own_colours])


@lru_cache(maxsize=32)
def _reduce_colours(photos: bytes, shape: tuple[int, ...], colours: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Photos `[N, h, w, 3]` as indices `[N, h, w]` of a palette of their own. Cached: probe images recur."""
    count, height, width, _ = shape
    strip = np.frombuffer(photos, np.uint8).reshape(count * height, width, 3)
    image = Image.fromarray(strip).quantize(colours, Image.Quantize.MEDIANCUT)
    palette = np.asarray(image.getpalette(), np.uint8).reshape(-1, 3)
    return np.asarray(image).reshape(count, height, width), palette


def mosaic(tiles: Indices, scale: int, gap: int = 2, line: int = LINE) -> Indices:
    """Arrange tiles in a grid, their pixels enlarged, with lines between and around them.

    Args:
        tiles: Palette indices `[rows, columns, h, w]`.
        scale: Enlargement of a pixel in each direction.
        gap: Width of the lines.
        line: Their palette index.

    Returns:
        Palette indices `[H, W]`.
    """
    rows, columns, height, width = tiles.shape
    cell_height, cell_width = height * scale + gap, width * scale + gap
    cells = np.full((rows, cell_height, columns, cell_width), line, np.uint8)
    big = tiles.repeat(scale, axis=2).repeat(scale, axis=3)
    cells[:, : height * scale, :, : width * scale] = big.transpose(0, 2, 1, 3)
    framed = np.full((rows * cell_height + gap, columns * cell_width + gap), line, np.uint8)
    framed[gap:, gap:] = cells.reshape(rows * cell_height, columns * cell_width)
    return framed


def enlarge(image: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Enlarge each pixel of an image `[h, w, ...]` to `scale` by `scale` pixels."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def text_width(text: str, size: int = LABEL) -> int:
    """Width of a line of text in pixels."""
    return int(text_mask(text, size).shape[1])


def shorten(text: str, width: int, size: int = LABEL) -> str:
    """`text`, cut and ended with an ellipsis where it is wider than `width` pixels."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def percent(part: float, whole: float = 1.0) -> str:
    """A fraction as `86.0 %`. Only exact values are `0 %` and `100 %`."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share in (0, 100) else f"{min(max(share, 0.1), 99.9):.1f} %"


@lru_cache(maxsize=4096)
def text_mask(text: str, size: int) -> NDArray[np.uint8]:
    """Coverage 0 to 255 of each pixel of a line of text, uint8 `[h, w]`; `h` depends on the size alone.

    Line breaks and tabs, which class names may hold, become spaces.
    """
    text = re.sub(r"\s", " ", text)
    font = _font(size)
    ascent, descent = font.getmetrics()
    line = Image.new("L", (max(1, round(font.getlength(text))), ascent + descent))
    ImageDraw.Draw(line).text((0, 0), text, fill=255, font=font)
    return np.asarray(line)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has most alphabets and comes with matplotlib; else Pillow's own font, which has Latin.

    The font file is found without importing matplotlib, which takes a second.
    """
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib and matplotlib.origin:
        path = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(path, size)
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels have FreeType inside
    return font
