import pytest
import torch

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.outputs import layer_outputs
from convboard.errors import ModelError
from convboard.models import LeNet, build_model


def test_figures_of_the_tutorial() -> None:
    model = build_model("lenet", input_shape=(1, 32, 32), num_classes=10)
    images = torch.randn(2, 1, 32, 32)
    shapes = {name: list(output.shape[1:]) for name, output in layer_outputs(model, images).items()}
    assert [shapes[name] for name in ("conv1", "pool1", "conv2", "pool2")] == [
        [6, 28, 28],
        [6, 14, 14],
        [16, 10, 10],
        [16, 5, 5],
    ]
    assert [shapes[name] for name in ("flatten", "fc1", "fc2", "fc3")] == [[400], [120], [84], [10]]
    parameters = list(model.parameters())
    assert len(parameters) == 10
    assert list(parameters[0].shape) == [6, 1, 5, 5]
    assert list(parameters[2].shape) == [16, 6, 5, 5]
    assert sum(parameter.numel() for parameter in parameters) == 61_706


def test_relu_after_every_layer_but_the_last() -> None:
    found = layer_activations(LeNet(), torch.randn(1, 1, 32, 32))
    assert {name: answer.activation for name, answer in found.items()} == {
        "conv1": "relu",
        "conv2": "relu",
        "fc1": "relu",
        "fc2": "relu",
        "fc3": None,
    }


@pytest.mark.parametrize(("size", "features"), [(28, 256), (32, 400), ((32, 64), 1040)])
def test_other_image_sizes(size: int | tuple[int, int], features: int) -> None:
    assert LeNet(in_channels=3, image_size=size).fc1.in_features == features


def test_smallest_image() -> None:
    assert LeNet(image_size=16).fc1.in_features == 16
    with pytest.raises(ModelError, match=r"(?s)^LeNet does not fit.* window of 5x5 but gets only 4x4.*16x16 or more"):
        LeNet(image_size=12)
