"""Seconds to an accuracy: the preset `mnist_99` beside the recipe of PyTorch's MNIST example, with the same network."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import torch
from torch import nn

import convboard
from benchmarking.contenders import Loader, tutorial_loader
from benchmarking.processes import child
from benchmarking.progress import Progress
from benchmarking.workloads import ROOT
from convboard.config.compose import compose_config
from convboard.experiment.dataset import build_dataset
from convboard.experiment.run_plan import choose_device


@dataclass(frozen=True)
class Recipe:
    """What a recipe came to.

    Attributes:
        accuracies: On the test split, one for each seed.
        seconds: Of training and evaluation, one for each seed, without start-up.
        epochs: Epochs trained, one for each seed.
    """

    accuracies: list[float]
    seconds: list[float]
    epochs: list[int]

    @property
    def mean_accuracy(self) -> float:
        """Over the seeds."""
        return mean(self.accuracies)

    @property
    def mean_seconds(self) -> float:
        """Over the seeds."""
        return mean(self.seconds)


def run_preset(data_dir: str, seeds: int) -> Recipe:
    """Run `experiment=mnist_99` by its command, one seed after the other, with everything that a run writes."""
    with TemporaryDirectory() as folder:
        numbers = ",".join(map(str, range(seeds)))
        arguments = [
            "-m",
            "experiment=mnist_99",
            f"seed={numbers}",
            f"data_dir={data_dir}",
            f"hydra.sweep.dir={folder}",
        ]
        progress = Progress("mnist_99", [1] * seeds)
        with child(
            [sys.executable, str(ROOT / "train.py"), *arguments], stdout=subprocess.DEVNULL, stderr=None
        ) as process:
            for seed in range(seeds):
                progress.begin(f"experiment=mnist_99, seed {seed}")
                while process.poll() is None and len(list(Path(folder).glob("*/result.json"))) <= seed:
                    time.sleep(0.1)
            if process.wait():
                raise RuntimeError("train.py failed, as told above.")
        results = [json.loads(path.read_text()) for path in sorted(Path(folder).glob("*/result.json"))]
    return Recipe(
        [result["metrics"]["accuracy/test"] for result in results],
        [result["seconds"] for result in results],
        [result["epochs"] for result in results],
    )


def run_tutorial(data_dir: str, seeds: int, accuracy: float, most_epochs: int = 14) -> Recipe:
    """Train LeNet as the MNIST example of github.com/pytorch/examples does, until the test split has `accuracy`.

    That is: torchvision's dataset and transforms, batches of 64 from a DataLoader, Adadelta at a learning rate of 1
    that shrinks by 0.7 an epoch, and the test split after each epoch. It looks at the test split to know when to stop,
    which is in its favour; the preset does not.
    """
    config = compose_config(["model=lenet", "dataset=mnist", "batch_size=64", f"data_dir={data_dir}"]).config
    dataset = build_dataset(config)
    device = choose_device(config.trainer.device)
    recipe = Recipe([], [], [])
    progress = Progress("mnist_99, PyTorch's example", [1] * (seeds * most_epochs), at_most=True)
    for seed in range(seeds):
        torch.manual_seed(seed)
        began = time.perf_counter()
        model = convboard.build_model("lenet", dataset.image_shape, dataset.num_classes).to(device)
        optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
        train, test = (tutorial_loader(config, dataset, train=is_train) for is_train in (True, False))
        reached, epochs = 0.0, 0
        while reached < accuracy and epochs < most_epochs:
            progress.begin(f"an epoch, until {accuracy:.0%} of the test split are right")
            _train_epoch(model, optimizer, train, device)
            schedule.step()
            reached, epochs = _accuracy(model, test, device), epochs + 1
        recipe.accuracies.append(reached)
        recipe.seconds.append(time.perf_counter() - began)
        recipe.epochs.append(epochs)
    return recipe


def _train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, train: Loader, device: torch.device) -> None:
    cross_entropy = nn.CrossEntropyLoss()
    model.train()
    for images, labels in train:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _accuracy(model: nn.Module, test: Loader, device: torch.device) -> float:
    model.eval()
    right = seen = 0
    for images, labels in test:
        right += int((model(images.to(device)).argmax(1).cpu() == labels).sum())
        seen += len(labels)
    return right / seen
