"""What convboard's runner is compared with: training loops as one writes them by hand.

They train the runner's network with its optimizer and its loss. They follow no schedule, keep no metrics, save nothing
and show nothing: whatever they leave out is in their favour.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

import convboard
from benchmarking.workloads import Workload
from convboard import TrainConfig
from convboard.data.dataset import ImageDataset
from convboard.training.execution_plan.plan import Plan

SGD_ARGUMENTS = ("lr", "momentum", "nesterov", "weight_decay")
Loader = Iterable[tuple[Tensor, Tensor]]  # batches of images and labels


class Contender(Protocol):
    """Something that trains."""

    def train(self, batches: int) -> int:
        """Train on so many batches; give the number of images in them."""


class HandLoop:
    """The images are one uint8 tensor; a batch is an index into it, brought to float and normalised.

    Args:
        workload: What to train.
        config: Of the runner.
        dataset: Its images, the same tensors that the runner trains on.
        plan: Where and how to compute; `Plan(device)` is plain eager float32, NCHW.
        fused: Whether one kernel changes all weights, as in the runner; a user's SGD takes what torch chooses.
    """

    def __init__(
        self, workload: Workload, config: TrainConfig, dataset: ImageDataset, plan: Plan, fused: bool | None = None
    ) -> None:
        self.model = plan.place(convboard.build_model(workload.model, dataset.image_shape, dataset.num_classes))
        self.optimizer = _sgd(self.model, config, fused)
        self.images, self.labels = dataset.train.images.to(plan.device), dataset.train.labels.to(plan.device)
        mean, std = (
            torch.tensor(values, device=plan.device).view(1, -1, 1, 1) for values in (dataset.mean, dataset.std)
        )
        self.scale, self.shift = 1 / (255 * std), -mean / std
        self.batch_size = config.batch_size
        self.plan = plan
        self.loss = nn.CrossEntropyLoss()

    def train(self, batches: int) -> int:
        """See `Contender`."""
        order = torch.randperm(len(self.labels), device=self.plan.device)
        images_seen = 0
        with self.plan.with_threads():
            for indices in islice(torch.split(order, self.batch_size), batches):
                images = self.images[indices].float().mul_(self.scale).add_(self.shift)
                if self.plan.channels_last:
                    images = images.contiguous(memory_format=torch.channels_last)
                self.optimizer.zero_grad()
                with self.plan.autocast():
                    loss = self.loss(self.model(images), self.labels[indices])
                loss.backward()
                self.optimizer.step()
                images_seen += len(indices)
        return images_seen


class TutorialLoop:
    """The loop of PyTorch's tutorials and of its MNIST example: torchvision's dataset and transforms, a DataLoader.

    The transforms see one image at a time, in this process, as there; LeNet's images get their black frame by one.

    Args:
        workload: What to train.
        config: Of the runner.
        dataset: Its images, whose shape, mean and spread are taken.
        plan: Where to compute, and with how many threads.
    """

    def __init__(self, workload: Workload, config: TrainConfig, dataset: ImageDataset, plan: Plan) -> None:
        self.model = plan.place(convboard.build_model(workload.model, dataset.image_shape, dataset.num_classes))
        self.optimizer = _sgd(self.model, config)
        self.train_loader = tutorial_loader(config, dataset, train=True)
        self.plan = plan
        self.loss = nn.CrossEntropyLoss()

    def train(self, batches: int) -> int:
        """See `Contender`."""
        images_seen = 0
        with self.plan.with_threads():
            for images, labels in islice(self.train_loader, batches):
                images, labels = images.to(self.plan.device), labels.to(self.plan.device)
                self.optimizer.zero_grad()
                loss = self.loss(self.model(images), labels)
                loss.backward()
                self.optimizer.step()
                images_seen += len(labels)
        return images_seen


def _sgd(model: nn.Module, config: TrainConfig, fused: bool | None = None) -> torch.optim.SGD:
    """The runner's optimizer, made by hand."""
    return torch.optim.SGD(model.parameters(), **{key: config.optimizer[key] for key in SGD_ARGUMENTS}, fused=fused)


def tutorial_loader(config: TrainConfig, dataset: ImageDataset, *, train: bool) -> Loader:
    """A DataLoader over torchvision's own training or test split, with the transforms that give the runner's images."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    kind, own_side = {"mnist": (datasets.MNIST, 28), "cifar10": (datasets.CIFAR10, 32)}[dataset.name]
    frame = (dataset.image_shape[1] - own_side) // 2
    steps = [transforms.ToTensor(), transforms.Normalize(dataset.mean, dataset.std)]
    if frame:
        steps.insert(0, transforms.Pad(frame))
    images = kind(Path(config.data_dir), train=train, transform=transforms.Compose(steps))
    return DataLoader(images, batch_size=config.batch_size if train else 1000, shuffle=train)
