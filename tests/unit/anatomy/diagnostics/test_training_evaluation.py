"""Scores in evaluation mode that depend on random numbers, on other images, or on no image."""

import copy
import random

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.diagnostics.training_rules import network_warnings
from training_slips import CPU, SHAPE, Net, Part, warning_of, warnings_of


def hidden_sequence(x: Tensor) -> Tensor:
    """The hidden units as a sequence, [N, 2, 4]."""
    return x.view(-1, 2, 4)


def attend(dropout: float) -> Part:
    def middle(_: nn.Module, x: Tensor) -> Tensor:
        x = hidden_sequence(x)
        return F.scaled_dot_product_attention(x, x, x, dropout_p=dropout).flatten(1)

    return middle


@pytest.mark.parametrize(
    "middle",
    [
        lambda _, x: F.dropout(x, 0.5),
        lambda _, x: nn.Dropout(0.5)(x),
        lambda net, x: net.layers[0](x),
        lambda _, x: F.alpha_dropout(x, 0.5, training=True),
        lambda _, x: torch.dropout(x, 0.5, True),
        attend(0.5),
    ],
)
def test_dropout_that_is_always_active(middle: Part) -> None:
    warning = warning_of(Net(middle=middle, layers=[nn.Dropout(0.5)]))
    assert "is active in evaluation mode too (test_training_evaluation.py, line " in warning.reason


@pytest.mark.parametrize(
    "middle",
    [
        lambda net, x: F.dropout(x, 0.5, net.training),
        lambda net, x: net.layer(x),
        lambda _, x: F.dropout(x, p=0.0),
        lambda net, x: x + torch.randn_like(x) if net.training else x,
        attend(0.0),
    ],
)
def test_dropout_and_noise_in_training_only(middle: Part) -> None:
    assert not warnings_of(Net(middle=middle, layer=nn.Dropout(0.5)))


def test_the_network_and_the_random_numbers_stay_unchanged() -> None:
    model = Net(middle=lambda net, x: F.dropout(net.norm(x)), norm=nn.BatchNorm1d(8)).train()
    kept, numbers = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    list(network_warnings(model, SHAPE, CPU))
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(module.training for module in model.modules())


def test_other_random_numbers() -> None:
    warning = warning_of(Net(middle=lambda _, x: x * (torch.rand(x.shape) > 0.5)))
    assert "for the same image each time: rand (test_training_evaluation.py, line " in warning.reason
    warning = warning_of(Net(middle=lambda _, x: x * random.random()))
    assert "for the same image each time: its forward draws" in warning.reason
    assert not warnings_of(Net(middle=lambda _, x: x + 0 * torch.rand(x.shape)))


@pytest.mark.parametrize(
    ("middle", "layer", "call", "remedy"),
    [
        (lambda _, x: F.softmax(x, 0), None, "softmax", "Let softmax run along dim=1"),
        (lambda _, x: x - x.mean(0), None, "sub", "runs over the images of the batch, dim=0. Take"),
        (lambda _, x: x.t().reshape(x.shape), None, "reshape", "a view or reshape that does not keep the batch"),
        (
            lambda net, x: net.layer(x),
            nn.BatchNorm1d(8, track_running_stats=False),
            "layer (BatchNorm1d, test_",
            "track_running_stats=True",
        ),
        (
            lambda net, x: net.layer(hidden_sequence(x))[0].flatten(1),
            nn.LSTM(4, 4),
            "layer (LSTM, test_",
            "batch_first=True",
        ),
        (
            lambda net, x: net.layer(hidden_sequence(x)).flatten(1),
            nn.TransformerEncoderLayer(4, 1, 8),
            "layer.self_attn (MultiheadAttention, test_",
            "batch_first=True",
        ),
    ],
)
def test_images_that_mix(middle: Part, layer: nn.Module | None, call: str, remedy: str) -> None:
    warning = warning_of(Net(middle=middle, layer=layer))
    assert f"first in the output of {call}" in warning.reason
    assert remedy in warning.remedy


@pytest.mark.parametrize(
    ("middle", "layer"),
    [
        (lambda net, x: net.layer(x), nn.BatchNorm1d(8)),
        (lambda net, x: net.layer(hidden_sequence(x))[0].flatten(1), nn.LSTM(4, 4, batch_first=True)),
        (
            lambda net, x: net.layer(hidden_sequence(x)).flatten(1),
            nn.TransformerEncoderLayer(4, 1, 8, batch_first=True),
        ),
        (lambda net, x: F.normalize(x) * net.layer(x).softmax(1), nn.Linear(8, 8)),
    ],
)
def test_images_that_do_not_mix(middle: Part, layer: nn.Module) -> None:
    assert not warnings_of(Net(middle=middle, layer=layer))


def test_images_that_mix_in_training_only_are_left_alone() -> None:
    assert not warnings_of(Net(middle=lambda net, x: x + x.flip(0) if net.training else x))


@pytest.mark.parametrize(
    ("middle", "call"),
    [
        (lambda _, x: F.relu(-F.relu(x)), "relu:4 (test_"),
        (lambda _, x: x * 0, "mul (test_"),
        (lambda net, x: x if net.training else torch.full_like(x, 2.0), "fc (Linear, "),
    ],
)
def test_scores_that_are_the_same_for_every_image(middle: Part, call: str) -> None:
    warning = warning_of(Net(middle=middle))
    assert warning.reason.startswith(f"The network gives the same scores for every image: {call}")


def test_scores_of_a_last_layer_that_is_zero_at_first() -> None:
    model = Net()
    nn.init.zeros_(model.fc.weight)
    nn.init.zeros_(model.fc.bias)
    assert not warnings_of(model)
