"""The lines of the source that make or freeze a part of a network."""

from torch import nn

from convboard.anatomy.diagnostics.source_lines import lines_of_assignment, lines_that_freeze, shown


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


def test_the_line_that_makes_a_layer() -> None:
    made = {path: shown(*lines_of_assignment(Frozen(), path)) for path in ("net.1", "blocks.0.conv", "missing")}
    assert made["net.1"].endswith(": nn.Softmax(1),")
    assert made["blocks.0.conv"].endswith(": self.conv = nn.Conv2d(1, 1, 1)")
    assert made["missing"] == ""


def test_the_line_that_freezes() -> None:
    assert shown(*lines_that_freeze(Frozen())).endswith(": weight.requires_grad = False")


def test_layers_of_torch_have_no_line() -> None:
    assert not lines_of_assignment(nn.Sequential(nn.ReLU()), "0")
