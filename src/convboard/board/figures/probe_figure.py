"""The probe images themselves."""

import math

from convboard.board.figures.canvas import LABEL, MARGIN, TITLE, Canvas, shorten
from convboard.board.figures.colours import palette
from convboard.board.figures.image_tiles import ProbeImages, drawn_side, paste_image
from convboard.board.figures.png import Picture

_TILE = 96


def draw_probe(probe: ProbeImages, title: str) -> Picture:
    """Draw the probe images with their class names, in rows of five."""
    side = drawn_side(probe.images, _TILE)
    columns = 5
    rows = math.ceil(len(probe.names) / columns)
    pitch_x, pitch_y = side + 14, side + LABEL + 18
    canvas = Canvas(2 * MARGIN + columns * pitch_x - 14, 44 + rows * pitch_y, palette("activations"))
    canvas.text(MARGIN, MARGIN - 4, title, TITLE)
    for number, (image, name) in enumerate(zip(probe.images, probe.names, strict=True)):
        x = MARGIN + number % columns * pitch_x
        y = 42 + number // columns * pitch_y
        paste_image(canvas, x, y, image, side)
        canvas.text(x + side // 2, y + side + 3, shorten(name, side + 8), align="centre")
    return canvas.picture()
