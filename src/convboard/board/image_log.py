"""The montage of a user's image in TensorBoard, in a run of its own: a run's event file belongs to the run."""

from collections.abc import Mapping
from pathlib import Path

from convboard.board import tags
from convboard.board.event_file import EventFile
from convboard.board.figures.png import Figure
from convboard.board.summaries import image


def log_montage(folder: Path, montage: Figure, layers: Mapping[str, Figure]) -> None:
    """Write the montage and each layer's part of it to a new event file, which replaces older ones in TensorBoard.

    Args:
        folder: Where the event file goes. It is created if it does not exist.
        montage: The whole figure.
        layers: Its parts by the layer's name.

    Raises:
        RunError: The file cannot be written.
    """
    events = EventFile.create(folder)
    parts = [image(tags.montage_part(name), figure) for name, figure in layers.items()]
    events.write([image(tags.MONTAGE, montage), *parts], 0)
    events.close()
