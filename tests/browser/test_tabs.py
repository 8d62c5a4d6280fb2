"""Every tab of TensorBoard over a real run, in a real Chromium: what was written is seen, and nothing goes wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RUN = "digits/lenet"


@pytest.fixture(scope="module")
def server(finished_run: Path, start_tensorboard: Any) -> Iterator[Any]:
    with start_tensorboard(finished_run) as server:
        server.wait_until(lambda server: "accuracy/test" in server.get("data/plugin/scalars/tags").get(RUN, {}))
        yield server


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("tab", "shows"),
    [
        ("timeseries", "accuracy/train"),
        ("scalars", "accuracy/train"),
        ("custom_scalars", "train over val"),
        ("distributions", "activations/conv1"),
        ("histograms", "activations/conv1"),
        ("text", "environment"),
        ("pr_curves", "precision_recall/0"),
        ("hparams", RUN),
        ("projector", "PCA"),
    ],
)
def test_the_tab_shows_the_run(server: Any, open_window: Any, tab: str, shows: str) -> None:
    window = open_window(server)
    window.open(tab, shows)
    window.page.wait_for_load_state("networkidle")


def test_pictures_are_shown_with_a_slider_over_the_epochs(server: Any, open_window: Any) -> None:
    page = open_window(server).open("images&tagFilter=kernels%2Fconv1", "kernels/conv1")
    picture = page.locator("tf-image-loader img").first
    picture.wait_for()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    slider = page.locator("tf-image-loader paper-slider").first
    assert slider.get_attribute("aria-valuemax") == "2"  # epochs 0, 1 and 2


@pytest.mark.thorough
def test_the_projector_shows_the_images_of_the_validation_split(server: Any, open_window: Any) -> None:
    page = open_window(server).open("projector", "PCA")
    page.frames[-1].locator(".numDataPoints").filter(has_text="250").wait_for()


@pytest.mark.thorough
def test_the_graph_opens_down_to_its_layers(server: Any, open_window: Any) -> None:
    page = open_window(server).open_graph()
    layers = {node.get_attribute("data-name") for node in page.locator("g.node").all()}
    assert {"LeNet/Conv2d[conv1]", "LeNet/ReLU[relu4]", "LeNet/Linear[fc3]"} <= layers
