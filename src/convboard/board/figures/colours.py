"""Palettes: 64 greys for background, text and grey images, followed by a diverging colour map."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.uint8]

PAPER = 63
LINE = 42  # between tiles
MUTED = 27
INK = 6

_GREYS = 64
SHADES, FEW_SHADES = 45, 15  # colours on either side of zero: all of them, every third
_MAP = 2 * SHADES + 1  # zero has a colour of its own; the remaining 101 of 256 are for photos
_ZERO = _GREYS + SHADES

# Colours at equal distances from most negative to most positive; those of the Layers tab in its light theme, in
# plugins/shared/static/colours.js.
SIGNED = ("#08306b", "#4292c6", "#9ecae1", "#f7f7f7", "#fdbe85", "#f07828", "#8c2d04")
_SHARES = ("#ffffff", "#deebf7", "#9ecae1", "#4292c6", "#08519c")


@lru_cache(maxsize=1)
def palette() -> NDArray[np.uint8]:
    """Colours `[155, 3]`: greys, then blue for negative values, nearly white for zero, orange for positive ones."""
    greys = np.repeat(np.arange(_GREYS, dtype=np.float64)[:, None] * (255 / (_GREYS - 1)), 3, axis=1)
    return np.concatenate([greys, gradient(SIGNED, _MAP)]).round().astype(np.uint8)


@lru_cache(maxsize=2)
def share_colours(levels: int) -> NDArray[np.float64]:
    """White to dark blue in `levels` steps: `[levels, 3]`, 0 to 255."""
    return gradient(_SHARES, levels)


def gradient(anchors: tuple[str, ...], steps: int) -> NDArray[np.float64]:
    """Interpolate colours `[steps, 3]`, 0 to 255, between hexadecimal `anchors` at equal distances."""
    colours = np.array([[int(anchor[i : i + 2], 16) for i in (1, 3, 5)] for anchor in anchors], np.float64)
    places = np.linspace(0, len(anchors) - 1, steps)
    return np.stack([np.interp(places, np.arange(len(anchors)), channel) for channel in colours.T], axis=1)


def signed(values: NDArray[np.float32], limit: float, shades: int = SHADES) -> Indices:
    """Map values from `-limit` to `limit` to palette indices of the colour map; NaN and infinity to the background.

    Args:
        values: Of any shape.
        limit: Value of the last colour.
        shades: Number of colours on either side of zero: `SHADES` or, for smaller files, `FEW_SHADES`.

    Returns:
        uint8, of the shape of `values`.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(values * (shades / limit if limit > 0 else 0.0))
        indices = np.clip(scaled, -shades, shades) * (SHADES // shades) + _ZERO
    return np.where(np.isfinite(values), indices, PAPER).astype(np.uint8)


def grey(image: NDArray[np.uint8]) -> Indices:
    """Palette indices of grey values 0 to 255."""
    return np.right_shift(image, 2, dtype=np.uint8)


def colour_bar(width: int, height: int) -> Indices:
    """The whole colour map from left to right, palette indices `[height, width]`."""
    row = np.linspace(_GREYS, _GREYS + _MAP - 1, width).round().astype(np.uint8)
    return np.broadcast_to(row, (height, width))
