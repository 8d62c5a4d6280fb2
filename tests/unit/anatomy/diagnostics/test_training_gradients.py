"""Weights that are not trained although they should be."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.diagnostics.wording import listed_names
from training_slips import Net, Part, warning_of, warnings_of

BEFORE = "No gradient reaches conv.weight, conv.bias, hidden.weight and hidden.bias, which keep their initial values. "


def without_gradients(net: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        return F.relu(net.hidden(F.relu(net.conv(x)).flatten(1)))


@pytest.mark.parametrize(
    ("middle", "cause"),
    [
        (lambda _, x: x.detach(), ".detach() has"),
        (lambda _, x: x.data, ".data has"),
        (lambda _, x: torch.from_numpy(x.detach().numpy()), ".detach() has"),
        (lambda _, x: F.one_hot(x.argmax(1), 8).float(), "argmax has"),
        (lambda _, x: (x > 0).float(), "gt has"),
        (lambda _, x: x.round(), "round has"),
        (lambda _, x: x.sign(), "sign has"),
    ],
)
def test_a_function_without_a_gradient(middle: Part, cause: str) -> None:
    warning = next(w for w in warnings_of(Net(middle=middle)) if w.word.endswith("gradient"))
    assert warning.reason.startswith(f"{BEFORE}{cause} no gradient (test_training_gradients.py, line ")
    assert warning.layer == "conv"


def test_a_part_without_gradients() -> None:
    reason = warning_of(Net(features=without_gradients)).reason
    assert reason.startswith(f"{BEFORE}conv2d runs under torch.no_grad() (test_training_gradients.py, line ")


def test_a_weight_that_is_used_without_its_gradient() -> None:
    reason = warning_of(Net(lambda net, x: F.linear(x, net.fc.weight.data, net.fc.bias))).reason
    assert reason.startswith("No gradient reaches fc.weight, which keep their initial values. .data has no gradient (")


def test_values_that_leave_torch() -> None:
    warning = warning_of(Net(middle=lambda _, x: torch.tensor(x.tolist())))
    assert warning.reason.startswith(f"{BEFORE}Look in forward for .detach(), .data, .item(), .tolist() or")


@pytest.mark.parametrize(
    "middle",
    [
        lambda _, x: x + ((9 * x).round() - x).detach(),  # the straight-through estimator
        lambda _, x: x * (x.detach() > 0),
        lambda _, x: x + x.data,
    ],
)
def test_a_cut_that_leaves_another_way(middle: Part) -> None:
    assert not warnings_of(Net(middle=middle))


def test_layers_that_are_not_used() -> None:
    warning = warning_of(Net(other=nn.Linear(2, 2)))
    assert warning.is_harmless
    assert warning.reason == "The forward does not use other.weight and other.bias, so they are not trained."


@pytest.mark.parametrize("draw", [lambda: float(torch.rand(1)), random.random])
def test_layers_that_are_skipped_at_random(draw: Callable[[], float]) -> None:
    def maybe(net: Any, x: Tensor) -> Any:
        return net.other(x) if net.training and draw() > 1 else x

    assert not warnings_of(Net(middle=maybe, other=nn.Linear(8, 8)))


def test_frozen_layers() -> None:
    model = Net()
    model.fc.requires_grad_(False)
    assert warning_of(model).reason.startswith("The last layer fc is frozen")
    model = Net()
    model.conv.requires_grad_(False)
    model.hidden.requires_grad_(False)
    assert not warnings_of(model)


def test_a_tensor_that_is_neither_a_parameter_nor_a_buffer() -> None:
    model = Net(lambda net, x: net.fc(x @ net.mixing), mixing=torch.eye(8))
    assert "register_buffer('mixing', ...)" in warning_of(model).remedy
    model = Net(lambda net, x: net.fc(x @ net.mixing))
    model.register_buffer("mixing", torch.eye(8))
    assert not warnings_of(model)


def test_units_that_remain_the_same() -> None:
    model = Net()
    for weight in model.parameters():
        nn.init.constant_(weight, 0.1)
    assert "All units of conv.weight and hidden.weight have the same weights" in warning_of(model).reason


def test_weights_that_the_optimizer_lacks() -> None:
    def made_anew(net: Any, x: Tensor) -> Any:
        net.fc = nn.Linear(8, 10)
        return net.fc(x)

    assert warning_of(Net(made_anew)).reason.startswith("The optimizer does not have fc.weight and fc.bias")
    model = Net()
    assert "does not have conv.weight, conv.bias, " in warning_of(model, optimized=model.fc).reason


def test_long_lists_of_names_are_cut() -> None:
    assert listed_names("a") == "a"
    assert listed_names("abcde") == "a, b, c, d and e"
    assert listed_names("abcdefg") == "a, b, c, d and 3 more"


def test_frozen_layers_in_a_plain_list_or_made_in_forward() -> None:
    hidden = nn.Linear(8, 8).requires_grad_(False)
    warning = warning_of(Net(middle=lambda net, x: net.more[0](x), more=[hidden]))
    assert warning.reason.startswith(
        "linear uses weights that are none of the network's parameters: self.more is a plain"
    )
    assert "ModuleList" in warning.remedy
    warning = warning_of(Net(middle=lambda _, x: nn.Linear(8, 8).requires_grad_(False)(x)))
    assert "of a layer that forward makes anew each time (test_training_gradients.py, line " in warning.reason
    assert warning.remedy.startswith("Make the layer in __init__, as in self.linear = nn.Linear(8, 8), and call it")
    assert not warnings_of(Net(middle=lambda net, x: net.more[0](x), more=nn.ModuleList([hidden])))


def test_weights_that_are_all_zero() -> None:
    model = Net()
    for weight in model.parameters():
        nn.init.zeros_(weight)
    reason = warning_of(model).reason
    assert reason.startswith(
        "All values of conv.weight, hidden.weight and fc.weight are zero: the network gives the same"
    )


class Slips(Net):
    @torch.no_grad()
    def hide(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.hidden(x)
        return hidden


def test_the_line_that_turns_gradients_off() -> None:
    model = Slips(features=lambda net, x: net.hide(F.relu(net.conv(x)).flatten(1)))
    assert "runs under torch.no_grad() (test_training_gradients.py, line " in warning_of(model).reason
    assert ": @torch.no_grad())." in warning_of(model).reason


def test_a_frozen_last_layer_is_trained_by_what_is_advised() -> None:
    model = Net()
    model.fc.requires_grad_(False)
    assert warning_of(model).remedy.startswith("Call self.fc.requires_grad_(True) behind that, or make this layer")


def test_all_tensors_that_are_no_parameters_are_advised_on() -> None:
    warning = warning_of(Net(lambda net, x: net.fc(x) * net.a + net.b, a=torch.ones(10), b=torch.zeros(10)))
    assert warning.remedy.endswith("to keep it. Likewise b.")
