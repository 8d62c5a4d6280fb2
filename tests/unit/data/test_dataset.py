"""What an ImageDataset accepts."""

from typing import Any

import pytest
import torch

from convboard.data.dataset import ImageDataset, Split
from convboard.errors import DataError


def make(**changes: Any) -> ImageDataset:
    split = Split(torch.zeros(4, 3, 8, 6, dtype=torch.uint8), torch.tensor([0, 1, 1, 0]))
    arguments: dict[str, Any] = {
        "name": "cats",
        "class_names": ("cat", "dog"),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.2, 0.2, 0.2),
        "train": split,
        "val": split,
        "test": split,
    }
    return ImageDataset(**(arguments | changes))


def images(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


def test_what_it_knows() -> None:
    dataset = make()
    assert dataset.image_shape == (3, 8, 6)
    assert dataset.num_classes == 2
    assert dataset.nbytes == 3 * 4 * 3 * 8 * 6
    assert len(dataset.train) == 4


TWO = torch.tensor([0, 1])
WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"val": Split(images(2, 3, 8, 6), torch.tensor([1, 2]))},
        "Dataset 'cats', val split: image 1 has a label outside the classes: 2. There are 2 classes, so that labels "
        "go from 0 to 1.",
    ),
    (
        {"test": Split(images(2, 3, 8, 6), torch.tensor([-1, 0]))},
        "Dataset 'cats', test split: image 0 has a label outside the classes: -1. There are 2 classes, so that "
        "labels go from 0 to 1.",
    ),
    (
        {"train": Split(images(2, 3, 8, 6, dtype=torch.float32), TWO)},
        "Dataset 'cats', train split: images are float32 [2, 3, 8, 6]; they must be uint8 [N, C, H, W], 0 to 255.",
    ),
    (
        {"train": Split(images(2, 8, 6), TWO)},
        "Dataset 'cats', train split: images are uint8 [2, 8, 6]; they must be uint8 [N, C, H, W], 0 to 255.",
    ),
    (
        {"train": Split(images(2, 3, 8, 6), TWO.int())},
        "Dataset 'cats', train split: labels are int32 [2]; they must be int64 [N].",
    ),
    (
        {"train": Split(images(3, 3, 8, 6), TWO)},
        "Dataset 'cats', train split: 3 images but 2 labels; there must be one for each.",
    ),
    (
        {"val": Split(images(0, 3, 8, 6), TWO[:0])},
        "Dataset 'cats', val split: it is empty; there must be one image at least.",
    ),
    (
        {"val": Split(images(2, 3, 8, 8), TWO)},
        "Dataset 'cats', val split: images are [3, 8, 8], those to train on are [3, 8, 6] (channels, height, "
        "width); they must be the same.",
    ),
    (
        {"mean": (0.5,)},
        "Dataset 'cats' has images of 3 channels, but 1 means and 3 standard deviations. Give one of each for "
        "every channel.",
    ),
    (
        {"std": (0.2, 0.0, 0.2)},
        "Dataset 'cats' has standard deviations (0.2, 0.0, 0.2); each must be above 0.",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WRONG, ids=range(len(WRONG)))
def test_what_does_not_agree(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as raised:
        make(**changes)
    assert str(raised.value) == message
