import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import convboard
from convboard.anatomy.receptive_field.bounding_boxes import Box
from convboard.anatomy.summary import layer_table, network_record, receptive_field
from convboard.errors import ModelError
from random_networks import random_network, true_boxes


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.integers(0, 100_000), st.tuples(st.integers(1, 2), st.integers(5, 9), st.integers(5, 9)))
def test_a_box_holds_the_pixels_that_change_a_unit_and_no_more(seed: int, shape: tuple[int, int, int]) -> None:
    network = random_network(seed, shape)
    last = layer_table(network, shape)[-1].name
    record = network_record(network, shape)["boxes"][last]
    truths = true_boxes(network, shape)
    boxes = {unit: receptive_field(network, shape, last, *unit) for unit in truths}
    if boxes != truths:  # a pixel that wins a max pooling only now and then
        truths = true_boxes(network, shape, attempts=100)
    for (row, column), box in boxes.items():
        truth = truths[row, column]
        assert box == truth, f"{network}, unit {row}, {column}"
        if any(box):
            (top, bottom), (left, right) = record["rows"][row], record["columns"][column]
            assert top <= box.top < box.bottom <= bottom
            assert left <= box.left < box.right <= right


def test_boxes_are_clipped_at_the_borders() -> None:
    model = convboard.build_model("cifar10_quick", (3, 32, 32), 10)
    boxes = [receptive_field(model, (3, 32, 32), layer, row, col) for layer, row, col in _UNITS]
    assert boxes == [Box(0, 0, 3, 3), Box(8, 8, 13, 13), Box(0, 0, 8, 8), Box(0, 10, 22, 32), Box(0, 0, 32, 32)]


_UNITS = [("conv1", 0, 0), ("conv1", 10, 10), ("conv2", 0, 0), ("pool3", 0, 3), ("fc1", 0, 0)]


def test_a_unit_that_depends_only_on_padding_has_an_empty_box() -> None:
    assert receptive_field(nn.Conv2d(1, 1, 1, padding=2), (1, 3, 3), "Conv2d", 0, 0) == Box(0, 0, 0, 0)


def test_channels_that_took_another_way_see_another_box() -> None:
    """A 5x5 and a 1x1 branch side by side, of which one is taken away again."""

    class Apart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(1, 2, 5, padding=2), nn.Conv2d(1, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            both = torch.cat([self.wide(x), self.narrow(x)], dim=1)
            return both[:, 2:].sigmoid()

    assert receptive_field(Apart(), (1, 9, 9), "cat", 4, 4) == Box(2, 2, 7, 7)
    assert receptive_field(Apart(), (1, 9, 9), "sigmoid", 4, 4) == Box(4, 4, 5, 5)


def test_what_is_not_known_is_taken_to_see_everything() -> None:
    class Strange(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            strange: Tensor = torch.fft.fft2(F.relu(x[:, :, :3])).real
            return strange

    assert receptive_field(Strange(), (1, 6, 6), "fft_fft2", 2, 5) == Box(0, 0, 3, 6)


@pytest.mark.parametrize(
    ("layer", "row", "column", "text"),
    [
        ("conv", 0, 0, "No layer is called 'conv'. Did you mean 'conv2'?"),
        ("conv1", 28, 0, "conv1 has no unit at row 28, column 0: its output has 28 x 28 of them."),
        ("fc1", 0, 1, "fc1 has no unit at row 0, column 1: its output has 1 x 1 of them."),
    ],
)
def test_units_that_are_not_there(layer: str, row: int, column: int, text: str) -> None:
    model = convboard.build_model("lenet", (1, 32, 32), 10)
    with pytest.raises(ModelError) as caught:
        receptive_field(model, (1, 32, 32), layer, row, column)
    assert str(caught.value).startswith(text)


def test_a_network_on_the_meta_device_has_boxes_too() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)).to("meta")
    assert receptive_field(model, (1, 8, 8), "1", 0, 0) == Box(0, 0, 4, 4)
