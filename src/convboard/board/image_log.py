"""A picture of the user's own in TensorBoard, in a run of its own: a run's event file belongs to the run."""

from collections.abc import Mapping
from pathlib import Path

from convboard.board import tags
from convboard.board.event_file import EventFile
from convboard.board.figures.png import Picture
from convboard.board.summaries import image


def log_own_picture(folder: Path, sheet: Picture, layers: Mapping[str, Picture]) -> None:
    """Write the sheet and each layer's part of it to a new event file, which TensorBoard shows in place of older ones.

    Args:
        folder: Where it goes. Made where it is missing.
        sheet: All of it.
        layers: Its parts by the layer's name.

    Raises:
        RunError: It cannot be written.
    """
    events = EventFile.create(folder)
    parts = [image(tags.own_picture(name), picture) for name, picture in layers.items()]
    events.write([image(tags.OWN_PICTURE, sheet), *parts], 0)
    events.close()
