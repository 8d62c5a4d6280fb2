"""The probe images themselves."""

import math

from convboard.board.pictures.canvas import LABEL, MARGIN, TITLE, Canvas, Picture, shorten
from convboard.board.pictures.colours import palette
from convboard.board.pictures.feature_maps import ProbeImages, paste_image

_TILE = 84


def draw_probe(probe: ProbeImages, title: str) -> Picture:
    """Draw the probe images with their class names, at most ten in a row."""
    count = len(probe.names)
    columns = min(count, 10 if count > 12 else math.ceil(count / (2 if count > 6 else 1)))
    rows = math.ceil(count / columns)
    pitch_x, pitch_y = _TILE + 12, _TILE + LABEL + 16
    canvas = Canvas(2 * MARGIN + max(columns, 4) * pitch_x - 12, 44 + rows * pitch_y, palette("activations"))
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    for number, (image, name) in enumerate(zip(probe.images, probe.names, strict=True)):
        x = MARGIN + number % columns * pitch_x
        y = 40 + number // columns * pitch_y
        paste_image(canvas, x, y, image, _TILE)
        canvas.text(x + _TILE // 2, y + _TILE + 2, shorten(name, _TILE + 8), align="centre")
    return canvas.picture()
