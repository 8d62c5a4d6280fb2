import torch
from torch import nn

from convboard.anatomy.outputs import layer_outputs
from convboard.models import CIFAR10Quick, build_model, cifar10_quick_sequential

IMAGES = torch.randn(64, 3, 32, 32)


def test_figures_of_the_tutorial() -> None:
    for name in ("cifar10_quick", "cifar10_quick_sequential"):
        model = build_model(name, (3, 32, 32), 10)
        shapes = {layer: list(output.shape[1:]) for layer, output in layer_outputs(model, IMAGES).items()}
        assert shapes == {
            "conv1": [32, 32, 32],
            "pool1": [32, 16, 16],
            "conv2": [32, 16, 16],
            "pool2": [32, 8, 8],
            "conv3": [64, 8, 8],
            "pool3": [64, 4, 4],
            "flatten": [1024],
            "fc1": [64],
            "fc2": [10],
        }
        assert model(IMAGES).shape == (64, 10)


def test_the_two_are_the_same_network() -> None:
    as_class, as_sequential = CIFAR10Quick(), cifar10_quick_sequential()
    assert type(as_sequential) is nn.Sequential
    assert not torch.equal(as_class(IMAGES), as_sequential(IMAGES))
    as_sequential.load_state_dict(as_class.state_dict())
    assert torch.equal(as_class(IMAGES), as_sequential(IMAGES))


def test_same_seed_same_weights() -> None:
    torch.manual_seed(3)
    as_class = CIFAR10Quick()
    torch.manual_seed(3)
    as_sequential = cifar10_quick_sequential()
    for comm, theirs in zip(as_class.parameters(), as_sequential.parameters(), strict=True):
        assert torch.equal(comm, theirs)
