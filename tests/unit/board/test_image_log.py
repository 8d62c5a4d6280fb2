"""A picture of the user's own in an event file of its own."""

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from convboard.board.figures.png import Picture, encode_png
from convboard.board.image_log import log_own_picture


def picture(width: int) -> Picture:
    return Picture(encode_png(np.zeros((4, width), np.uint8)), width, 4)


def test_the_latest_is_what_is_shown(tmp_path: Path) -> None:
    log_own_picture(tmp_path / "a/b", picture(10), {"layer1.0.conv1": picture(5)})
    log_own_picture(tmp_path / "a/b", picture(20), {"layer1.0.conv1": picture(6)})
    shown = EventAccumulator(str(tmp_path / "a/b")).Reload()
    assert shown.Tags()["images"] == ["own_picture/sheet", "own_picture/layer1/0/conv1"]
    assert [(event.step, event.width) for event in shown.Images("own_picture/sheet")] == [(0, 20)]
