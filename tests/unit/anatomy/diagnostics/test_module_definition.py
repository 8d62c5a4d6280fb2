"""Rules for constructors, forwards, and weights that are not registered."""

import re
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.diagnose import diagnose
from convboard.errors import ModelError
from convboard.models import build_model
from convboard.models.infer_arguments import build
from diagnosed_networks import SHAPE, LambdaNetwork, found, scores


class TakesLabels(nn.Module):
    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return x


class NoSelf(nn.Module):
    def forward(x: Tensor) -> Tensor:  # type: ignore[misc]  # noqa: N805 (as beginners write it)
        return x


class NoForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        def forward(x: Tensor) -> Tensor:
            return x


class Misspelt(nn.Module):
    def foward(self, x: Tensor) -> Tensor:
        return x


class Bound(nn.Module):
    """Its forward is none of its class's."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = self.go

    def go(self, x: Tensor) -> Tensor:
        raise KeyError("mine")


class Static(nn.Module):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        raise KeyError("mine")


@pytest.mark.parametrize("model", [Bound, Static])
def test_an_error_of_a_forward_that_was_called_is_its_own(model: type[nn.Module]) -> None:
    diagnosis = found(model())
    assert (diagnosis.kind, diagnosis.reason, diagnosis.remedies) == ("error", "KeyError: 'mine'.", ())
    assert diagnosis.place is not None
    assert diagnosis.place[1] == 'raise KeyError("mine")'


@pytest.mark.parametrize(
    ("model", "reason", "cure"),
    [
        (Misspelt, "Misspelt has no forward", "call it forward, not foward"),
        (nn.ModuleList, "ModuleList has no forward of its own: it only holds layers.", "take nn.Sequential"),
        (
            TakesLabels,
            "forward(self, x: torch.Tensor, labels: torch.Tensor), but it is called",
            "write def forward(self, x), and return the scores of the classes: the run computes the loss itself",
        ),
        (NoSelf, "NoSelf has forward(x: torch.Tensor), but it is called with the images alone", "self is missing"),
        (NoForward, "NoForward has no forward: this one is indented into __init__", "indented as far as the __init__"),
    ],
)
def test_a_forward_that_cannot_be_called(model: type[nn.Module], reason: str, cure: str) -> None:
    diagnosis = found(model())
    assert (diagnosis.kind, diagnosis.layer) == ("forward", None)
    assert reason in diagnosis.reason
    assert cure in diagnosis.remedies[0]
    assert diagnosis.heading.startswith(f"{model.__name__} fails on images of")
    if model is nn.ModuleList:
        assert diagnosis.place is None
    else:
        assert diagnosis.place is not None
        assert re.search(r"def fo\w*ward\(", diagnosis.place[1])


def test_a_type_error_in_a_forward_is_its_own() -> None:
    def one_too_many(model: Any, x: Tensor) -> Any:
        return model[0].forward(x, x)

    diagnosis = found(LambdaNetwork(one_too_many, nn.Linear(16, 10)))
    assert "takes 2 positional arguments but 3 were given" in diagnosis.reason


def test_a_weight_that_would_not_be_trained() -> None:
    def line(model: Any, x: Tensor) -> Any:
        return model.unregistered[0](scores(model, x))

    hidden = nn.Linear(10, 10)
    diagnosis = found(LambdaNetwork(line, nn.Linear(16, 10), unregistered=hidden))
    assert (diagnosis.kind, diagnosis.layer) == ("parameters", "linear")
    assert diagnosis.reason == (
        "linear uses weights that are none of the network's parameters: self.unregistered is a plain list "
        "(diagnosed_networks.py, line 29: self.unregistered = [unregistered]), and torch does not look for layers in "
        "one. They would be neither trained nor saved."
    )
    assert diagnosis.remedies == ("make it an nn.ModuleList: self.unregistered = nn.ModuleList([unregistered])",)
    assert (
        diagnose(LambdaNetwork(line, nn.Linear(16, 10), unregistered=hidden.requires_grad_(False)), SHAPE, 10) is None
    )
    assert diagnosis.place is not None
    assert diagnosis.place[1] == "self.unregistered = [unregistered]"


def test_a_layer_that_forward_makes_is_shown_with_its_arguments() -> None:
    def forward(_: Any, x: Tensor) -> Tensor:
        classes, features = 10, x[0].numel()
        layer = nn.Linear(features, classes, bias=True)
        scores: Tensor = layer(x.flatten(1))
        return scores

    diagnosis = found(LambdaNetwork(forward))
    assert (diagnosis.kind, diagnosis.place and diagnosis.place[1]) == (
        "parameters",
        "layer = nn.Linear(features, classes, bias=True)",
    )
    assert diagnosis.remedies == (
        "make the layer in __init__, as in self.linear = nn.Linear(16, 10, bias=True), and call it in forward: "
        "x = self.linear(x)",
    )


@pytest.mark.parametrize(
    ("make", "proper"),
    [
        (lambda layer: [layer], "ModuleList"),
        (lambda layer: deque([layer]), "ModuleList"),
        (lambda layer: {layer}, "ModuleList"),
        (lambda layer: {"a": [layer]}, "ModuleDict"),
    ],
    ids=["list", "deque", "set", "dict"],
)
def test_a_weight_in_a_private_collection(make: Callable[[Any], Any], proper: str) -> None:
    class Private(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(16, 10)
            hidden = nn.Linear(10, 10)
            self._hidden = make(hidden)
            self.hook: Any = lambda x: hidden(x)

        def forward(self, x: Tensor) -> Any:
            return self.hook(self.first(x.flatten(1)))

    diagnosis = found(Private())
    assert f"self._hidden is a plain {type(make(nn.ReLU())).__name__}" in diagnosis.reason
    assert f"self._hidden = nn.{proper}(" in diagnosis.remedies[0]


@pytest.mark.parametrize("kept_out", [torch.no_grad, None], ids=["no_grad", "detach"])
def test_a_teacher_that_no_gradient_reaches_is_none_of_the_parameters(kept_out: Any) -> None:
    teacher = nn.Linear(10, 10)

    def with_teacher(model: Any, x: Tensor) -> Any:
        given = scores(model, x)
        if kept_out is None:
            return given + model.unregistered[0](given).detach()
        with kept_out():
            target = model.unregistered[0](given)
        return given + target

    assert diagnose(LambdaNetwork(with_teacher, nn.Linear(16, 10), unregistered=teacher), SHAPE, 10) is None


def test_groups_that_a_constructor_refuses() -> None:
    class Grouped(nn.Module):
        def __init__(self, groups: int = 4) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 6, 3, groups=groups)

    expected = (
        r"^Grouped: test_module_definition\.py, line \d+, self\.conv = nn\.Conv2d\(4, 6, 3, groups=groups\), builds "
        r"Conv2d\(4, 6, \.\.\., groups=4\): groups=4 does not divide its 6 output channels\. Take one of 1, 2\.$"
    )
    with pytest.raises(ModelError, match=expected):
        build(Grouped, (1, 8, 8), 10)
    with pytest.raises(ModelError, match=r"3 groups do not divide its 8 channels\. Take one of 1, 2, 4, 8\.$"):
        build(lambda: nn.GroupNorm(3, 8), (1, 8, 8), 10)
    layers = [
        {"conv": {"out_channels": 4, "kernel_size": 3}},
        {"conv": {"out_channels": 4, "kernel_size": 3, "groups": 3}},
    ]
    with pytest.raises(ModelError, match=r"layers\[1\] \(conv\) .* groups=3 does not divide its 4 input channels\."):
        build_model("sequential", (1, 8, 8), 10, layers=layers)


def test_a_constructor_that_forgot_that_of_the_module() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            self.conv = nn.Conv2d(4, 6, 3)

    expected = r"line \d+, self\.conv = nn\.Conv2d\(4, 6, 3\), comes before .* begin with super\(\)\.__init__\(\)\.$"
    with pytest.raises(ModelError, match=expected):
        build(Bare, (1, 8, 8), 10)


def test_a_constructor_of_the_module_that_is_not_called() -> None:
    class Uncalled(nn.Module):
        def __init__(self) -> None:
            super().__init__  # noqa: B018 (as beginners write it)
            self.conv = nn.Conv2d(4, 6, 3)

    expected = r"line \d+, super\(\)\.__init__, lacks the brackets .* super\(\)\.__init__\(\)\.$"
    with pytest.raises(ModelError, match=expected):
        build(Uncalled, (1, 8, 8), 10)
