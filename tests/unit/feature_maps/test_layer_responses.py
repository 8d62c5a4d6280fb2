"""How a network responds to a picture: its strongest units, what they see, and its probabilities."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import convboard
from convboard.errors import ConfigError, ModelError
from convboard.feature_maps.layer_responses import layer_responses, probabilities
from convboard.feature_maps.picture import read_own_picture
from subject_to_look_at import subject


class Branching(nn.Module):
    """A pooling between convolution and activation, a layer called twice, a residual sum, groups, odd windows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, (3, 5), padding=1)
        self.shared = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.last = nn.Conv2d(4, 6, 3, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.first(images), 2).relu()
        x = x + self.shared(self.shared(x).relu())
        return torch.sigmoid(self.last(x)).mean((2, 3))


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (convboard.build_model("lenet", (1, 32, 32), 10), (1, 32, 32)),
        (convboard.build_model("cifar10_quick", (3, 32, 32), 10), (3, 32, 32)),
        (convboard.build_model("batchnorm_cnn", (1, 28, 28), 10), (1, 28, 28)),
        (convboard.build_model("conv_demo", (3, 40, 60)), (3, 40, 60)),
        (Branching(), (3, 32, 40)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_boxes_are_what_the_strongest_units_see(model: nn.Module, shape: tuple[int, int, int], image: Path) -> None:
    net = subject(model, shape)
    layers = layer_responses(net, read_own_picture(image, shape), top=3)
    assert layers
    for layer in layers:
        maps = layer.after if layer.units_are_after and layer.after is not None else layer.before
        best = sorted(maps.reshape(len(maps), -1).max(axis=1), reverse=True)[:3]
        assert [unit.value for unit in layer.units] == pytest.approx(best)
        for unit in layer.units:
            assert unit.box == convboard.receptive_field(model, shape, layer.name, unit.row, unit.column)
            assert maps[layer.channels.index(unit.channel), unit.row, unit.column] == unit.value


@pytest.mark.parametrize(("bias", "excited"), [((-9.0, -9.0), 0), ((-9.0, 9.0), 1), ((9.0, 9.0), 2)])
def test_only_units_above_zero_are_strong(bias: tuple[float, float], excited: int, image: Path) -> None:
    conv = nn.Conv2d(3, 2, 3)
    conv.bias = nn.Parameter(torch.tensor(bias))
    net = subject(nn.Sequential(conv, nn.ReLU()), (3, 12, 12))
    (look,) = layer_responses(net, read_own_picture(image, net.shape), channels=1)
    assert sorted(unit.channel for unit in look.units) == [0, 1][2 - excited :]
    assert look.silence == ("" if excited else "no unit is above 0 after relu")


def test_only_the_asked_layers_and_channels(image: Path) -> None:
    net = subject(Branching(), (3, 32, 32))
    picture = read_own_picture(image, net.shape)
    assert [layer.name for layer in layer_responses(net, picture)] == ["first", "shared", "shared:2", "last"]
    last, *others = layer_responses(net, picture, ["las*"], channels=2, top=1)
    assert not others
    assert len(last.channels) == 2
    assert last.units[0].channel in last.channels
    assert len(layer_responses(net, picture, ["first"], channels=1, top=3)[0].channels) == 3
    with pytest.raises(ConfigError, match=r"layers=fist: no conv layer is called that\. Did you mean 'first'"):
        layer_responses(net, picture, ["fist"])
    linear = subject(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), (3, 32, 32))
    with pytest.raises(ModelError, match="Net has no Conv2d layer"):
        layer_responses(linear, picture)


def test_probabilities_come_from_the_normalised_picture(image: Path) -> None:
    net = replace(subject(convboard.build_model("lenet", (1, 32, 32), 3), (1, 32, 32)), class_names=("a", "b", "c"))
    picture = read_own_picture(image, net.shape)
    given = (torch.tensor(picture.pixels).float()[None] / 255 - 0.5) / 0.25
    expected = net.model(given).softmax(1)[0].tolist()
    found = probabilities(net, picture)
    assert [share for _, share in found] == sorted(expected, reverse=True)
    assert dict(found) == pytest.approx(dict(zip("abc", expected, strict=True)))
    assert probabilities(replace(net, class_names=()), picture) == []
