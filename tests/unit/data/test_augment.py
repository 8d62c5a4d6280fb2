"""Augmentation of whole batches."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.augment import Augmentation, Augmenter, Draws

SHAPE = (3, 8, 10)


@pytest.fixture
def images() -> Tensor:
    return torch.randint(1, 256, (50, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def fixed(top: int = 0, left: int = 0, flip: int = 0, hole: tuple[int, int] = (0, 0), n: int = 50) -> Draws:
    """The same draw for every sample."""
    return Draws(*(torch.full((n,), value) for value in (top, left, flip, *hole)))


def test_crop_in_the_middle_changes_nothing(images: Tensor) -> None:
    augmenter = Augmenter(Augmentation(random_crop=3), SHAPE, seed=0)
    assert augmenter.move(images, fixed(top=3, left=3)).equal(images)


def test_crop_shifts_and_fills_with_black(images: Tensor) -> None:
    moved = Augmenter(Augmentation(random_crop=3), SHAPE, seed=0).move(images, fixed(top=1, left=5))
    assert moved[:, :, 2:, :-2].equal(images[:, :, :-2, 2:])
    assert not moved[:, :, :2].any()
    assert not moved[:, :, :, -2:].any()


def test_crop_reflects_at_the_edge(images: Tensor) -> None:
    moved = Augmenter(Augmentation(random_crop=3, crop_border="reflect"), SHAPE, seed=0).move(images, fixed(top=1))
    padded = functional.pad(images.float(), [3] * 4, mode="reflect").to(torch.uint8)
    assert moved.equal(padded[:, :, 1:9, 0:10])


def test_reflection_is_flipped_with_the_rest(images: Tensor) -> None:
    augmenter = Augmenter(Augmentation(random_crop=2, crop_border="reflect", horizontal_flip=True), SHAPE, seed=0)
    draws = fixed(top=4, left=0)
    assert augmenter.move(images, draws._replace(flip=draws.flip + 1)).equal(augmenter.move(images, draws).flip(3))


def test_two_epochs_show_each_image_both_ways() -> None:
    augmenter = Augmenter(Augmentation(horizontal_flip=True), SHAPE, seed=0)
    first, second, third = (augmenter.draws(torch.arange(2000), epoch).flip for epoch in range(3))
    assert first.equal(1 - second)
    assert first.equal(third)
    assert 800 < int(first.sum()) < 1200


def test_flip_mirrors_left_to_right(images: Tensor) -> None:
    augmenter = Augmenter(Augmentation(horizontal_flip=True), SHAPE, seed=0)
    assert augmenter.move(images, fixed(flip=1)).equal(images.flip(3))
    assert augmenter.move(images, fixed(flip=0)).equal(images)


def test_flip_comes_before_crop(images: Tensor) -> None:
    augmenter = Augmenter(Augmentation(random_crop=2, horizontal_flip=True), SHAPE, seed=0)
    crop = Augmenter(Augmentation(random_crop=2), SHAPE, seed=0)
    draws = fixed(top=1, left=4, flip=1)
    # A window is mirrored as it is cut: the same as cutting the mirrored window out of the mirrored image.
    assert augmenter.move(images, draws).equal(crop.move(images, draws).flip(3))


def test_cutout_is_clipped_at_the_border() -> None:
    augmenter = Augmenter(Augmentation(cutout=4), SHAPE, seed=0)
    cut = augmenter.cut(torch.ones(1, *SHAPE), fixed(hole=(0, 9), n=1))
    expected = torch.ones(1, *SHAPE)
    expected[:, :, :2, 7:] = 0
    assert cut.equal(expected)


def test_nothing_to_do_gives_the_same_tensor(images: Tensor) -> None:
    augmenter = Augmenter(Augmentation(), SHAPE, seed=0)
    assert augmenter.move(images, fixed()) is images


def test_a_sample_gets_the_same_in_any_company(images: Tensor) -> None:
    augmenter = Augmenter(Augmentation(random_crop=2, horizontal_flip=True, cutout=3), SHAPE, seed=9)

    def augmented(indices: Tensor) -> Tensor:
        draws = augmenter.draws(indices, epoch=4)
        return augmenter.cut(augmenter.move(images[indices], draws).float(), draws)

    together = augmented(torch.arange(50))
    backwards = augmented(torch.arange(49, -1, -1))
    assert backwards.flip(0).equal(together)
    assert augmented(torch.tensor([31])).equal(together[31:32])


def test_all_places_and_both_sides_are_drawn() -> None:
    augmenter = Augmenter(Augmentation(random_crop=2, horizontal_flip=True, cutout=1), SHAPE, seed=0)
    draws = augmenter.draws(torch.arange(2000), epoch=0)
    highs = [int(values.max()) + 1 for values in draws]
    assert highs == [5, 5, 2, 8, 10]
    assert [len(set(values.tolist())) for values in draws] == highs
