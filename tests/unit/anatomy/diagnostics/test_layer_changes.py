"""Layers with other settings: what is suggested is in the terms of the line that makes them, and works."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnosis import DiagnosedError
from convboard.anatomy.origin import Origin
from diagnosed_networks import diagnosed


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x) + self.shortcut(x)
        return result


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(Block(1, 4, 1), Block(4, 10, 2))

    def forward(self, x: Tensor) -> Any:
        return self.body(x).mean((2, 3))


class Dense(nn.Module):
    def __init__(self, width: int = 4, growth: int = 2) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3)
        self.layers = nn.ModuleList([nn.Conv2d(width, growth, 3, padding=1) for at in range(3)])

    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x.mean((2, 3))


class Unequal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(1, width, 3) for width in (5, 7)])
        self.norms = nn.ModuleList(nn.BatchNorm2d(size) for size in (5, 6))

    def forward(self, x: Tensor) -> Any:
        return torch.cat([norm(layer(x)) for norm, layer in zip(self.norms, self.layers)], 1).mean((2, 3))[:, :10]


@pytest.mark.parametrize(
    ("network", "remedy"),
    [
        (
            Residual,
            "write nn.Conv2d(inputs, outputs, 1, stride=stride) for nn.Conv2d(inputs, outputs, 1) in tests/unit/",
        ),
        (
            Dense,
            "write nn.Conv2d(width + at * growth, growth, 3, padding=1) for nn.Conv2d(width, growth, 3, padding=1) in ",
        ),
        (Unequal, "give norms.1 num_features=7: tests/unit/anatomy/diagnostics/test_layer_changes.py, line "),
    ],
)
def test_a_line_that_makes_several_layers(network: type[nn.Module], remedy: str) -> None:
    with pytest.raises(DiagnosedError) as raised:
        check_fit(network(), (1, 8, 8), 10, Origin(network))
    assert raised.value.diagnosis.remedies[0].startswith(remedy)


def test_another_layer_is_to_change_only_if_the_network_then_gets_as_far() -> None:
    conv, linear = nn.Conv2d(1, 4, 3), nn.Linear(8 * 6 * 6, 10)
    fitting = nn.Sequential(conv, nn.BatchNorm2d(8), nn.Flatten(), linear)
    assert diagnosed(fitting, (1, 8, 8)).remedies == (
        "write nn.BatchNorm2d(4) for 1",
        "let 0 give as many: nn.Conv2d(1, 8, 3)",
    )
    other = nn.Sequential(conv, nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(4 * 6 * 6, 10))
    assert diagnosed(other, (1, 8, 8)).remedies == ("write nn.BatchNorm2d(4) for 1",)


def test_a_layer_of_a_network_in_double_precision_keeps_its_settings() -> None:
    model = nn.Sequential(nn.Conv2d(3, 10, 3, padding=1, padding_mode="reflect"), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    remedy = "write nn.Conv2d(1, 10, 3, padding=1, padding_mode='reflect') for 0"
    assert remedy in diagnosed(model.double(), (1, 8, 8), 10).remedies


def test_a_class_of_the_users_is_written_as_theirs() -> None:
    class Norm(nn.BatchNorm2d):
        pass

    model = nn.Sequential(nn.Conv2d(1, 4, 3), Norm(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert diagnosed(model, (1, 8, 8)).remedies[0] == "write Norm(4) for 1"
