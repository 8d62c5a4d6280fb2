"""Labelled boxes on an image, each in a colour of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convboard.board.figures.canvas import LABEL, text_mask

KEYS = ("#27c93f", "#ff3fd8", "#22d3ee", "#ffd60a", "#a06bff", "#ff7a00", "#e8e8e8", "#0a7d4f")
"""Colours that can be told apart on an image, on feature maps, and from each other."""

_LINE, _STEP = 2, 4  # pixels: width of a line; how far a box goes inwards where one has its place

_SMALL = 2 * LABEL  # pixels of a box that a label would hide


@dataclass(frozen=True)
class LabelledBox:
    """A box with a label.

    Attributes:
        area: (top, left, bottom, right) as fractions of the image's height and width.
        label: Text of the label.
        key: Index of its colour in `KEYS`.
    """

    area: tuple[float, float, float, float]
    label: str
    key: int


def key_colour(key: int) -> NDArray[np.uint8]:
    """A colour of `KEYS`, uint8 `[3]`."""
    return np.array([int(KEYS[key][i : i + 2], 16) for i in (1, 3, 5)], np.uint8)


def draw_boxes(photo: NDArray[np.uint8], boxes: Sequence[LabelledBox]) -> NDArray[np.uint8]:
    """Draw boxes on a copy of an image.

    Boxes with the same area are nested, and labels do not overlap.

    Args:
        photo: uint8 `[h, w, 3]`.
        boxes: Boxes and labels.

    Returns:
        uint8 `[h, w, 3]`.
    """
    drawn = photo.copy()
    height, width = drawn.shape[:2]
    places: list[tuple[int, int, int, int]] = []
    for box in boxes:
        top, left, bottom, right = (
            round(share * side) for share, side in zip(box.area, (height, width, height, width), strict=True)
        )
        bottom, right = max(bottom, top + 2 * _LINE + 1), max(right, left + 2 * _LINE + 1)
        while any(_almost_same((top, left, bottom, right), place) for place in places) and bottom - top > 4 * _STEP:
            top, left, bottom, right = top + _STEP, left + _STEP, bottom - _STEP, right - _STEP
        places.append((top, left, bottom, right))
    for place, box in zip(places, boxes, strict=True):
        _outline(drawn, place, key_colour(box.key))
    taken = [place for place in places if place[2] - place[0] <= _SMALL]  # no label may hide one
    for place, box in zip(places, boxes, strict=True):
        taken.append(_write(drawn, place, taken, box))
    return drawn


def _almost_same(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) < _STEP for a, b in zip(one, other, strict=True))


def _outline(photo: NDArray[np.uint8], place: tuple[int, int, int, int], colour: NDArray[np.uint8]) -> None:
    """A coloured line between dark lines, visible on bright and on dark."""
    top, left, bottom, right = place
    for inset, width, ink in ((-1, _LINE + 2, np.zeros(3, np.uint8)), (0, _LINE, colour)):
        y0, x0 = max(top + inset, 0), max(left + inset, 0)
        y1, x1 = bottom - inset, right - inset
        photo[y0 : y0 + width, x0:x1] = ink
        photo[max(y1 - width, 0) : y1, x0:x1] = ink
        photo[y0:y1, x0 : x0 + width] = ink
        photo[y0:y1, max(x1 - width, 0) : x1] = ink


def _write(
    photo: NDArray[np.uint8],
    place: tuple[int, int, int, int],
    taken: Sequence[tuple[int, int, int, int]],
    box: LabelledBox,
) -> tuple[int, int, int, int]:
    """Write a box's label where there is room for it; returns the label's (top, left, bottom, right)."""
    mask = text_mask(f" {box.label} ", LABEL)
    height, width = mask.shape
    top, left, bottom, right = place
    candidates = [
        (top - height, left),
        (bottom, left),
        (top - height, right - width),
        (bottom, right - width),
        (top, right),
        (top, left - width),
        (top + _LINE, left + _LINE),
        *((top + _LINE + down * height, left + _LINE) for down in range(1, 8)),
    ]
    rooms = [_within(photo, y, x, height, width) for y, x in candidates]
    free = [
        room
        for room, (y, x) in zip(rooms, candidates, strict=True)
        if room[:2] == (y, x) and not any(_overlap(room, other) for other in taken)
    ]
    y, x, end, side = free[0] if free else rooms[0]
    colour = key_colour(box.key).astype(np.float32)
    ink = 0.0 if colour @ np.array([0.3, 0.59, 0.11]) > 110 else 255.0
    share = mask[: end - y, : side - x, None] / 255
    photo[y:end, x:side] = (colour + (ink - colour) * share).round().astype(np.uint8)
    return y, x, end, side


def _within(photo: NDArray[np.uint8], y: int, x: int, height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) of a label, moved into the image."""
    y, x = max(0, min(y, photo.shape[0] - height)), max(0, min(x, photo.shape[1] - width))
    return y, x, min(y + height, photo.shape[0]), min(x + width, photo.shape[1])


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
