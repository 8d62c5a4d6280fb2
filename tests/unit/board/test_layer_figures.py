from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convboard.board.layer_figures import LayerFigures
from convboard.board.probe import choose_probe
from convboard.data.dataset import ImageDataset


class HalfDead(nn.Module):
    """Four channels of which one never gets through its ReLU, and six neurons of which two never do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4, 6)
        self.out = nn.Linear(6, 3)
        with torch.no_grad():
            self.conv.bias.fill_(100.0)  # type: ignore[union-attr]
            self.conv.bias[1] = -1000.0  # type: ignore[index]
            self.fc.weight.fill_(0.01)
            self.fc.bias[:2] = -1000.0

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.relu(self.conv(images)).mean((2, 3))
        return self.out(torch.relu(self.fc(hidden)))  # type: ignore[no-any-return]


def views(model: nn.Module, dataset: ImageDataset, max_channels: int = 16) -> LayerFigures:
    return LayerFigures(model, choose_probe(dataset, torch.device("cpu")), max_channels)


def by_tag(values: list[Any]) -> dict[str, Any]:
    found = {value.tag: value for value in values}
    assert len(found) == len(values)
    return found


@pytest.mark.parametrize("chunk", [1, 1 << 30])
def test_dead_units_are_channels_or_neurons_that_no_image_wakes(dataset: ImageDataset, chunk: int) -> None:
    probe = choose_probe(dataset, torch.device("cpu"))
    values = by_tag(LayerFigures(HalfDead(), probe, 16, chunk_bytes=chunk).activations())
    assert values["activations/conv/dead_fraction"].simple_value == pytest.approx(1 / 4)
    assert values["activations/fc/dead_fraction"].simple_value == pytest.approx(2 / 6)
    assert "activations/out/dead_fraction" not in values


def test_histograms_are_of_what_leaves_the_activation(dataset: ImageDataset) -> None:
    values = by_tag(views(HalfDead(), dataset).activations())
    assert values["activations/fc"].histo.min == 0
    assert values["activations/fc"].histo.num == 30 * 6
    assert values["activations/conv"].histo.num == 30 * 4 * 10 * 10
    assert values["activations/out"].histo.num == 30 * 3


def test_every_parameter_has_a_histogram(dataset: ImageDataset) -> None:
    model = HalfDead()
    expected = {f"weights/{name.replace('.', '/')}" for name, _ in model.named_parameters()}
    assert set(by_tag(views(model, dataset).weights())) == expected


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_conv_layer_has_a_picture_of_kernels_and_of_maps(
    make_dataset: Callable[..., ImageDataset], channels: int
) -> None:
    dataset = make_dataset(channels=channels if channels != 2 else 1)
    model = nn.Sequential(nn.Conv2d(dataset.image_shape[0], 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten())
    model.append(nn.Linear(200, 3))
    seen = views(model, dataset)
    assert set(by_tag(seen.kernels(0))) == {"kernels/0", "kernels/2"}
    maps = by_tag(seen.feature_maps(0))
    assert set(maps) == {"feature_maps/0", "feature_maps/2"}
    for value in maps.values():
        with Image.open(BytesIO(value.image.encoded_image_string)) as picture:
            assert picture.size == (value.image.width, value.image.height)


def test_only_so_many_channels_are_drawn(dataset: ImageDataset) -> None:
    model = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1200, 3))
    (few,), (many,) = (views(model, dataset, most).feature_maps(1) for most in (2, 12))
    assert few.image.width < many.image.width


def test_a_network_that_is_one_bare_layer_is_looked_at(dataset: ImageDataset) -> None:
    seen = views(nn.Conv2d(1, 3, 3), dataset)
    assert set(by_tag(seen.kernels(1))) == {"kernels/Conv2d"}
    assert set(by_tag(seen.feature_maps(1))) == {"feature_maps/Conv2d"}
    assert set(by_tag(seen.activations())) == {f"activations/Conv2d{kind}" for kind in ("", "/mean", "/std")}
