"""How conv layers respond to an image: their strongest units, and the receptive fields of these."""

import pytest
import torch
from torch import Tensor, nn

import convboard
from convboard.errors import ConfigError
from convboard.feature_maps.layer_response import layer_responses


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
def test_boxes_are_what_the_strongest_units_see(model: nn.Module, shape: tuple[int, int, int]) -> None:
    layers = layer_responses(model.eval(), torch.randn(1, *shape), top=3)
    assert layers
    for layer in layers:
        maps = layer.after if layer.units_are_after and layer.after is not None else layer.before
        best = [value for value in sorted(maps.reshape(len(maps), -1).max(axis=1), reverse=True)[:3] if value > 0]
        assert [unit.value for unit in layer.units] == pytest.approx(best)
        for unit in layer.units:
            assert unit.box == convboard.receptive_field(model, shape, layer.name, unit.row, unit.column)
            assert maps[layer.channels.index(unit.channel), unit.row, unit.column] == unit.value


@pytest.mark.parametrize(("bias", "excited"), [((-9.0, -9.0), 0), ((-9.0, 9.0), 1), ((9.0, 9.0), 2)])
def test_only_units_above_zero_are_strong(bias: tuple[float, float], excited: int) -> None:
    conv = nn.Conv2d(3, 2, 3)
    conv.bias = nn.Parameter(torch.tensor(bias))
    model = nn.Sequential(conv, nn.ReLU())
    (response,) = layer_responses(model, torch.rand(1, 3, 12, 12), channels=1)
    assert sorted(unit.channel for unit in response.units) == [0, 1][2 - excited :]
    assert response.silence == ("" if excited else "no unit is above 0 after relu")


def test_only_the_asked_layers_and_channels() -> None:
    model, images = Branching().eval(), torch.randn(1, 3, 32, 32)
    assert [layer.name for layer in layer_responses(model, images)] == ["first", "shared", "shared:2", "last"]
    last, *others = layer_responses(model, images, ["las*"], channels=2, top=1)
    assert not others
    assert len(last.channels) == 2
    assert last.units[0].channel in last.channels
    assert len(layer_responses(model, images, ["first"], channels=1, top=3)[0].channels) == 3
    with pytest.raises(ConfigError, match=r"layers=fist: no conv layer is called that\. Did you mean 'first'"):
        layer_responses(model, images, ["fist"])
    assert layer_responses(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), images) == []
