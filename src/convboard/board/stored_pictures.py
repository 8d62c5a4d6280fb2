"""The pictures in the event files of a run, read back."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event


@dataclass(frozen=True)
class StoredPicture:
    """A picture.

    Attributes:
        tag: Its tag, such as `kernels/conv1`.
        step: The global step.
        time: When it was written, in seconds since 1970.
        png: The file.
    """

    tag: str
    step: int
    time: float
    png: bytes


def read_pictures(run_dir: Path, is_only_last: bool) -> list[StoredPicture]:
    """Return the pictures of a run, by step.

    Args:
        run_dir: Its directory. Event files that are damaged are read up to there.
        is_only_last: Return the last one of each tag instead of all.
    """
    found: dict[Any, StoredPicture] = {}
    for path in sorted(run_dir.glob("*tfevents*")):
        for picture in _pictures(path):
            found[picture.tag if is_only_last else (picture.tag, picture.step)] = picture
    return sorted(found.values(), key=lambda picture: picture.step)


def _pictures(path: Path) -> Iterator[StoredPicture]:
    for record in RawEventFileLoader(str(path)).Load():
        event = Event.FromString(record)
        for value in event.summary.value:
            if value.HasField("image"):
                yield StoredPicture(value.tag, event.step, event.wall_time, value.image.encoded_image_string)
