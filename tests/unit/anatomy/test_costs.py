"""Multiply-accumulates of functions; `test_layer_rows` compares networks with what torch counts."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from convboard.anatomy.summary import layer_table

SHAPE = (2, 5, 6)
TESTS = Path(__file__).parents[2]


class Apply(nn.Module):
    def __init__(self, function: Callable[..., Tensor], *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList([torch.ones(shape) for shape in shapes])

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.weights)


@pytest.mark.parametrize(
    ("function", "shapes", "macs"),
    [
        (lambda x, m: torch.einsum("nchw,dc->ndhw", x, m), [(3, 2)], 3 * 2 * 5 * 6),
        (lambda x, m: torch.einsum("nchw,c->nchw", x, m), [(2,)], 0),
        (lambda x: torch.einsum("nchw->nc", x), [], 0),
        (lambda x: torch.einsum("nchw,nchw->nhw", x, x), [], 2 * 5 * 6),
        (lambda x, m: torch.einsum("nchw,dc->nd", x, m), [(3, 2)], 3 * 2),
        (lambda x, m: torch.einsum("...hw,vw->...hv", x, m), [(7, 6)], 2 * 5 * 6 * 7),
        (lambda x, m: torch.einsum("nchw,wk", x, m), [(6, 7)], 2 * 5 * 6 * 7),
        (lambda x, m: torch.einsum(x, [0, 1, 2, 3], m, [4, 1], [0, 4, 2, 3]), [(3, 2)], 3 * 2 * 5 * 6),
        (lambda x, m, k: torch.einsum("nchw,dc,ed->nehw", x, m, k), [(3, 2), (5, 3)], 5 * 6 * (2 * 3 + 3 * 5)),
        (lambda x, m: torch.tensordot(x, m, ([1], [1])), [(3, 2)], 3 * 2 * 5 * 6),
        (lambda x, m: torch.inner(x, m), [(3, 6)], 2 * 5 * 6 * 3),
        (lambda x, m: torch.addmm(torch.zeros(1), x.flatten(1), m), [(60, 4)], 60 * 4),
        (lambda x, m: torch.baddbmm(torch.zeros(1), m.expand(len(x), 3, 2), x.flatten(2)), [(3, 2)], 3 * 2 * 30),
        (lambda x, m: torch.stack([image.flatten(1) @ m for image in x]), [(30,)], 2 * 30),
        (lambda x: x.__rmatmul__(x.mT), [], 2 * 6 * 5 * 6),
        (lambda x, m, k: torch.linalg.multi_dot([x.flatten(1), m, k]), [(60, 4), (4, 9)], 60 * 4 + 4 * 9),
        (lambda x, m: F.conv1d(x.flatten(2), m), [(3, 2, 2)], 3 * 29 * 2 * 2),
        (lambda x, m: F.conv_transpose1d(x.flatten(2), m), [(2, 3, 2)], 2 * 30 * 3 * 2),
        (lambda x, m: F.conv3d(x.unsqueeze(2), m), [(3, 2, 1, 2, 2)], 3 * 4 * 5 * 2 * 2 * 2),
        (lambda x, m: F.bilinear(x, x, m), [(3, 6, 6)], 2 * 5 * 3 * 6 * 6),
    ],
)
def test_products(function: Callable[..., Tensor], shapes: list[tuple[int, ...]], macs: int) -> None:
    assert sum(row.macs for row in layer_table(Apply(function, *shapes), SHAPE)) == macs


class OfRows(nn.Module):
    """A layer of sequences; each row of each channel is one step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(1, 2)
        is_attention = isinstance(self.layer, nn.MultiheadAttention)
        out: Tensor = self.layer(tokens, tokens, tokens)[0] if is_attention else self.layer(tokens)
        return out


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (nn.LSTM(6, 5, num_layers=2, batch_first=True), 10 * 4 * 5 * ((6 + 5) + (5 + 5))),
        (nn.GRU(6, 5, batch_first=True), 10 * 3 * 5 * (6 + 5)),
        (nn.RNN(6, 5, bidirectional=True, batch_first=True), 10 * 2 * 5 * (6 + 5)),
        (nn.MultiheadAttention(6, 2, batch_first=True), 4 * 10 * 6 * 6 + 2 * 10 * 10 * 6),
        (nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), 4 * 10 * 6 * 6 + 2 * 10 * 10 * 6 + 2 * 10 * 6 * 8),
    ],
)
def test_layers_of_sequences(layer: nn.Module, macs: int) -> None:
    assert sum(row.macs for row in layer_table(OfRows(layer), SHAPE)) == macs


def product(x: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return F.linear(x.flatten(1), left @ right)


@pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Flatten(), parametrizations.spectral_norm(nn.Linear(60, 9))),
        nn.Sequential(nn.Flatten(), parametrizations.orthogonal(nn.Linear(60, 9))),
        nn.Sequential(nn.Flatten(), parametrizations.orthogonal(nn.Linear(60, 9), orthogonal_map="cayley")),
        nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(60, 9))),
        nn.Sequential(nn.Flatten(), nn.utils.spectral_norm(nn.Linear(60, 9))),
        parametrizations.spectral_norm(nn.Conv2d(2, 9, (5, 6))),
        Apply(product, (9, 3), (3, 60)),
    ],
)
def test_what_weights_are_computed_from_is_not_computed_for_each_image(network: nn.Module) -> None:
    assert sum(row.macs for row in layer_table(network, SHAPE)) == 60 * 9


@pytest.mark.thorough
def test_no_table_imports_the_compiler() -> None:
    """It takes 5 to 24 s: many of torch's own helpers do at their first call."""
    script = """
import sys
from torch import nn
from convboard.anatomy.summary import summarise
from random_networks import CHANNELS, ELEMENTWISE, POSITIONS, WIDE, Apply, expressions
for expression in expressions(ELEMENTWISE, CHANNELS, POSITIONS, WIDE):
    if "max_unpool2d" in expression:
        continue  # torch imports it there, with or without a table
    summarise(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), Apply(expression, 2)).double(), (2, 6, 8))
    imported = {"torch._dynamo", "torch._inductor", "sympy"} & set(sys.modules)
    assert not imported, f"{expression}: {imported}"
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=TESTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
