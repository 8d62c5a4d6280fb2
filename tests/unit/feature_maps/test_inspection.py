"""An image that is inspected: the montage that is written, and the text."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from torch import nn

import convboard
from convboard.errors import ConfigError, ModelError, RunError
from convboard.feature_maps.inference_model import InferenceModel
from convboard.feature_maps.inspection import inspect, montage_source

MakeModel = Callable[[nn.Module, tuple[int, int, int]], InferenceModel]


def test_white_paper_is_told_of(tmp_path: Path, inference_model: MakeModel) -> None:
    Image.new("RGB", (50, 50), "white").save(tmp_path / "paper.png")
    model = convboard.build_model("lenet", (1, 32, 32), 10)
    net = replace(inference_model(model, (1, 32, 32)), mean=(0.13,), std=(0.31,), class_names=tuple("0123456789"))
    inspection = inspect(net, tmp_path / "paper.png", default=tmp_path / "out.png")
    assert inspection.hint == (
        "The picture is far brighter (mean 1.00) than those of the training (0.13): if it is dark on white paper, add "
        "invert=true."
    )
    assert inspection.hint in inspection.lines()
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
def test_values_are_checked(
    options: dict[str, int | str], message: str, image: Path, inference_model: MakeModel
) -> None:
    net = inference_model(convboard.build_model("conv_demo", (3, 32, 32)), (3, 32, 32))
    with pytest.raises(ConfigError) as raised:
        inspect(net, image, default=image.with_stem("out"), **options)  # type: ignore[arg-type]
    assert str(raised.value) == message


def test_nothing_else_is_overwritten(image: Path, inference_model: MakeModel) -> None:
    net = inference_model(convboard.build_model("conv_demo", (3, 32, 32)), (3, 32, 32))
    before = image.read_bytes()
    with pytest.raises(ConfigError, match="is there already, and was not drawn by this command"):
        inspect(net, image, default=image, out=image)
    assert inspect(net, image, default=image).path == image.with_stem("a-2")
    assert inspect(net, image, default=image).path == image.with_stem("a-2")  # drawn anew
    assert inspect(net, image, default=image, out=image.with_stem("a-2")).path == image.with_stem("a-2")
    assert image.read_bytes() == before


def test_a_layer_that_nothing_excites_is_told_of(image: Path, inference_model: MakeModel) -> None:
    conv = nn.Conv2d(3, 2, 3)
    nn.init.constant_(conv.bias, -9.0)  # type: ignore[arg-type]
    net = inference_model(nn.Sequential(conv, nn.ReLU()), (3, 12, 12))
    assert inspect(net, image, default=image.with_stem("out")).lines()[1:-1] == [
        "0: 2 feature maps 10×10, kernels 3×3 over 3 channels",
        "  no unit is above 0 after relu",
    ]


def test_a_montage_names_its_image_and_is_a_png(tmp_path: Path, inference_model: MakeModel) -> None:
    image = tmp_path / "Jürgen/猫.png"
    image.parent.mkdir()
    Image.new("RGB", (40, 40), "grey").save(image)
    net = inference_model(convboard.build_model("conv_demo", (3, 32, 32)), (3, 32, 32))
    path = inspect(net, image, default=tmp_path / "new/folder/out.png").path
    assert montage_source(path) == str(image)
    with Image.open(path) as montage:
        montage.load()
    assert montage_source(image) is None
    assert montage_source(tmp_path) is None


def test_a_place_that_cannot_be_written(image: Path, inference_model: MakeModel) -> None:
    net = inference_model(convboard.build_model("conv_demo", (3, 32, 32)), (3, 32, 32))
    with pytest.raises(RunError, match=r"a\.png cannot be written: .*out="):
        inspect(net, image, default=image / "a.png")


def test_a_network_without_conv_layer_has_nothing_to_draw(image: Path, inference_model: MakeModel) -> None:
    net = inference_model(nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)), (3, 32, 32))
    with pytest.raises(ModelError, match="Net has no Conv2d layer"):
        inspect(net, image, default=image.with_stem("out"))
