import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

import convboard
from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.layer_rows import TRACKERS, boxes_of
from convboard.anatomy.receptive_field.boxes import Box
from convboard.anatomy.summary import receptive_field, summarise
from convboard.errors import ModelError
from random_networks import (
    CHANNELS,
    ELEMENTWISE,
    POSITIONS,
    WIDE,
    Apply,
    expressions,
    random_network,
    random_network_of_functions,
    random_shape,
)
from true_fields import Comparison, comparisons


@pytest.mark.parametrize("seed", range(25))
def test_a_box_holds_the_pixels_that_change_a_unit_and_no_more(seed: int) -> None:
    shape = random_shape(seed)
    network = random_network(seed, shape)
    for found in comparisons(network, shape):
        assert not found.is_too_small, (found, network)
        assert not found.is_loose, (found, network)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_few_boxes_are_too_large(part: int) -> None:
    units = loose = 0
    for seed in range(100 * part, 100 * part + 80):
        network, shape = random_network_of_functions(seed)
        for found in comparisons(network, shape):
            assert not found.is_too_small, (found, network)
            units, loose = units + 1, loose + found.is_loose
    assert loose < 0.05 * units


@pytest.mark.parametrize("seed", range(5))
def test_the_record_has_the_boxes_of_each_row_and_column(seed: int) -> None:
    network = random_network(seed, (2, 7, 9))
    summary = summarise(network, (2, 7, 9))
    for found in comparisons(network, (2, 7, 9)):
        if found.unit and any(found.box):
            (top, bottom), (left, right) = (spans[at] for spans, at in zip(summary.boxes[found.row], found.unit))
            assert top <= found.box[0] < found.box[2] <= bottom
            assert left <= found.box[1] < found.box[3] <= right


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


def test_units_that_are_chosen_by_values_see_everything() -> None:
    """masked_scatter takes the units one after another, from all positions and images."""

    class Chosen(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x[:, :, :3].masked_scatter(x[:, :, :3] > 0, x[:, :, :3]))

    assert receptive_field(Chosen(), (1, 6, 6), "relu", 2, 5) == Box(0, 0, 3, 6)


def test_tensors_with_the_same_boxes_share_them() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Dropout())
    calls = dry_run(network, (1, 8, 8), trackers=TRACKERS).calls
    assert len({id(boxes_of(call)) for call in calls}) == 1


@pytest.mark.parametrize(
    ("layer", "row", "column", "text"),
    [
        ("conv", 0, 0, "No layer is called 'conv'. Did you mean 'conv1'?"),
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


FUNCTIONS = [*expressions(ELEMENTWISE), *expressions(CHANNELS), *expressions(POSITIONS)]


def test_the_boxes_of_functions_are_never_too_small_and_rarely_loose() -> None:
    """Functions that move, mix, choose and write units, in networks with other layers."""
    found: list[Comparison] = []
    for seed in range(12):
        network = random_network(seed, (2, 6, 7), functions=FUNCTIONS)
        found += comparisons(network, (2, 6, 7))
    assert not [one for one in found if one.is_too_small]
    assert sum(one.is_loose for one in found) < 0.05 * len(found)  # such as x < 0 where no x is negative


@pytest.mark.slow
@pytest.mark.parametrize("expression", [*FUNCTIONS, *expressions(WIDE)])
def test_no_box_of_any_function_is_too_small(expression: str) -> None:
    network = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), Apply(expression, 2)).double().eval()
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.2, 1)
    assert not [found for found in comparisons(network, (2, 6, 6)) if found.is_too_small]
