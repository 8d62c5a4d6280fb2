import pytest
import torch

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.check import check_fit
from convboard.anatomy.outputs import layer_outputs
from convboard.models import build_model


def test_small_images_get_the_cifar_stem() -> None:
    model = build_model("resnet18", (3, 32, 32), 10)
    outputs = layer_outputs(model, torch.randn(1, 3, 32, 32), ["conv1", "layer?", "fc"])
    assert [list(output.shape[1:]) for output in outputs.values()] == [
        [64, 32, 32],
        [64, 32, 32],
        [128, 16, 16],
        [256, 8, 8],
        [512, 4, 4],
        [10],
    ]
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_173_962


def test_large_images_get_torchvisions_own() -> None:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    comm = build_model("resnet18", (3, 224, 224), 1000)
    torch.manual_seed(0)
    theirs = resnet18(weights=None)
    assert str(comm) == str(theirs)
    for mine, its in zip(comm.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, its)


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 65, 40)])
def test_grey_images(shape: tuple[int, int, int]) -> None:
    check_fit(build_model("resnet18", shape, 7), shape, 7)


def test_last_relu_of_a_block_is_not_the_convolutions() -> None:
    model = build_model("resnet18", (3, 8, 8), 10)
    found = layer_activations(model, torch.randn(1, 3, 8, 8))
    assert found["conv1"].activation == "relu"
    assert found["layer1.0.conv1"].activation == "relu"
    assert found["layer1.0.conv2"].activation is None
    assert found["layer2.0.downsample.0"].activation is None
    assert len(found) == 21
