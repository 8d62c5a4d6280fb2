"""A network without its data: its shape, its weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from convboard.anatomy.forward_inputs import InputsError
from convboard.cli.layers import _title as title
from convboard.config.compose import compose_config
from convboard.data.dataset import ImageShape
from convboard.data.load import load_dataset
from convboard.errors import ConfigError, ModelError
from convboard.experiment.setup import build_model
from convboard.experiment.untrained import build_untrained, untrained_model, untrained_shape
from convboard.training.seeding import seed_everything


@pytest.mark.parametrize(
    ("overrides", "shape", "classes"),
    [
        ([], (1, 32, 32), None),
        (["model=conv_demo"], (3, 224, 224), None),
        (["model=conv_demo", "model.in_channels=1"], (1, 224, 224), None),
        (["model=batchnorm_cnn"], (1, 28, 28), None),
        (["model=cifar10_quick", "model.image_size=64"], (3, 64, 64), None),
        (["model=sequential"], (3, 32, 32), None),
        (["model=conv_demo", "dataset=cifar10"], (3, 32, 32), 10),
        (["model=lenet", "dataset=mnist"], (1, 32, 32), 10),
        (["model=conv_mlp", "dataset=fashion_mnist"], (1, 28, 28), 10),
        (["model=conv_mlp", "dataset=digits", "dataset.image_size=40"], (1, 40, 40), 10),
    ],
    ids=str,
)
def test_the_shape_follows_from_the_arguments(overrides: list[str], shape: ImageShape, classes: int | None) -> None:
    composed = compose_config([*overrides, "data_dir=not/there"])
    assert untrained_shape(composed) == (shape, classes)
    assert untrained_shape(composed, (3, 50, 60)) == ((3, 50, 60), classes)


def test_pictures_of_one_s_own_are_asked_for_their_shape(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (5, 5)).save(tmp_path / name / "1.png")
    composed = compose_config(["model=conv_demo", "dataset=image_folder", f"dataset.path={tmp_path}"])
    assert untrained_shape(composed) == ((3, 64, 64), 3)


def test_the_shape_is_that_of_the_loaded_data(tmp_path: Path) -> None:
    assert untrained_shape(compose_config(["model=conv_mlp", "dataset=digits"])) == (
        load_dataset("digits", tmp_path).image_shape,
        10,
    )


def test_the_weights_are_those_that_a_run_begins_with() -> None:
    composed = compose_config(["model=lenet", "dataset=digits", "seed=5"])
    model = build_untrained(composed, *untrained_shape(composed))
    seed_everything(5)
    begun = build_model(composed.config.model, (1, 32, 32), 10)
    assert all(torch.equal(comm, theirs) for comm, theirs in zip(model.parameters(), begun.parameters(), strict=True))
    assert not model.training


def test_a_list_of_layers_gets_classes() -> None:
    composed = compose_config(["model=sequential"])
    shape, classes = untrained_shape(composed)
    assert build_untrained(composed, shape, classes)(torch.zeros(1, *shape)).shape == (1, 10)


def test_a_title_says_where_the_shape_is_from() -> None:
    assert title("lenet", [(1, 32, 32)], "mnist", is_given=False) == "lenet for 1x32x32 images of mnist"
    assert title("lenet", [(1, 32, 32)], "", is_given=False) == "lenet for 1x32x32 images (its default)"
    assert title("lenet", [(1, 28, 28)], "mnist", is_given=True) == "lenet for 1x28x28 images (as given)"
    assert title("two", [(1, 28, 28), (5,), ()], "", is_given=True) == (
        "two for 1x28x28 images and 5 and a number (as given)"
    )


def test_networks_that_take_no_such_image() -> None:
    with pytest.raises(ConfigError, match=r"^The network needs 2 channels, but a picture has 1 \(grey\) or 3 "):
        untrained_model(compose_config(["model=conv_demo"]), (2, 9, 9))
    with pytest.raises(ModelError, match="window of 5x5 but gets only 3x3"):
        untrained_model(compose_config([]), (1, 10, 10))


class Grey(nn.Sequential):
    def __init__(self, features: int = 8) -> None:
        super().__init__(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 10))


def test_a_shape_that_nobody_gave_is_not_the_network_s_mistake() -> None:
    composed = compose_config([f"model._target_={__name__}.Grey"])
    with pytest.raises(ModelError) as raised:
        untrained_model(composed)
    assert str(raised.value) == (
        "Neither a dataset nor an input_shape is given, so that Grey was tried with images of 3x224x224. It does not "
        "fit these, but it fits 1x28x28. Give the images: input_shape=[1,28,28], or a dataset, as in dataset=mnist."
    )
    untrained_model(composed, (1, 28, 28))
    with pytest.raises(ModelError, match=r"^Grey does not fit images of 3x28x28"):
        untrained_model(composed, (3, 28, 28))


def test_a_network_that_fits_no_common_shape_either() -> None:
    composed = compose_config([f"model._target_={__name__}.Grey", "model.features=9"])
    with pytest.raises(ModelError, match=r"or input_shape=\[channels,height,width\]\.\n\nGrey does not"):
        untrained_model(composed)


class WithCode(nn.Module):
    def __init__(self, num_classes: int = 4) -> None:
        super().__init__()
        self.conv, self.code = nn.Conv2d(3, num_classes, 3), nn.Linear(5, num_classes)

    def forward(self, image: torch.Tensor, code: torch.Tensor) -> Any:
        return self.conv(image).mean((2, 3)) + self.code(code)


@pytest.mark.parametrize(("dataset", "shape"), [([], (3, 224, 224)), (["dataset=cifar10"], (3, 32, 32))])
def test_a_network_of_several_inputs(dataset: list[str], shape: ImageShape) -> None:
    composed = compose_config([f"model._target_={__name__}.WithCode", *dataset])
    assert untrained_shape(composed)[0] == shape
    for others in ([], [(5,), (5,)]):
        with pytest.raises(InputsError, match="WithCode takes 2 inputs") as caught:
            build_untrained(composed, *untrained_shape(composed), others=others)
        assert caught.value.shapes == [shape, (5,)]
    assert isinstance(build_untrained(composed, *untrained_shape(composed), others=[(5,)]), WithCode)
    with pytest.raises(ModelError, match=r"wants 5 features but gets 6: the\s+input is 6"):
        build_untrained(composed, *untrained_shape(composed), others=[(6,)])
    with pytest.raises(InputsError, match=r"is given\. A picture is one input: a network of several inputs cannot be"):
        untrained_model(composed)


class Lazy(WithCode):
    def __init__(self, num_classes: int = 4) -> None:
        super().__init__(num_classes)
        self.code = nn.LazyLinear(num_classes)


def test_lazy_layers_of_a_network_of_several_inputs() -> None:
    composed = compose_config([f"model._target_={__name__}.Lazy"])
    model = build_untrained(composed, (3, 9, 9), None, others=[(7,)])
    assert model.get_parameter("code.weight").shape == (4, 7)
    with pytest.raises(InputsError, match=r"but 1 is given\. Give the shape of each: \[\(3, 9, 9\), shape_of_code\]"):
        build_untrained(composed, (3, 9, 9), None)


class Inferred(WithCode):
    def __init__(self, in_features: int, num_classes: int = 4) -> None:
        super().__init__(num_classes)
        self.code = nn.Linear(in_features, num_classes)


def test_inferred_features_of_a_network_of_several_inputs() -> None:
    composed = compose_config([f"model._target_={__name__}.Inferred"])
    model = build_untrained(composed, (3, 9, 9), None, others=[(7,)])
    assert model.get_parameter("code.weight").shape == (4, 7)
