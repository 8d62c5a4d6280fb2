"""What a network makes of a picture: its strongest units, what they see, and what is told of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import convboard
from convboard.data.own_picture import read_own_picture
from convboard.errors import ConfigError, ModelError
from convboard.inspecting import inspect, look_at_layers, probabilities
from convboard.subjects import Subject


def subject(model: nn.Module, shape: tuple[int, int, int]) -> Subject:
    return Subject("Net", "untrained", model.eval(), shape, (0.5,) * shape[0], (0.25,) * shape[0])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    return tmp_path / "a.png"


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
    layers = look_at_layers(net, read_own_picture(image, shape), top=3)
    assert layers
    for layer in layers:
        maps = layer.after if layer.units_are_after and layer.after is not None else layer.before
        best = sorted(maps.reshape(len(maps), -1).max(axis=1), reverse=True)[:3]
        assert [unit.value for unit in layer.units] == pytest.approx(best)
        for unit in layer.units:
            assert unit.box == convboard.receptive_field(model, shape, layer.name, unit.row, unit.column)
            assert maps[layer.channels.index(unit.channel), unit.row, unit.column] == unit.value


def test_only_the_asked_layers_and_channels(image: Path) -> None:
    net = subject(Branching(), (3, 32, 32))
    picture = read_own_picture(image, net.shape)
    assert [layer.name for layer in look_at_layers(net, picture)] == ["first", "shared", "shared:2", "last"]
    last, *others = look_at_layers(net, picture, ["las*"], channels=2, top=1)
    assert not others
    assert len(last.channels) == 2
    assert last.units[0].channel in last.channels
    assert len(look_at_layers(net, picture, ["first"], channels=1, top=3)[0].channels) == 3
    with pytest.raises(ConfigError, match=r"layers=fist: no conv layer is called that\. Did you mean 'first'"):
        look_at_layers(net, picture, ["fist"])
    linear = subject(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), (3, 32, 32))
    with pytest.raises(ModelError, match="Net has no Conv2d layer"):
        look_at_layers(linear, picture)


def test_probabilities_come_from_the_normalised_picture(image: Path) -> None:
    net = replace(subject(convboard.build_model("lenet", (1, 32, 32), 3), (1, 32, 32)), class_names=("a", "b", "c"))
    picture = read_own_picture(image, net.shape)
    given = (torch.tensor(picture.pixels).float()[None] / 255 - 0.5) / 0.25
    expected = net.model(given).softmax(1)[0].tolist()
    found = probabilities(net, picture)
    assert [share for _, share in found] == sorted(expected, reverse=True)
    assert dict(found) == pytest.approx(dict(zip("abc", expected, strict=True)))
    assert probabilities(replace(net, class_names=()), picture) == []


def test_white_paper_is_told_of(tmp_path: Path) -> None:
    Image.new("RGB", (50, 50), "white").save(tmp_path / "paper.png")
    model = convboard.build_model("lenet", (1, 32, 32), 10)
    net = replace(subject(model, (1, 32, 32)), mean=(0.13,), std=(0.31,), class_names=tuple("0123456789"))
    seen = inspect(net, tmp_path / "paper.png", default=tmp_path / "out.png")
    assert seen.hint == (
        "The picture is far brighter (mean 1.00) than those of the training (0.13): if it is dark on white paper, add "
        "invert=true."
    )
    assert seen.hint in seen.lines()
    assert not inspect(net, tmp_path / "paper.png", default=tmp_path / "out.png", invert=True).hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "channels=0: must be at least 1."),
        ({"top": 9}, "top=9: must be from 0 to 8."),
        ({"top": -1}, "top=-1: must be from 0 to 8."),
        ({"out": "a.jpg"}, "out=a.jpg: must be the name of a .png file."),
    ],
)
def test_values_are_checked(options: dict[str, int | str], message: str, image: Path) -> None:
    net = subject(convboard.build_model("conv_demo", (3, 32, 32)), (3, 32, 32))
    with pytest.raises(ConfigError) as raised:
        inspect(net, image, default=image.with_stem("out"), **options)  # type: ignore[arg-type]
    assert str(raised.value) == message


def test_nothing_else_is_overwritten(image: Path) -> None:
    net = subject(convboard.build_model("conv_demo", (3, 32, 32)), (3, 32, 32))
    before = image.read_bytes()
    with pytest.raises(ConfigError, match="is there already, and was not drawn by this command"):
        inspect(net, image, default=image, out=image)
    assert inspect(net, image, default=image).path == image.with_stem("a-2")
    assert inspect(net, image, default=image).path == image.with_stem("a-2")  # drawn anew
    assert inspect(net, image, default=image, out=image.with_stem("a-2")).path == image.with_stem("a-2")
    assert image.read_bytes() == before
