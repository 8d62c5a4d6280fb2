from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.summary import layer_table, receptive_field
from random_networks import random_network

SHAPE = (2, 60, 61)


@pytest.mark.parametrize("seed", range(40))
def test_fields_are_the_boxes_of_units_far_from_the_borders(seed: int) -> None:
    """On an image so large that the units in its middle see no border."""
    network = random_network(seed, SHAPE, largest=200)
    for row in layer_table(network, SHAPE):
        if row.receptive_stride is not None and len(row.output_shape) == 3:
            _compare(network, row)


def _compare(network: nn.Module, row: LayerRow) -> None:
    height, width = row.output_shape[1:]
    box = receptive_field(network, SHAPE, row.name, height // 2, width // 2)
    assert row.receptive_field is not None
    assert row.receptive_stride is not None
    assert row.receptive_center is not None
    for axis, (first, last, place) in enumerate(
        ((box.top, box.bottom, height // 2), (box.left, box.right, width // 2))
    ):
        if first > 0 and last < SHAPE[1 + axis]:
            assert last - first == row.receptive_field[axis], row
            middle = row.receptive_center[axis] + place * row.receptive_stride[axis]
            assert (first + last - 1) / 2 == middle, row


def test_an_adaptive_pooling_that_divides_evenly_slides() -> None:
    even, uneven = (layer_table(nn.AdaptiveAvgPool2d(size), (1, 12, 12))[0] for size in (4, 5))
    assert (even.receptive_field, even.receptive_stride, even.receptive_center) == ((3, 3), (3, 3), (1.0, 1.0))
    assert (uneven.receptive_field, uneven.receptive_stride) == ((4, 4), None)


class Moved(nn.Module):
    """A convolution, a function that moves its units, and another convolution."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.function = nn.Conv2d(1, 4, 3, padding=1), function
        self.second = nn.Conv2d(4, 2, 3, padding=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.function(self.first(x)))  # type: ignore[no-any-return]


def shuffled(x: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    return x.view(n, 2, channels // 2, height, width).transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize(
    ("function", "stride", "center"),
    [
        (shuffled, (2, 2), (0, 0)),
        (lambda x: x.flip(3), (2, -2), (0, 9)),
        (lambda x: x[:, :, torch.arange(7, -1, -1)], (-2, 2), (7, 0)),
        (lambda x: torch.nn.functional.layer_norm(x.permute(0, 2, 3, 1), [4]).permute(0, 3, 1, 2), (2, 2), (0, 0)),
        (lambda x: x.flatten(2).transpose(1, 2).unflatten(1, (8, 10)).permute(0, 3, 1, 2), (2, 2), (0, 0)),
        (lambda x: torch.stack(x.unbind(2), 2), (2, 2), (0, 0)),
        (lambda x: torch.einsum("nchw,cd->ndhw", x, torch.ones(4, 4)), (2, 2), (0, 0)),
        (lambda x: x[:, :, 2:, ::2], (2, 4), (2, 0)),
    ],
)
def test_units_keep_their_stride_and_centre_where_they_are_moved(
    function: Callable[[Tensor], Tensor], stride: tuple[int, int], center: tuple[float, float]
) -> None:
    row = layer_table(Moved(function), (1, 8, 10))[-1]
    assert (row.receptive_stride, row.receptive_center) == (stride, center)
    assert row.receptive_field == ((5, 5) if stride[1] < 4 else (5, 7))


def test_fields_larger_than_the_image_are_so_behind_a_shuffle_too() -> None:
    rows = layer_table(nn.Sequential(Moved(shuffled), nn.Conv2d(2, 2, 9, padding=4)), (1, 8, 10))
    assert (rows[-1].receptive_field, rows[-1].receptive_stride) == ((21, 21), (2, 2))


@pytest.mark.parametrize(
    "function", [lambda x: x.roll(1, 3), lambda x: x[:, :, [0, 3, 4]], lambda x: x[:, :, :1].expand(-1, -1, 8, -1)]
)
def test_units_at_uneven_distances_have_no_stride(function: Callable[[Tensor], Tensor]) -> None:
    row = layer_table(Moved(function), (1, 8, 10))[-2]
    assert (row.receptive_field, row.receptive_stride) == ((3, 3), None)
