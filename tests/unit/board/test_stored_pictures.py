"""The pictures of a run, read back from its event files."""

from pathlib import Path

import numpy as np

from convboard.board.event_file import EventFile
from convboard.board.figures.png import Figure, encode_png
from convboard.board.stored_pictures import read_pictures
from convboard.board.summaries import image, scalar

TAGS = ("kernels/conv1", "input/probe")
LATER = 10_000_000_000.0  # the times of events never decrease


def write(run_dir: Path, steps: range) -> None:
    events = EventFile.create(run_dir)
    for step in steps:
        picture = Figure(encode_png(np.full((2, 2), step, np.uint8)), 2, 2)
        events.write(
            [scalar("lr", 0.1), image("kernels/conv1", picture), image("input/probe", picture)], step, LATER + step
        )
    events.close()


def test_all_pictures_and_the_last_ones(tmp_path: Path) -> None:
    write(tmp_path, range(2))
    write(tmp_path, range(1, 3))  # as after the events that a checkpoint covers were damaged
    found = read_pictures(tmp_path, is_only_last=False)
    assert [(picture.step, picture.tag, picture.time) for picture in found] == [
        (step, tag, LATER + step) for step in range(3) for tag in TAGS
    ]
    assert found[4].png == encode_png(np.full((2, 2), 2, np.uint8))
    assert read_pictures(tmp_path, is_only_last=True) == found[4:]


def test_a_damaged_file_is_read_up_to_there(tmp_path: Path) -> None:
    write(tmp_path, range(3))
    (file,) = tmp_path.glob("*tfevents*")
    file.write_bytes(file.read_bytes()[:-20])
    assert read_pictures(tmp_path, is_only_last=True)[-1].step == 1
    file.write_bytes(b"no events")
    assert read_pictures(tmp_path, is_only_last=True) == []
    assert read_pictures(tmp_path / "missing", is_only_last=True) == []
