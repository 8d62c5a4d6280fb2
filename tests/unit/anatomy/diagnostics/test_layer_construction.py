"""The line of the call that makes a layer."""

import copy

import pytest
from torch import nn

from convboard.anatomy.diagnostics.layer_construction import lines_that_make
from convboard.anatomy.origin import Origin


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, width, 1)


def head(width: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    layers.append(nn.Linear(width, 10))
    layers.append(nn.Softmax(1))
    return layers


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                Block(width)  # one of two
                for width in (1, 2)
            ]
        )
        self.copied = copy.deepcopy(self.blocks[0])
        self.head = nn.Sequential(*head(4))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("blocks.1", "Block(width)  # one of two"),
        ("blocks.1.conv", "self.conv = nn.Conv2d(1, width, 1)"),
        ("head", "self.head = nn.Sequential(*head(4))"),
        ("head.0", "layers.append(nn.Linear(width, 10))"),
        ("head.1", "layers.append(nn.Softmax(1))"),
        ("copied", "self.copied = copy.deepcopy(self.blocks[0])"),
    ],
)
def test_the_line_that_makes_a_layer(path: str, line: str) -> None:
    assert [found.text for found in lines_that_make(Net(), Origin(Net), path)] == [line]


def test_the_line_of_a_network_whose_factory_is_unknown() -> None:
    (found,) = lines_that_make(Net(), Origin(), "head.0")
    assert found.place[1] == "self.head = nn.Sequential(*head(4))"
    assert found.place[0].endswith(", in __init__")
