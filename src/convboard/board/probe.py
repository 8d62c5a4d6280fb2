"""The images of the validation split with which the board examines the network. They stay the same for a whole run."""

from dataclasses import dataclass

import torch
from torch import Tensor

from convboard.board.figures.dataset_images import ProbeImages
from convboard.data.dataset import ImageDataset
from convboard.data.normalisation import Normalisation

_MOST_CLASSES = 10  # rows that a figure of feature maps has room for
_SAMPLE = 256


@dataclass(frozen=True)
class Probe:
    """One image per class, to be drawn, and a larger sample, for statistics.

    Attributes:
        raw_images: The probe images as in the data set, before normalisation.
        images: The same, normalised, float32 `[P, C, H, W]` on the device.
        sample: Normalised images spread over the split, float32 `[at most 256, C, H, W]` on the device.
        class_names: Names of all classes of the data set, in the order of the labels.
        mean: Mean of each channel, of pixels scaled to 0..1, that was subtracted.
        std: Standard deviation of each channel, by which the difference was divided.
    """

    raw_images: ProbeImages
    images: Tensor
    sample: Tensor
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def choose_probe(dataset: ImageDataset, device: torch.device) -> Probe:
    """Choose the first validation image of each of the first ten classes that have one, and an evenly spaced sample."""
    labels = dataset.val.labels
    present = torch.unique(labels)[:_MOST_CLASSES]
    chosen = torch.cat([(labels == label).nonzero()[0] for label in present])
    images = dataset.val.images[chosen]
    names = tuple(dataset.class_names[label] for label in labels[chosen].tolist())
    normalise = Normalisation(dataset.mean, dataset.std, device)
    spread = torch.linspace(0, len(labels) - 1, min(_SAMPLE, len(labels))).round().long()
    return Probe(
        raw_images=ProbeImages(images.numpy(), names),
        images=normalise(images.to(device)),
        sample=normalise(dataset.val.images[spread].to(device)),
        class_names=dataset.class_names,
        mean=dataset.mean,
        std=dataset.std,
    )
