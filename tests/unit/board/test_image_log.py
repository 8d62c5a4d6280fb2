"""The montage of a user's image in an event file of its own."""

from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from convboard.board.figures.png import Figure, encode_png
from convboard.board.image_log import log_montage


def figure(width: int) -> Figure:
    return Figure(encode_png(np.zeros((4, width), np.uint8)), width, 4)


def test_the_latest_is_what_is_shown(tmp_path: Path) -> None:
    log_montage(tmp_path / "a/b", figure(10), {"layer1.0.conv1": figure(5)})
    log_montage(tmp_path / "a/b", figure(20), {"layer1.0.conv1": figure(6)})
    shown = EventAccumulator(str(tmp_path / "a/b")).Reload()
    assert shown.Tags()["images"] == ["user_image/montage", "user_image/layer1/0/conv1"]
    assert [(event.step, event.width) for event in shown.Images("user_image/montage")] == [(0, 20)]
