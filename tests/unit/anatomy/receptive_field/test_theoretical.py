import pytest
from torch import nn

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
