import torch

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.outputs import layer_outputs
from convboard.models import build_model

IMAGES = torch.randn(2, 1, 28, 28)


def test_figures_of_the_tutorial() -> None:
    model = build_model("batchnorm_cnn", (1, 28, 28), 10)
    shapes = {name: list(output.shape[1:]) for name, output in layer_outputs(model, IMAGES).items()}
    assert list(shapes) == ["conv1", "bn1", "relu1", "pool1", "conv2", "bn2", "relu2", "pool2", "flatten", "fc"]
    assert (shapes["conv1"], shapes["pool1"]) == ([4, 28, 28], [4, 14, 14])
    assert (shapes["pool2"], shapes["flatten"]) == ([4, 7, 7], [4 * 7 * 7])
    assert shapes["fc"] == [10]
    assert sum(parameter.numel() for parameter in model.parameters()) == 40 + 8 + 148 + 8 + 1970


def test_relu_through_the_batch_norm() -> None:
    found = layer_activations(build_model("batchnorm_cnn", (1, 28, 28), 10), IMAGES)
    assert [answer.activation for answer in found.values()] == ["relu", "relu", None]
