"""Blocks in place of the layers inside them."""

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.summary import layer_table, network_record
from convboard.errors import ModelError


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x)) * self.scale + x


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3)
        self.stage = nn.Sequential(Block(), Block())
        self.unused = nn.Sequential(nn.Linear(3, 3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return torch.cat([self.stage(y), self.stage[1](y), y], dim=1)


SHAPE = (1, 8, 8)


@pytest.fixture
def rows() -> list[LayerRow]:
    return layer_table(Network(), SHAPE)


def names(depth: int | None = None, *collapse: str) -> list[str]:
    return [row.name for row in layer_table(Network(), SHAPE, depth, collapse)]


def test_depth(rows: list[LayerRow]) -> None:
    assert names(1) == ["stem", "stage", "cat", "unused (not called)"]
    assert names(2) == ["stem", "stage.0", "stage.1", "cat", "unused.0 (not called)"]
    assert names(3) == [row.name for row in rows]


def test_names_patterns_and_classes_of_blocks() -> None:
    assert names(None, "Block") == names(None, "stage.*") == names(2)
    assert names(None, "stage.1")[-3:] == ["stage.1", "cat", "unused.0 (not called)"]
    assert "stage.0.conv" in names(None, "stage.1")


def test_a_block_has_the_sums_and_the_ends(rows: list[LayerRow]) -> None:
    inside = [row for row in rows if row.name.startswith("stage")]
    (block,) = [row for row in layer_table(Network(), SHAPE, 1) if row.name == "stage"]
    assert (block.type, block.inputs, block.calls) == ("Sequential", ("stem",), len(inside))
    assert (block.input_shape, block.output_shape) == ((2, 6, 6), (2, 6, 6))
    assert (block.kernel_size, block.formula) == (None, "")
    for name in ("parameters", "macs", "output_bytes", "parameter_bytes"):
        assert getattr(block, name) == sum(getattr(row, name) for row in inside) > 0
    assert block.receptive_field == inside[-1].receptive_field


@pytest.mark.parametrize("depth", [None, 1, 2])
def test_the_sums_stay(depth: int | None) -> None:
    table = layer_table(Network(), SHAPE, depth)
    assert sum(row.parameters for row in table) == sum(parameter.numel() for parameter in Network().parameters())
    assert sum(row.macs for row in table) == sum(row.macs for row in layer_table(Network(), SHAPE))


def test_inputs_are_rows_of_the_table() -> None:
    for depth in (1, 2, 3):
        table = layer_table(Network(), SHAPE, depth)
        known = {"input", *(row.name for row in table)}
        assert {name for row in table for name in row.inputs} <= known


def test_the_record_has_the_class_of_each_block() -> None:
    blocks = network_record(Network(), SHAPE)["blocks"]
    assert blocks == {"stage": "Sequential", "stage.0": "Block", "stage.1": "Block", "unused": "Sequential"}


@pytest.mark.parametrize(
    ("depth", "collapse", "message"),
    [
        (0, [], "depth=0: give 1 for the children of the network"),
        (None, ["Blok"], "No block is called 'Blok'. Did you mean 'Block'?"),
        (None, ["stem"], "No block is called 'stem'."),
    ],
)
def test_messages(depth: int | None, collapse: list[str], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        layer_table(Network(), SHAPE, depth, collapse)
    assert str(caught.value).startswith(message)
