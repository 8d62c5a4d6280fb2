"""A small data set, a small network to train on it, and the event file read back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from board_loop import Loop
from convboard.board import Board
from convboard.data.dataset import ImageDataset, Split

STEPS = 4  # in an epoch
BATCH = 6


class SmallNet(nn.Module):
    """Two conv layers, one with a functional ReLU, and a linear one."""

    def __init__(self, channels: int = 1, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.block = nn.Sequential(nn.Conv2d(4, 5, 3, stride=2), nn.ReLU())
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(5 * 4 * 4, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.block(F.relu(self.norm(self.conv(images))))
        return self.out(self.drop(hidden).flatten(1))  # type: ignore[no-any-return]


MakeDataset = Callable[..., ImageDataset]


@pytest.fixture
def make_dataset() -> MakeDataset:
    """Random images 12x12 of three classes: `make_dataset(channels=3)`."""

    def make(channels: int = 1, classes: int = 3, val: int = 30) -> ImageDataset:
        generator = torch.Generator().manual_seed(0)

        def split(count: int) -> Split:
            images = torch.randint(0, 256, (count, channels, 12, 12), dtype=torch.uint8, generator=generator)
            return Split(images, torch.arange(count) % classes)

        names = tuple(f"class {label}" for label in range(classes))
        mean, std = (0.5,) * channels, (0.25,) * channels
        return ImageDataset("random", names, mean, std, split(STEPS * BATCH), split(val), split(9))

    return make


@pytest.fixture
def dataset(make_dataset: MakeDataset) -> ImageDataset:
    return make_dataset()


MakeBoard = Callable[..., Board]


@pytest.fixture
def make_board(tmp_path: Path, dataset: ImageDataset) -> MakeBoard:
    """A board that writes to `tmp_path / "run"`: `make_board(level="minimal")`."""

    def make(**arguments: Any) -> Board:
        settings: dict[str, Any] = {
            "level": "default",
            "config": {"optimizer": {"lr": 0.1, "nesterov": True}, "seed": 0},
            "environment": {"torch": "2"},
            "dataset": dataset,
            **arguments,
        }
        return Board(tmp_path / "run", settings.pop("dataset"), **settings)

    return make


@pytest.fixture
def make_loop(dataset: ImageDataset) -> Callable[..., Loop]:
    """A training run over `dataset`: `make_loop(epochs=3).run(board)`."""

    def make(**arguments: Any) -> Loop:
        data = arguments.pop("dataset", dataset)
        channels, classes = data.image_shape[0], len(data.class_names)
        return Loop(data, lambda: SmallNet(channels, classes), steps=STEPS, batch=BATCH, **arguments)

    return make


class Events:
    """The event file of a run, read by tensorboard's own reader."""

    def __init__(self, run_dir: Path) -> None:
        everything = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)
        self.reader = EventAccumulator(str(run_dir), size_guidance=everything)
        self.reader.Reload()

    def tags(self, kind: str) -> set[str]:
        return set(self.reader.Tags()[kind])

    def steps(self, tag: str) -> list[int]:
        for kind, read in (
            ("scalars", self.reader.Scalars),
            ("images", self.reader.Images),
            ("histograms", self.reader.Histograms),
            ("tensors", self.reader.Tensors),
        ):
            if tag in self.reader.Tags()[kind]:
                return [event.step for event in read(tag)]
        raise KeyError(tag)

    def scalars(self) -> dict[str, list[tuple[int, float]]]:
        return {tag: [(event.step, event.value) for event in self.reader.Scalars(tag)] for tag in self.tags("scalars")}

    def text(self, tag: str) -> str:
        return "\n".join(event.tensor_proto.string_val[0].decode() for event in self.reader.Tensors(tag))


@pytest.fixture
def read_events(tmp_path: Path) -> Callable[[], Events]:
    """Read what a board of `make_board` has written: `read_events()`."""
    return lambda: Events(tmp_path / "run")
