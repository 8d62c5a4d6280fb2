"""A small data set, a small training loop that drives a board by hand, and the event file read back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn

from convboard.board import Board
from convboard.data.dataset import ImageDataset, Split
from convboard.training.callbacks import EpochEnd, Evaluation, FitEnd, FitStart, Step

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


@dataclass
class Loop:
    """A training run that can stop after any step and be gone on with.

    Attributes:
        dataset: What to train on.
        epochs: How many.
        model: The network, from a fixed seed.
        global_step: Steps taken.
        best: The highest accuracy on the validation split.
    """

    dataset: ImageDataset
    epochs: int = 2
    model: nn.Module = field(init=False)
    global_step: int = 0
    best: float = -1.0

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.model = SmallNet(self.dataset.image_shape[0], len(self.dataset.class_names))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)

    def start(self) -> FitStart:
        return FitStart(
            self.model, torch.device("cpu"), self.epochs, STEPS, self.global_step // STEPS, self.global_step
        )

    def run(self, board: Board | None, until: int | None = None) -> None:
        """Train, from the step reached up to `until` or the end."""
        if board:
            board.on_fit_start(self.start())
        last = self.epochs * STEPS
        while self.global_step < (until or last):
            step = self.step()
            if board:
                board.on_step(step)
            if board and self.global_step % STEPS == 0:
                board.on_epoch_end(self.epoch_end())
        if board and not until:
            test = self.evaluate(self.dataset.test)
            board.on_fit_end(FitEnd("finished", self.global_step, self.epochs, test, {}))

    def step(self) -> Step:
        """Take a step."""
        first = self.global_step % STEPS * BATCH
        images = self.dataset.train.images[first : first + BATCH] / 255 - 0.5
        labels = self.dataset.train.labels[first : first + BATCH]
        self.model.train()
        self.optimizer.zero_grad()
        logits = self.model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.global_step += 1
        correct = (logits.argmax(1) == labels).sum()
        epoch = (self.global_step - 1) // STEPS + 1
        return Step(self.global_step, epoch, loss.detach(), correct, len(labels), 0.1)

    def epoch_end(self) -> EpochEnd:
        """What an epoch's end tells; the network is in training mode, as a trainer may leave it."""
        epoch = self.global_step // STEPS
        val = self.evaluate(self.dataset.val)
        is_best = val.accuracy > self.best
        self.best = max(self.best, val.accuracy)
        is_last = epoch == self.epochs
        return EpochEnd(epoch, self.global_step, 0.5, 0.75, val, 1000.0, is_last=is_last, is_best=is_best)

    def evaluate(self, split: Split) -> Evaluation:
        self.model.eval()
        with torch.no_grad():
            logits = self.model(split.images / 255 - 0.5)
        self.model.train()
        accuracy = (logits.argmax(1) == split.labels).float().mean().item()
        return Evaluation(F.cross_entropy(logits, split.labels).item(), accuracy, logits, split.labels)


@pytest.fixture
def make_loop(dataset: ImageDataset) -> Callable[..., Loop]:
    """A training run over `dataset`: `make_loop(epochs=3).run(board)`."""

    def make(**arguments: Any) -> Loop:
        return Loop(**{"dataset": dataset, **arguments})

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
