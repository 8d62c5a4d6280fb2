"""Takes the README's pictures of TensorBoard, and sees that they are there and small.

They are kept where CONVBOARD_SCREENSHOTS says, of the log directory that CONVBOARD_LOGDIR names:

    python train.py model=lenet dataset=mnist trainer.max_epochs=5
    CONVBOARD_SCREENSHOTS=docs/images CONVBOARD_LOGDIR=outputs pytest tests/browser/test_screenshots.py
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FloatRect, Page

MOST_BYTES = 300_000
WIDE = 1600  # pixels in which TensorBoard has room for the names of all tabs, beside its list of inactive ones
BESIDE_THE_MENU: FloatRect = {"x": 320, "y": 64, "width": 560, "height": 936}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.environ.get("CONVBOARD_SCREENSHOTS", tmp_path))


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, start_tensorboard: Any) -> Iterator[Any]:
    given = os.environ.get("CONVBOARD_LOGDIR")
    logdir = Path(given) if given else request.getfixturevalue("finished_run")
    with start_tensorboard(logdir) as server:
        server.wait_until(lambda server: any("accuracy/test" in tags for tags in all_tags(server)))
        yield server


def all_tags(server: Any) -> list[dict[str, Any]]:
    return list(server.get("data/plugin/scalars/tags").values())


def take(page: Page, path: Path, clip: FloatRect | None = None) -> None:
    """Take a picture, in 256 colours, once nothing moves any more."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)  # charts and sliders glide to their places
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, animations="disabled", clip=clip)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=8)  # keeps rare hues
    small.save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES
    with Image.open(path) as picture:
        assert np.asarray(picture.convert("L")).std() > 10  # not an empty page


def test_scalars(server: Any, open_window: Any, folder: Path) -> None:
    view = "scalars&_smoothingWeight=0&_ignoreYOutliers=false&tagFilter=^(accuracy|loss)/(train|val)"
    page = open_window(server, WIDE, 780).open(view, "accuracy/train")
    take(page, folder / "scalars.png")


def test_images(server: Any, open_window: Any, folder: Path) -> None:
    page = open_window(server, WIDE, 1320).open("images&tagFilter=(kernels|feature_maps)/conv1", "kernels/conv1")
    page.get_by_text("Show actual image size").click()
    take(page, folder / "images.png")


def test_graph(server: Any, open_window: Any, folder: Path) -> None:
    page = open_window(server, 1280, 1000).open_graph()
    page.wait_for_timeout(1000)  # it glides open
    page.get_by_text("Fit to screen").click()
    take(page, folder / "graph.png", clip=BESIDE_THE_MENU)


def test_layers(server: Any, open_window: Any, folder: Path) -> None:
    chosen = "&p.layers.layer=conv1&p.layers.image=5&p.layers.unit=2,12,14"
    page = open_window(server, WIDE, 900).open(f"layers{chosen}", "conv1")
    page.frame_locator("iframe").locator("[data-computed]").first.wait_for()
    take(page, folder / "layers.png")
