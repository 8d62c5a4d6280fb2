"""The lines of the source that assign or freeze a part of a network."""

from collections.abc import Callable

import pytest
from torch import nn

from convboard.anatomy.diagnostics.source_lines import SourceLine, lines_of_assignment, lines_that_freeze, shown
from convboard.anatomy.origin import Origin


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Softmax(1),
        )
        self.blocks = nn.ModuleList([Block()])
        for weight in self.parameters():
            weight.requires_grad = False


def freeze(module: nn.Module) -> None:
    module.requires_grad_(requires_grad=False)


def frozen_block() -> nn.Module:
    block = Block()
    freeze(block)
    return block


def trained_block(is_trained: bool = False) -> nn.Module:
    block = Block()
    block.conv.weight.requires_grad = is_trained
    block.conv.requires_grad_(True)
    return block


class Freezing(Block):
    def __init__(self) -> None:
        super().__init__()
        freeze(self.conv)


def test_the_line_that_assigns_a_layer() -> None:
    made = {path: shown(*lines_of_assignment(Frozen(), path)) for path in ("net.1", "blocks.0.conv", "missing")}
    assert made["net.1"].endswith(": nn.Softmax(1),")
    assert made["blocks.0.conv"].endswith(": self.conv = nn.Conv2d(1, 1, 1)")
    assert made["missing"] == ""


@pytest.mark.parametrize(
    ("factory", "line"),
    [
        (Frozen, ": weight.requires_grad = False"),
        (Freezing, ": module.requires_grad_(requires_grad=False)"),
        (frozen_block, ": module.requires_grad_(requires_grad=False)"),
        (trained_block, ": block.conv.weight.requires_grad = is_trained"),
        (lambda: Block(), ""),
    ],
)
def test_the_line_that_freezes(factory: Callable[[], nn.Module], line: str) -> None:
    (*found,) = lines_that_freeze(factory(), Origin(factory))
    assert len(found) == bool(line)
    assert shown(*found).endswith(line)


def test_layers_of_torch_have_no_line() -> None:
    assert not lines_of_assignment(nn.Sequential(nn.ReLU()), "0")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ((), ""),
        ((("net.py", 3),), "net.py, line 3"),
        ((("net.py", 3), ("net.py", 5)), "net.py, lines 3 and 5"),
        ((("net.py", 3), ("a/block.py", 9), ("net.py", 5)), "net.py, lines 3 and 5, block.py, line 9"),
        (tuple(("net.py", number) for number in (3, 5, 7, 9, 11)), "net.py, lines 3, 5 and 7, and 2 more"),
    ],
)
def test_several_lines_are_shown_by_file(lines: tuple[tuple[str, int], ...], text: str) -> None:
    assert shown(*(SourceLine(file, number, "forward") for file, number in lines)) == text
