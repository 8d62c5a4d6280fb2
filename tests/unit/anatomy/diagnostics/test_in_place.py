"""Tensors that are changed in place although a gradient needs them as they were."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_training_run
from convboard.anatomy.diagnostics.trials import training_run
from convboard.errors import ModelError
from diagnosed_networks import SHAPE, LambdaNetwork


class InPlace(nn.Module):
    """Something between a sigmoid and a linear layer."""

    def __init__(self, between: nn.Module) -> None:
        super().__init__()
        self.sigmoid = nn.Sigmoid()
        self.scale = nn.Parameter(torch.ones(16))
        self.between = between
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.between(self.sigmoid(x.flatten(1) * self.scale)))


class Doubling(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x *= 2
        return x


class Multiplying(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2)
        return x


class Clamped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x, inplace=True)


def training_message(model: nn.Module) -> str:
    run = training_run(model, SHAPE)
    assert run is not None
    with pytest.raises(ModelError) as raised:
        check_training_run(model, run)
    return " ".join(str(raised.value).split())


@pytest.mark.parametrize(
    ("between", "reason", "remedy"),
    [
        (
            nn.LeakyReLU(inplace=True),
            "LeakyReLU between changes its input in place, which the gradient of sigmoid needs",
            "set inplace=False in between",
        ),
        (
            Doubling(),
            "in forward, x *= 2, changes in place what a gradient needs",
            "write x = x * 2 for x *= 2",
        ),
        (Multiplying(), "x.mul_(2), changes in place", "write x = x.mul(2) for x.mul_(2)"),
        (Clamped(), "return F.relu(x, inplace=True), changes in place", "leave out inplace=True"),
    ],
    ids=["module", "operator", "method", "function"],
)
def test_a_write_in_place_that_breaks_the_gradient(between: nn.Module, reason: str, remedy: str) -> None:
    message = training_message(InPlace(between))
    assert "RuntimeError: one of the variables needed for gradient computation has been modified" in message
    assert reason in message
    assert message.endswith(f"What to do: - {remedy}")


def test_a_write_in_place_that_a_hook_forbids() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(16, 10))
    model[0].register_full_backward_hook(lambda *_: None)
    message = training_message(model)
    assert "ReLU 1 changes its input in place, which a hook on 0 needs as it was." in message
    assert message.endswith("What to do: - set inplace=False in 1")


def test_numpy_in_forward() -> None:
    message = training_message(
        LambdaNetwork(lambda m, x: torch.from_numpy(m[0](x.flatten(1)).numpy()), nn.Linear(16, 10))
    )
    assert "NumPy computes no gradients" in message
    assert "What to do" not in message
