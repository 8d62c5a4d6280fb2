"""Slips in values: a layer, a class or a tuple where a tensor is meant, names, and weights of another network."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from diagnosed_networks import cannot_be_built, found


class Net(nn.Module):
    """Its subclasses have the slips."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.act: Any = nn.ReLU()
        self.pool = nn.MaxPool2d(1)
        self.body: Any = None
        self.named = nn.ModuleDict({"plain": nn.ReLU()})
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.conv(x).flatten(1))


class ClassOfATensor(Net):
    def forward(self, x: Tensor) -> Any:
        x = nn.ReLU(self.conv(x))  # type: ignore[assignment]
        return self.fc(x.flatten(1))


class TwoClasses(Net):
    def forward(self, x: Tensor) -> Any:
        x = nn.ReLU(self.conv(x))  # type: ignore[assignment]
        x = nn.ReLU(self.pool(x))  # type: ignore[assignment]
        return self.fc(x.flatten(1))


class SettingsAndATensor(Net):
    def forward(self, x: Tensor) -> Any:
        return self.fc(nn.MaxPool2d(self.conv(x), 1).flatten(1))  # type: ignore[operator]


class LayerNotCalled(Net):
    def forward(self, x: Tensor) -> Any:
        x = self.conv(x)
        x = self.pool  # type: ignore[assignment]
        return self.fc(x.flatten(1))


class LayerAsArgument(Net):
    def forward(self, x: Tensor) -> Any:
        x = F.relu(self.conv)  # type: ignore[arg-type]
        return self.fc(x.flatten(1))


class ClassNotCalled(Net):
    def __init__(self) -> None:
        super().__init__()
        del self.act
        self.act = nn.ReLU

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.act(self.conv(x)).flatten(1))


class Comma(Net):
    def __init__(self) -> None:
        super().__init__()
        self.body = (nn.ReLU(),)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.body(self.conv(x)).flatten(1))


class ListCalled(Net):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleList([nn.ReLU(), nn.Flatten()])

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.body(self.conv(x)))


class OtherAttribute(Net):
    def forward(self, x: Tensor) -> Any:
        return self.fc1(self.conv(x).flatten(1))  # type: ignore[operator]


class OtherKey(Net):
    def forward(self, x: Tensor) -> Any:
        return self.fc(self.named["plian"](self.conv(x)).flatten(1))


class NoImport(Net):
    def forward(self, x: Tensor) -> Any:
        return self.fc(torch.relu(self.conv(x)).flatten(1))  # type: ignore[name-defined]  # noqa: F821


class OtherName(Net):
    def forward(self, image: Tensor) -> Any:
        return self.fc(self.conv(images).flatten(1))  # type: ignore[name-defined]  # noqa: F821


class NoSelf(Net):
    def forward(self, x: Tensor) -> Any:
        return fc(self.conv(x).flatten(1))  # type: ignore[name-defined]  # noqa: F821


class OutputAsLayer(Net):
    def forward(self, x: Tensor) -> Any:
        self.conv = self.conv(x)
        return self.fc(self.conv.flatten(1))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("network", "remedy"),
    [
        (ClassOfATensor, "write nn.ReLU()(self.conv(x)) for nn.ReLU(self.conv(x)): the brackets of nn.ReLU take its"),
        (TwoClasses, "write nn.ReLU()(self.conv(x)) for nn.ReLU(self.conv(x)), and likewise in line "),
        (SettingsAndATensor, "write nn.MaxPool2d(1)(self.conv(x)) for nn.MaxPool2d(self.conv(x), 1)"),
        (LayerNotCalled, "write self.pool(x) for self.pool: it is a layer that is not called"),
        (LayerAsArgument, "write self.conv(x) for self.conv: it is a layer that is not called"),
        (ClassNotCalled, "write self.act = nn.ReLU(), with brackets, in __init__: self.act is the class"),
        (Comma, "remove the comma at the end of the line self.body = ... in __init__"),
        (
            ListCalled,
            "make self.body an nn.Sequential(...) of the same layers in __init__, or write x = self.conv(x) and then",
        ),
        (OtherAttribute, "write self.fc for self.fc1"),
        (OtherKey, "write self.named['plain'] for self.named[\"plian\"]"),
        (NoImport, "write import torch at the top of the file"),
        (OtherName, "write image for images"),
        (NoSelf, "write self.fc for fc"),
        (OutputAsLayer, "keep the output in a variable, x = self.conv(...): self.conv is the layer"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_value_in_forward(network: Callable[[], nn.Module], remedy: str) -> None:
    diagnosis = found(network())
    assert diagnosis.kind == "error"
    assert re.sub(" in line [0-9]+", "", diagnosis.remedies[0], count=1).startswith(remedy)


class Loading(Net):
    def __init__(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        super().__init__()
        self.load_state_dict(change(Net().state_dict()))


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        (
            lambda weights: {f"module.{name}": weight for name, weight in weights.items()},
            'self.load_state_dict({name.removeprefix("module."): weight for name, weight in '
            "change(Net().state_dict()).items()}) for self.load_state_dict(change(Net().state_dict())): nn.Data",
        ),
        (
            lambda weights: {**weights, "fc.weight": weights["fc.weight"][:7], "fc.bias": weights["fc.bias"][:7]},
            "self.load_state_dict({name: weight for name, weight in change(Net().state_dict()).items() if not "
            "name.startswith(('fc.',))}, strict=False) for self.load_state_dict(change(Net().state_dict())), which "
            "leaves fc untrained",
        ),
    ],
    ids=["prefix", "classes"],
)
def test_weights_of_another_network(change: Callable[[dict[str, Any]], dict[str, Any]], remedy: str) -> None:
    def network() -> nn.Module:
        return Loading(change)

    assert f"What to do: - write {remedy}" in cannot_be_built(network)


class NoLayer(Net):
    def forward(self, x: Tensor) -> Any:
        return self.fc(self.body(self.conv(x)).flatten(1))


class NoSuchKey(Net):
    def forward(self, x: Tensor) -> Any:
        return self.fc(self.named["pooled"](self.conv(x)).flatten(1))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (NoLayer, "TypeError: 'NoneType' object is not callable. self.body is None."),
        (NoSuchKey, "KeyError: 'pooled'. self.named has the keys 'plain'."),
    ],
)
def test_what_the_message_leaves_out(network: Callable[[], nn.Module], reason: str) -> None:
    diagnosis = found(network())
    assert (diagnosis.reason, diagnosis.remedies) == (reason, ())
