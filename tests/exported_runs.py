"""What the tests of exported runs have in common."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convboard.board.event_file import EventFile
from convboard.board.figures.png import Figure, encode_png
from convboard.board.summaries import image

ODD = "a \"b\" 'c' <b>d</b> 😀 + é;é"


def picture(step: int) -> Image.Image:
    """The picture that is drawn at a step."""
    return Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4) + np.uint8(step))


def draw_picture(run_dir: Path, tag: str, *steps: int) -> None:
    """Write the pictures of some steps into an event file of a run."""
    events = EventFile.create(run_dir)
    for step in steps:
        events.write([image(tag, Figure(encode_png(np.asarray(picture(step))), 4, 4))], step, 1700000000)
    events.close()


def is_picture(found: Image.Image, step: int) -> bool:
    """Return whether a picture that was read back is that of a step."""
    return np.array_equal(np.asarray(found.convert("L")), np.asarray(picture(step)))


def need(name: str) -> None:
    """Skip a test if a tracker is not installed."""
    if find_spec(name) is None:  # not importorskip: Trackio reads its folder from the environment when it is imported
        pytest.skip(f"{name} is not installed")
