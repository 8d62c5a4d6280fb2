import torch

from convboard.anatomy.outputs import layer_outputs
from convboard.models import build_model


def test_figures_of_the_tutorial() -> None:
    model = build_model("conv_mlp", (3, 28, 28), 10)
    outputs = layer_outputs(model, torch.randn(1, 3, 28, 28))
    assert {name: list(output.shape) for name, output in outputs.items()} == {
        "conv1": [1, 16, 14, 14],
        "conv2": [1, 32, 7, 7],
        "flatten": [1, 32 * 7 * 7],
        "fc1": [1, 64],
        "fc2": [1, 32],
        "fc3": [1, 10],
    }


def test_cifar10() -> None:
    assert build_model("conv_mlp", (3, 32, 32), 5)(torch.randn(2, 3, 32, 32)).shape == (2, 5)
