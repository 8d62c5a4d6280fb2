"""Networks that no run of these tests is of: a module called twice, odd averages; untrained, not served."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.activations import layer_activations
from convboard.anatomy.summary import network_record
from convboard.board.figures.embedded_arrays import packed_arrays
from convboard.board.layer_figures import LayerFigures
from convboard.board.probe import Probe, choose_probe
from convboard.data.dataset import ImageDataset, Split

SHAPE = (1, 12, 12)


class Twice(nn.Module):
    """A convolution and a linear layer that are called twice; averages that leave padding out and hang over."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.sum = nn.AvgPool2d(3, stride=2, ceil_mode=True, divisor_override=1)
        self.last = nn.Conv2d(4, 4, 1)
        self.linear = nn.Linear(36, 36)
        self.scores = nn.Linear(36, 3)

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.again(self.again(self.first(images)).relu())
        hidden = self.last(self.sum(self.last(self.pool(hidden)))).flatten(1)
        scores: Tensor = self.scores(self.linear(self.linear(hidden)))
        return scores


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(3)
    return Twice().eval()


@pytest.fixture(scope="module")
def probe() -> Probe:
    images = torch.randint(0, 256, (3, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    split = Split(images, torch.arange(3))
    dataset = ImageDataset("random", ("a", "b", "c"), (0.5,), (0.25,), split, split, split)
    return choose_probe(dataset, torch.device("cpu"))


@pytest.fixture(scope="module")
def routes(model: nn.Module, probe: Probe) -> dict[str, Any]:
    """What the server would answer of a run of this network, before its first step."""
    views = LayerFigures(model, probe, max_channels=4)
    drawn = [*views.probe_images(0), *views.kernels(0), *views.feature_maps(0)]
    numbers = {value.tag: packed_arrays(value.image.encoded_image_string) for value in drawn}
    pictures = {tag: [{"step": 0, "key": tag}] for tag in numbers}
    network = {**network_record(model, SHAPE), "name": "Twice", "steps_per_epoch": 1}
    run = {"network": network, "pictures": pictures, "config": {}, "best": None}
    address = "**/data/plugin/layers"
    return {
        f"{address}/run?*": lambda route: route.fulfill(json=run),
        f"{address}/health?*": lambda route: route.fulfill(json={}),
        f"{address}/numbers?*": lambda route: route.fulfill(body=numbers[_key(route.request.url)]),
    }


def _key(address: str) -> str:
    (key,) = parse_qs(urlsplit(address).query)["key"]
    return key


def shown(tab: Any) -> float:
    return float(tab.find(".identity .value").get_attribute("data-value"))


def computed(tab: Any) -> float:
    return float(tab.find(".steps").get_attribute("data-computed"))


UNITS = {
    "again": (1, 5, 6),
    "again:2": (1, 5, 6),  # the second call, of the same shape
    "last:2": (3, 0, 2),  # of another shape
    "linear:2": (20, 0, 0),
    "pool": (2, 0, 0),  # padding does not count
    "sum": (0, 2, 2),  # a window that hangs over, divided by one
}


def test_each_call_has_its_own_numbers(open_tab: Any, model: nn.Module, probe: Probe, routes: Any) -> None:
    tab = open_tab(run="own/twice", routes=routes)
    for layer, unit in UNITS.items():
        tab.follow(run="own/twice", layer=layer, unit=",".join(map(str, unit)), image=1)
        tab.find(".identity h3").get_by_text(f"{layer}, ").wait_for()
        tab.find(".unit-panel").get_by_text("2 of 3").wait_for()
        assert shown(tab) == pytest.approx(truth(model, probe, layer)[unit], rel=2e-3, abs=2e-3), layer
        if layer != "linear:2":  # its weights are in no picture
            assert computed(tab) == pytest.approx(shown(tab), rel=4e-3, abs=4e-3), layer
            assert "They differ" not in tab.find(".arithmetic").inner_text()


@torch.no_grad()
def truth(model: nn.Module, probe: Probe, layer: str) -> Any:
    """What a layer gives for the second image, `[C, H, W]`."""
    layers = layer_activations(model, probe.images, keep_inputs=True)
    following = {"pool": "last", "sum": "last:2"}  # what is given to it
    found = layers[following[layer]].input if layer in following else layers[layer].output
    assert found is not None
    return np.asarray(found[1]).reshape(*found.shape[1:], *(1,) * (4 - found.ndim))
