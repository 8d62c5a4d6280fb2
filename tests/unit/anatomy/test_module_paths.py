"""Compiled submodules have the names under which the user knows them, in every table and figure."""

import torch
from torch import Tensor, nn

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.module_paths import named_modules, named_parameters
from convboard.anatomy.outputs import layer_outputs
from convboard.anatomy.summary import layer_table, receptive_field

SHAPE = (1, 8, 8)


class Compiled(nn.Module):
    """What torch.compile returns is such a module, of a class that takes seconds to import."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._orig_mod = model

    def forward(self, x: Tensor) -> Tensor:
        return self._orig_mod(x)  # type: ignore[no-any-return]


Compiled.__name__ = "OptimizedModule"


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3)
        self.unused = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x))


def network() -> nn.Module:
    return nn.Sequential(Compiled(nn.Conv2d(1, 2, 3)), nn.Sequential(Compiled(Block())))


def test_rows_and_blocks() -> None:
    assert [row.name for row in layer_table(network(), SHAPE)] == [
        "0",
        "1.0.conv",
        "1.0.relu",
        "1.0.unused (not called)",
    ]
    blocks = layer_table(network(), SHAPE, collapse=["Block"])
    assert [(row.name, row.type) for row in blocks[:2]] == [("0", "Conv2d"), ("1.0", "Block")]


def test_names_of_rows_can_be_given() -> None:
    model, images = network(), torch.zeros(2, *SHAPE)
    assert receptive_field(model, SHAPE, "1.0.conv").bottom == 5
    assert list(layer_outputs(model, images, "1.0.*")) == ["1.0.conv"]
    assert list(layer_outputs(model, images, ["0", "1.0"])) == ["0", "1.0"]
    assert list(layer_activations(model, images)) == ["0", "1.0.conv"]


def test_parameters_are_named_as_their_rows() -> None:
    assert [name for name, _ in named_parameters(network())][:3] == ["0.weight", "0.bias", "1.0.conv.weight"]
    assert [name for name, _ in named_modules(network())] == ["", "0", "1", "1.0", "1.0.conv", "1.0.unused"]
