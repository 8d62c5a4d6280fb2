from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  (as users write it)
from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation
from convboard.board.figure_data import feature_map_arrays, weight_arrays
from convboard.board.figures.embedded_arrays import packed_arrays, unpack
from convboard.board.layer_figures import LayerFigures
from convboard.board.probe import choose_probe
from convboard.data.dataset import ImageDataset


class Net(nn.Module):
    """A ReLU right behind its layer, one behind a batch norm, and a layer with neither, which is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.second = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.third = nn.Conv2d(4, 4, 1, bias=False)
        self.out = nn.Linear(4, 3)
        with torch.no_grad():
            self.first.bias[1] = -1e4  # type: ignore[index]

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.third(self.third(self.second(F.relu(self.first(images)))))
        return self.out(hidden.mean((2, 3)))  # type: ignore[no-any-return]


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


@pytest.fixture
def probe(dataset: ImageDataset) -> Any:
    return choose_probe(dataset, torch.device("cpu"))


def inside(values: list[Any]) -> dict[str, Any]:
    """Facts and arrays by tag."""
    numbers = {value.tag: packed_arrays(value.image.encoded_image_string) for value in values}
    return {tag: unpack(packed) for tag, packed in numbers.items() if packed}


def test_kernels_carry_their_weights(model: Any, probe: Any) -> None:
    found = inside(LayerFigures(model, probe, 16).kernels(2))
    facts, arrays = found["kernels/second/0"]
    limit = pytest.approx(model.second[0].weight.abs().max().item())
    assert facts == {"epoch": 2, "layer": "second.0", "filters": 4, "limit": limit}
    assert list(arrays) == ["weight", "bias"]
    np.testing.assert_array_equal(arrays["weight"], model.second[0].weight.detach())
    np.testing.assert_array_equal(arrays["bias"], model.second[0].bias.detach())
    assert list(found["kernels/third"][1]) == ["weight"]


@pytest.mark.parametrize(
    ("arguments", "shape", "dtype"),
    [
        ((3, 200, 3), (64, 3, 3, 3), np.float32),
        ((128, 128, 3), (56, 128, 3, 3), np.float16),
        ((1000, 8, 5), (8, 1000, 5, 5), np.float16),
        ((1000, 5, 5), (5, 1000, 5, 5), np.float16),
        ((8, 16, 3, 1, 0, 1, 4), (16, 2, 3, 3), np.float32),
    ],
)
def test_of_a_large_layer_few_filters_are_carried(arguments: Any, shape: tuple[int, ...], dtype: type) -> None:
    conv = nn.Conv2d(*arguments)
    facts, arrays = weight_arrays("conv", conv, 1.5, 0)
    assert facts["filters"] == conv.out_channels
    assert arrays["weight"].shape == shape
    assert arrays["weight"].dtype == dtype
    assert arrays["bias"].shape == shape[:1]


def test_maps_carry_what_is_drawn_and_what_it_is_made_from(model: Any, probe: Any) -> None:
    views = LayerFigures(model, probe, 3)
    views.activations()
    found = inside(views.feature_maps(5))
    assert set(found) == {f"feature_maps/{name}" for name in ("first", "second/0", "third", "third:2")}
    with torch.no_grad():
        first = model.first(probe.images)
        second = model.second[0](F.relu(first))
        after = model.second(F.relu(first))

    facts, arrays = found["feature_maps/first"]
    assert (facts["epoch"], facts["layer"], facts["activation"], facts["dead"]) == (5, "first", "relu", [1])
    assert facts["after_is_relu"]
    assert facts["input_is_image"]
    assert list(arrays) == ["before"]
    np.testing.assert_array_equal(arrays["before"], first[:, :3].numpy())  # above 2048, where float16 loses digits

    facts, arrays = found["feature_maps/second/0"]
    assert not facts["after_is_relu"]
    assert not facts["input_is_image"]
    assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(("before", "after", "input"), "f2")
    np.testing.assert_allclose(arrays["before"], second[:, :3], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(arrays["after"], after[:, :3], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(arrays["input"], F.relu(first), rtol=1e-3, atol=1e-4)

    facts, arrays = found["feature_maps/third"]
    assert (facts["activation"], facts["dead"], facts["after_is_relu"]) == (None, None, False)
    assert list(arrays) == ["before", "input"]


def test_which_channels_are_dead_is_forgotten_when_the_statistics_fail(model: Any, probe: Any) -> None:
    views = LayerFigures(model, probe, 3)
    views.activations()
    failing = model.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        views.activations()
    failing.remove()
    assert inside(views.feature_maps(1))["feature_maps/first"][0]["dead"] is None


@pytest.mark.parametrize(("channels", "images"), [(300, 3), (400, 2), (2000, 1)])
def test_large_inputs_are_carried_for_fewer_images(probe: Any, channels: int, images: int) -> None:
    model = nn.Sequential(nn.Conv2d(1, channels, 1), nn.Conv2d(channels, 2, 1))  # 12x12 pixels
    _, arrays = inside(LayerFigures(model, probe, 2).feature_maps(0))["feature_maps/1"]
    assert arrays["input"].shape == (images, channels, 12, 12)


def test_large_maps_are_carried_for_fewer_images() -> None:
    output = torch.ones(10, 4, 300, 300)
    layer = LayerActivation("conv", nn.Conv2d(1, 4, 1), output, output * 2, "celu", torch.ones(10, 1, 300, 300))
    _, arrays = feature_map_arrays(layer, torch.zeros(10, 1, 300, 300), 4, 1.0, None, 0)
    assert [len(arrays[name]) for name in ("before", "after", "input")] == [2, 2, 1]


@pytest.mark.parametrize(
    ("units", "inputs", "kept", "dtype"),
    [(10, 84, 10, np.float16), (120, 400, 120, np.float16), (4096, 25_088, 2, np.float16)],
)
def test_linear_layers_carry_the_weights_of_their_first_units(units: int, inputs: int, kept: int, dtype: Any) -> None:
    linear = nn.Linear(inputs, units)
    facts, arrays = weight_arrays("fc", linear, 1.5, 3)
    assert facts == {"epoch": 3, "layer": "fc", "filters": units, "limit": 1.5}
    assert arrays["weight"].shape == (kept, inputs)
    assert arrays["weight"].dtype == dtype
    np.testing.assert_allclose(arrays["weight"], linear.weight.detach()[:kept], atol=1e-3)
    assert arrays["bias"].shape == (kept,)


def test_maps_too_large_for_float16_are_float32(probe: Any) -> None:
    model = nn.Conv2d(1, 2, 1)
    with torch.no_grad():
        model.weight.fill_(1e6)
    _, arrays = inside(LayerFigures(model, probe, 2).feature_maps(0))["feature_maps/Conv2d"]
    assert arrays["before"].dtype == np.float32


def test_the_probe_carries_images_logits_and_vectors(model: Any, probe: Any, dataset: ImageDataset) -> None:
    facts, arrays = inside(LayerFigures(model, probe, 16).probe_images(1))["input/probe"]
    assert facts == {
        "epoch": 1,
        "names": ["class 0", "class 1", "class 2"],
        "class_names": ["class 0", "class 1", "class 2"],
        "mean": [0.5],
        "std": [0.25],
        "activations": {"first": "relu", "second.0": "relu", "third": None, "third:2": None, "out": None},
    }
    np.testing.assert_array_equal(arrays["images"], dataset.val.images[:3])
    with torch.no_grad():
        logits = model(probe.images)
    assert list(arrays) == ["images", "logits", "vector:out"]
    np.testing.assert_allclose(arrays["logits"], logits, rtol=1e-5)
    np.testing.assert_allclose(arrays["vector:out"], logits, rtol=1e-3)


def test_long_vectors_are_cut(probe: Any) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 5000), nn.ReLU(), nn.Linear(5000, 3))
    _, arrays = inside(LayerFigures(model, probe, 16).probe_images(0))["input/probe"]
    assert arrays["vector:1"].shape == (3, 4096)


@pytest.mark.parametrize("wrap", [lambda logits: {"logits": logits}, lambda logits: logits[:, :, None]])
def test_an_answer_that_is_no_table_of_logits_is_left_out(probe: Any, wrap: Callable[[Tensor], Any]) -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(144, 3)

        def forward(self, images: Tensor) -> Any:
            return wrap(self.out(images.flatten(1)))

    _, arrays = inside(LayerFigures(Wrapped(), probe, 16).probe_images(0))["input/probe"]
    assert list(arrays) == ["images", "vector:out"]
