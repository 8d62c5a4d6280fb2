"""What is no network, no shape of an image or no batch of images gets a sentence, whichever function it is given to."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import convboard
from convboard.errors import ModelError
from convboard.models import LeNet

SHAPE = (1, 32, 32)
CALLS = [
    lambda model, shape: convboard.layer_table(model, shape),
    lambda model, shape: convboard.diagnose(model, shape),
    lambda model, shape: convboard.receptive_field(model, shape, "conv1"),
]


@pytest.mark.parametrize("call", [*CALLS, lambda model, _: convboard.layer_outputs(model, torch.zeros(1, *SHAPE))])
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LeNet, "LeNet is a class, not a network: give the network that it makes, such as LeNet()."),
        (len.__class__, "builtin_function_or_method is a class, not a network"),
        ("lenet", "The network is a str: give the network itself, such as convboard.build_model('lenet', "),
        (nn.ReLU().state_dict(), "The network is an OrderedDict: load weights into a network"),
        (None, "The network is None: give an nn.Module."),
    ],
)
def test_what_is_no_network(call: Any, model: Any, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        call(model, SHAPE)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "shape", [28, "abc", (1, 28), (1, 28.5, 28), None, (1, 1, 28, 28), (0, 28, 28), torch.zeros(3)]
)
def test_what_is_no_shape(call: Any, shape: Any) -> None:
    with pytest.raises(ModelError, match=r"The input shape is .*: give \(channels, height, width\) of one image"):
        call(LeNet(), shape)


@pytest.mark.parametrize("shape", [[1, 32, 32], torch.Size(SHAPE), np.array(SHAPE)])
def test_three_whole_numbers_are_a_shape(shape: Any) -> None:
    assert convboard.layer_table(LeNet(), shape)[0].input_shape == SHAPE


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, *SHAPE), np.float32), "images are a NumPy array: .* Give torch.from_numpy(images)."),
        (np.zeros((1, *SHAPE), np.uint8), "images are a NumPy array: .* Give torch.from_numpy(images).float() / 255, "),
        (
            torch.zeros(1, *SHAPE, dtype=torch.uint8),
            "images are uint8, .* float32: give images.float() / 255, n",
        ),
        (torch.zeros(1, *SHAPE, dtype=torch.float64), "images are float64, and .* float32: give images.float()."),
        (torch.zeros(1, *SHAPE, device="meta"), "images are on meta, .* on cpu: give images.to('cpu')."),
        ([[1.0]], "images are a list: they must be a tensor, [N, C, H, W]."),
        (torch.zeros(SHAPE), "images are [1, 32, 32]: they must be a batch, [N, C, H, W]. Give a single image as "),
    ],
)
def test_what_is_no_batch_of_images(images: Any, message: str) -> None:
    begin, _, end = message.partition(".*")
    with pytest.raises(ModelError) as caught:
        convboard.layer_outputs(LeNet(), images)
    assert str(caught.value).startswith(begin)
    assert end.strip() in str(caught.value)


def test_a_network_may_take_what_it_converts_itself() -> None:
    class Converts(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.float() / 255

    outputs = convboard.layer_outputs(Converts(), torch.full((1, 1, 2, 2), 255, dtype=torch.uint8))
    assert torch.equal(outputs["Converts"], torch.ones(1, 1, 2, 2))


@pytest.mark.parametrize("layers", [3, None, ["conv1", 3]])
def test_what_is_no_pattern_of_layers(layers: Any) -> None:
    with pytest.raises(ModelError, match="give names of layers or patterns of them"):
        convboard.layer_outputs(LeNet(), torch.zeros(1, *SHAPE), layers)
