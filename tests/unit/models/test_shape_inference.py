import torch
from torch import nn

from convboard.models.shape_inference import flat_features, image_sides, shape_after


def test_shape_after_the_layers_so_far() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.MaxPool2d(2))
    assert shape_after(model, (1, 10, 6)) == (4, 4, 2)
    model.append(nn.Flatten())
    assert flat_features(model, 1, (10, 6)) == 32


def test_no_random_number_is_drawn_and_no_statistic_changed() -> None:
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout())
    before = torch.get_rng_state()
    shape_after(model, (1, 4, 4))
    assert torch.equal(torch.get_rng_state(), before)
    state = model.state_dict()
    assert state["0.num_batches_tracked"] == 0
    assert torch.equal(state["0.running_var"], torch.ones(1))


def test_image_sides() -> None:
    assert image_sides(28) == (28, 28)
    assert image_sides((28, 32)) == (28, 32)
