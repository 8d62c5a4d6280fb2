"""A small training loop that drives a board by hand, and the event files that it leaves: a run in under a second."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from convboard.board import Board
from convboard.data.dataset import ImageDataset, Split
from convboard.training.callbacks import EpochEnd, Evaluation, FitEnd, FitStart, Step


@dataclass
class Loop:
    """A training run that can stop after any step and be gone on with.

    Attributes:
        dataset: What to train on.
        make_model: Makes the network.
        epochs: How many.
        steps: Steps of an epoch.
        batch: Images of a step, the same in every epoch.
        seed: Of the network's weights.
        lr: Learning rate.
        model: The network.
        momenta: The momentum of each of its parameters, by name.
        global_step: Steps taken.
        best: The highest accuracy on the validation split.
    """

    dataset: ImageDataset
    make_model: Callable[[], nn.Module]
    epochs: int = 2
    steps: int = 4
    batch: int = 6
    seed: int = 0
    lr: float = 0.1
    model: nn.Module = field(init=False)
    momenta: dict[str, Tensor] = field(default_factory=dict)
    global_step: int = 0
    best: float = -1.0

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.model = self.make_model()

    def start(self) -> FitStart:
        epoch = self.global_step // self.steps
        return FitStart(self.model, torch.device("cpu"), self.epochs, self.steps, epoch, self.global_step)

    def run(self, board: Board | None, until: int | None = None) -> None:
        """Train, from the step reached up to `until` or the end."""
        if board:
            board.on_fit_start(self.start())
        last = self.epochs * self.steps
        while self.global_step < (until or last):
            step = self.step()
            if board:
                board.on_step(step)
            if board and self.global_step % self.steps == 0:
                board.on_epoch_end(self.epoch_end())
        if board and not until:
            test = self.evaluate(self.dataset.test)
            board.on_fit_end(FitEnd("finished", self.global_step, self.epochs, test, {}))

    def step(self) -> Step:
        """Take a step."""
        first = self.global_step % self.steps * self.batch
        images = self.dataset.train.images[first : first + self.batch] / 255 - 0.5
        labels = self.dataset.train.labels[first : first + self.batch]
        self.model.train()
        self.model.zero_grad()
        logits = self.model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._update()
        self.global_step += 1
        correct = (logits.argmax(1) == labels).sum()
        epoch = (self.global_step - 1) // self.steps + 1
        return Step(self.global_step, epoch, loss.detach(), correct, len(labels), self.lr)

    @torch.no_grad()
    def _update(self) -> None:
        """Descend with a momentum of 0.9, without torch.optim, which imports the compiler."""
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None:
                momentum = self.momenta.setdefault(name, torch.zeros_like(parameter))
                parameter.sub_(momentum.mul_(0.9).add_(parameter.grad), alpha=self.lr)

    def epoch_end(self) -> EpochEnd:
        """What an epoch's end tells; the network is in training mode, as a trainer may leave it."""
        epoch = self.global_step // self.steps
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


def smooth_images(name: str, class_names: tuple[str, ...], shape: tuple[int, int, int], train: int) -> ImageDataset:
    """A data set of random smooth pictures, brighter in the middle: something for kernels to answer to.

    Args:
        name: Its name.
        class_names: Of its classes.
        shape: (C, H, W) of its images.
        train: Number of training images; there are 20 of validation and 20 of test.
    """
    generator = torch.Generator().manual_seed(0)
    channels, height, width = shape

    def split(count: int) -> Split:
        coarse = torch.rand((count, channels, 5, 5), generator=generator) * torch.hann_window(7)[1:-1].outer(
            torch.hann_window(7)[1:-1]
        )
        images = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
        return Split((255 * images).to(torch.uint8), torch.arange(count) % len(class_names))

    middle = (0.3,) * channels, (0.25,) * channels
    return ImageDataset(name, class_names, *middle, split(train), split(20), split(20))


def write_run(run_dir: Path, loop: Loop, model: str) -> None:
    """Write the event file of a whole run, with figures.

    Args:
        run_dir: Its directory.
        loop: The run.
        model: Name of the network in the config.
    """
    config = {
        "model": {"_target_": f"convboard.models.{model}"},
        "dataset": {"name": loop.dataset.name, "path": None},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": loop.lr, "momentum": 0.9},
        "seed": loop.seed,
        "trainer": {"max_epochs": loop.epochs},
    }
    loop.run(Board(run_dir, loop.dataset, level="default", config=config, environment={}))
