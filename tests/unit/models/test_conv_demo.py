import torch

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.outputs import layer_outputs
from convboard.models import build_model


def test_figures_of_the_tutorial() -> None:
    model = build_model("conv_demo", (3, 224, 224), None)
    outputs = layer_outputs(model, torch.randn(1, 3, 224, 224))
    assert {name: list(output.shape) for name, output in outputs.items()} == {
        "conv1": [1, 16, 224, 224],
        "conv2": [1, 8, 112, 112],
    }


def test_with_a_classifier() -> None:
    images = torch.randn(2, 1, 28, 28)
    assert build_model("conv_demo", (1, 28, 28), 7)(images).shape == (2, 7)
    found = layer_activations(build_model("conv_demo", (1, 28, 28), 7, relu=True), images)
    assert [answer.activation for answer in found.values()] == ["relu", "relu", None]
