from collections.abc import Callable
from dataclasses import replace

import torch

from convboard.board.probe import choose_probe
from convboard.data.dataset import ImageDataset, Split
from convboard.data.normalisation import Normalisation

CPU = torch.device("cpu")


def normaliser(dataset: ImageDataset) -> Normalisation:
    return Normalisation(dataset.mean, dataset.std, torch.device("cpu"))


def test_the_probe_is_the_first_validation_image_of_each_class(dataset: ImageDataset) -> None:
    probe = choose_probe(dataset, CPU)
    assert probe.raw_images.names == ("class 0", "class 1", "class 2")
    assert torch.equal(torch.from_numpy(probe.raw_images.images), dataset.val.images[:3])
    assert torch.equal(probe.images, normaliser(dataset)(dataset.val.images[:3]))


def test_a_class_without_validation_images_is_left_out(make_dataset: Callable[..., ImageDataset]) -> None:
    probe = choose_probe(make_dataset(classes=5, val=3), CPU)
    assert probe.raw_images.names == ("class 0", "class 1", "class 2")


def test_of_many_classes_the_first_ten_are_followed(make_dataset: Callable[..., ImageDataset]) -> None:
    assert len(choose_probe(make_dataset(classes=12, val=30), CPU).images) == 10


def test_they_are_the_first_ten_that_have_validation_images(make_dataset: Callable[..., ImageDataset]) -> None:
    dataset = make_dataset(classes=300, val=300)
    val = Split(dataset.val.images[290:], dataset.val.labels[290:].flip(0))
    probe = choose_probe(replace(dataset, val=val), CPU)
    assert probe.raw_images.names == tuple(f"class {label}" for label in range(290, 300))
    assert torch.equal(probe.images, normaliser(dataset)(val.images.flip(0)))


def test_the_sample_is_spread_over_the_split(make_dataset: Callable[..., ImageDataset]) -> None:
    dataset = make_dataset(val=600)
    sample = choose_probe(dataset, CPU).sample
    assert len(sample) == 256
    assert torch.equal(sample[-1:], normaliser(dataset)(dataset.val.images[-1:]))


def test_normalised_images_have_mean_and_deviation_taken_off(make_dataset: Callable[..., ImageDataset]) -> None:
    dataset = make_dataset(channels=3)
    black = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    assert torch.equal(normaliser(dataset)(black), torch.full((1, 3, 2, 2), -2.0))
