"""Which images of the validation split the board looks through the network with. They stay the same all run."""

from dataclasses import dataclass

import torch
from torch import Tensor

from convboard.board.figures.image_tiles import ProbeImages
from convboard.data import ImageDataset

_MOST_CLASSES = 10  # rows that a picture of feature maps has room for
_SAMPLE = 256


@dataclass(frozen=True)
class Probe:
    """One image a class, to be drawn, and a larger sample, to be counted over.

    Attributes:
        pictures: The probe images as the data set has them.
        images: The same, normalised, `[P, C, H, W]` on the device.
        sample: Normalised images spread over the split, `[at most 256, C, H, W]` on the device.
        class_names: Of all classes of the data set, in the order of the labels.
        mean: What was taken off each channel, scaled to 0..1.
        std: What it was divided by then.
    """

    pictures: ProbeImages
    images: Tensor
    sample: Tensor
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def choose_probe(dataset: ImageDataset, device: torch.device) -> Probe:
    """Take the first validation image of each of the first ten classes with any, and a sample at equal distances."""
    labels = dataset.val.labels
    present = torch.unique(labels)[:_MOST_CLASSES]
    chosen = torch.cat([(labels == label).nonzero()[0] for label in present])
    images = dataset.val.images[chosen]
    names = tuple(dataset.class_names[label] for label in labels[chosen].tolist())
    spread = torch.linspace(0, len(labels) - 1, min(_SAMPLE, len(labels))).round().long()
    return Probe(
        pictures=ProbeImages(images.numpy(), names),
        images=normalise(images, dataset, device),
        sample=normalise(dataset.val.images[spread], dataset, device),
        class_names=dataset.class_names,
        mean=dataset.mean,
        std=dataset.std,
    )


def normalise(images: Tensor, dataset: ImageDataset, device: torch.device) -> Tensor:
    """Images as the network is given them: float32, mean 0 and standard deviation 1 over the training split."""
    mean = torch.tensor(dataset.mean, device=device).view(1, -1, 1, 1)
    std = torch.tensor(dataset.std, device=device).view(1, -1, 1, 1)
    return (images.to(device).float() / 255 - mean) / std
