"""Mistakes of a forward as a whole."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from diagnosed_networks import LambdaNetwork, found

Line = Callable[[Any, Tensor], Any]
BATCH_SIZE = 64


def network(forward: Line, *layers: nn.Module) -> LambdaNetwork:
    return LambdaNetwork(forward, *(layers or (nn.Linear(16, 10),)))


@pytest.mark.parametrize(
    ("forward", "remedy"),
    [
        (lambda m, x: m[0](x.view(64, 16)), "write x.size(0) for 64"),
        (lambda m, x: m[0](x.view(64, -1)), "write x.size(0) for 64"),
        (lambda m, x: m[0](x.flatten(1)) + torch.zeros(64, 10) * torch.ones(64, 1), "write x.size(0) for each 64"),
        (lambda m, x: m[0](x.view(BATCH_SIZE, 16)), "keep the batch apart: torch.flatten(x, 1) or nn.Flatten()"),
        (
            lambda m, x: m[0](x.flatten(1)) + torch.zeros(BATCH_SIZE, 10),
            "take the batch size from the images: x.size(0)",
        ),
    ],
)
def test_a_batch_size_in_the_code(forward: Line, remedy: str) -> None:
    diagnosis = found(network(forward))
    assert (diagnosis.kind, diagnosis.remedies) == ("batch", (remedy,))
    assert diagnosis.reason.startswith("The network works only with batches of 64 images")


def test_a_number_that_is_no_batch_size() -> None:
    diagnosis = found(network(lambda m, x: m[0](x.view(-1, 64)), nn.Linear(64, 10)))  # of four images
    assert diagnosis.reason.startswith("view(-1, 64) wants 1·8·8 = 64 features of each image")


@pytest.mark.parametrize(
    ("layer", "forward", "reason", "remedy"),
    [
        (
            nn.LSTM(4, 6, batch_first=True),
            lambda m, x: m[1](m[0](x[:, 0])[:, -1]),
            "LSTM layers.0 returns a tuple, its output and the state after the last step.",
            "take the first: x, _ = self.layers[0](...), or self.layers[0](...)[0]",
        ),
        (
            nn.MultiheadAttention(4, 2, batch_first=True),
            lambda m, x: m[1](F.pad(m[0](*[x[:, 0]] * 3)[:, -1], (0, 2))),
            "MultiheadAttention layers.0 returns a tuple, its output and the weights of the attention.",
            "take the first: x, _ = self.layers[0](...), or self.layers[0](...)[0]",
        ),
        (
            nn.MaxPool2d(2, return_indices=True),
            lambda m, x: m[1](F.pad(F.relu(m[0](x)).flatten(1), (0, 2))),
            "MaxPool2d layers.0 returns a tuple, (output, indices), because of return_indices=True.",
            "leave return_indices out of layers.0, or take the first: x, _ = self.layers[0](x)",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_tuple_of_a_layer(layer: nn.Module, forward: Line, reason: str, remedy: str) -> None:
    diagnosis = found(network(forward, layer, nn.Linear(6, 10)))
    assert (diagnosis.kind, diagnosis.layer) == ("tuple", "layers.0")
    assert (diagnosis.reason, diagnosis.remedies) == (reason, (remedy,))


class Again(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Any:
        x = self.fc(x.flatten(1))
        return self(x)


class Endless(Again):
    def features(self, x: Tensor) -> Any:
        return self.features(x)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.features(x).flatten(1))


@pytest.mark.parametrize(("model", "call"), [(Again, "self(x)"), (Endless, "self.features(x)")])
def test_a_forward_that_calls_itself(model: Callable[[], nn.Module], call: str) -> None:
    diagnosis = found(model())
    assert diagnosis.kind == "recursion"
    assert diagnosis.reason.startswith("The network calls itself: tests/unit/anatomy/diagnostics/test_whole_network.py")
    assert diagnosis.remedies == (f"write x for {call}: this calls the function that it is in, without end",)


class Misnamed(nn.Module):
    def _init_(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Any:
        return self.fc(x.flatten(1))


def test_a_constructor_that_python_never_calls() -> None:
    diagnosis = found(Misnamed())
    assert diagnosis.reason.startswith("Misnamed has a function _init_, but no __init__")
    assert diagnosis.remedies == ("write __init__, with two underscores on each side",)
