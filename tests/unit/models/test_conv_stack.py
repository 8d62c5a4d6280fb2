import torch

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.outputs import layer_outputs
from convboard.models import build_model

IMAGES = torch.randn(1, 3, 28, 28)


def test_figures_of_the_tutorial() -> None:
    model = build_model("conv_stack", (3, 28, 28), None)
    outputs = layer_outputs(model, IMAGES, layers="*")
    assert {name: list(output.shape) for name, output in outputs.items()} == {
        "conv1": [1, 16, 14, 14],
        "conv2": [1, 32, 7, 7],
        "conv3": [1, 64, 4, 4],
    }
    assert torch.equal(model(IMAGES), outputs["conv3"])


def test_with_a_classifier() -> None:
    model = build_model("conv_stack", (3, 28, 28), 10)
    outputs = layer_outputs(model, IMAGES)
    assert list(outputs) == ["conv1", "conv2", "conv3", "pool", "flatten", "fc"]
    torch.testing.assert_close(outputs["flatten"], outputs["conv3"].mean(dim=(2, 3)))
    assert outputs["fc"].shape == (1, 10)


def test_relu_is_an_option() -> None:
    plain = layer_activations(build_model("conv_stack", (3, 28, 28), 10), IMAGES)
    assert [answer.activation for answer in plain.values()] == [None] * 4
    model = build_model("conv_stack", (3, 28, 28), 10, relu=True)
    found = layer_activations(model, IMAGES)
    assert [answer.activation for answer in found.values()] == ["relu", "relu", "relu", None]
