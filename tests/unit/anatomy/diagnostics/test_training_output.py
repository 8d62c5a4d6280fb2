"""The last operation of a network, where cross entropy cannot use its result well."""

import math
import re

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import nn

from convboard.anatomy.diagnostics.training_output import are_probabilities
from training_slips import Net, Part, warning_of, warnings_of

FLOOR = math.log(1 + 9 / math.e)  # of scores between 0 and 1


@pytest.mark.parametrize(
    ("end", "made_by"),
    [
        (lambda net, x: F.softmax(net.fc(x), dim=1), "softmax"),
        (lambda net, x: net.fc(x).softmax(-1).flatten(1), "softmax"),
        (lambda net, x: net.last(net.fc(x)), r"last \(Softmax"),
        (lambda net, x: net.fc(x).exp() / net.fc(x).exp().sum(1, keepdim=True), "div"),
    ],
)
def test_probabilities(end: Part, made_by: str) -> None:
    warning = warning_of(Net(end, last=nn.Softmax(1)))
    assert re.search(rf"probabilities, made by {made_by}.*_(output|slips)\.py, line \d+", warning.reason)
    assert f"cannot fall below {FLOOR:.2f}" in warning.reason


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_probabilities_of_any_dtype(dtype: torch.dtype) -> None:
    scores = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
    probabilities = scores.softmax(1).to(dtype)
    assert are_probabilities(probabilities)
    assert not are_probabilities(1.02 * probabilities)
    assert not are_probabilities(scores.to(dtype))


def test_the_floor_is_that_of_the_best_scores() -> None:
    best = torch.eye(10)
    assert F.cross_entropy(best, torch.arange(10)).item() == pytest.approx(FLOOR)
    assert "below 0.80" in warning_of(Net(lambda net, x: net.fc(x).tanh())).reason
    assert F.cross_entropy(2 * best - 1, torch.arange(10)).item() == pytest.approx(0.80, abs=0.005)


@pytest.mark.parametrize(
    ("end", "bounds"),
    [
        (lambda net, x: torch.sigmoid(net.fc(x)), "between 0 and 1"),
        (lambda net, x: net.last(net.fc(x)), "between -1 and 1"),
        (lambda net, x: F.hardtanh(net.fc(x), 0, max_val=0.5), "between 0 and 0.5"),
        (lambda net, x: net.fc(x).clamp(-0.5, max=1), "between -0.5 and 1"),
    ],
)
def test_scores_with_bounds(end: Part, bounds: str) -> None:
    assert bounds in warning_of(Net(end, last=nn.Tanh())).reason


@pytest.mark.parametrize(
    "end",
    [
        lambda net, x: F.relu(net.fc(x)),
        lambda net, x: net.fc(x).relu_(),
        lambda net, x: net.last(net.fc(x)),
        lambda net, x: net.fc(x).clamp(min=0),
    ],
)
def test_scores_without_negative_values(end: Part) -> None:
    assert "scores below zero become zero" in warning_of(Net(end, last=nn.ReLU6())).reason


def test_dropout_of_the_scores() -> None:
    warning = warning_of(Net(lambda net, x: net.last(net.fc(x)), last=nn.Dropout(0.5)))
    assert warning.reason.startswith("The network ends with dropout (last)")


def test_log_softmax_is_harmless_before_cross_entropy_alone() -> None:
    model = Net(lambda net, x: F.log_softmax(net.fc(x), dim=1))
    assert warning_of(model).is_harmless
    assert not warning_of(model, is_cross_entropy=False).is_harmless


@pytest.mark.parametrize(
    "end",
    [
        lambda net, x: net.fc(x),
        lambda net, x: net.fc(x).clamp(-20, 20),
        lambda net, x: torch.log(net.fc(x).softmax(1)),
        lambda net, x: F.relu(net.fc(x)[:, :, None, None]).mean((2, 3)) * 2,  # as SqueezeNet ends with a mean of ReLU
        lambda net, x: F.dropout(net.fc(x), 0.0),
        lambda net, x: F.normalize(net.fc(x)),  # the loss cannot fall below 1.27, but the accuracy is as good
    ],
)
def test_scores_that_are_fine(end: Part) -> None:
    assert not warnings_of(Net(end))


def test_probabilities_are_fine_for_the_squared_error() -> None:
    assert not warnings_of(Net(lambda net, x: F.softmax(net.fc(x), dim=1)), is_cross_entropy=False)
