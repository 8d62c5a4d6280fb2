"""Takes the README's pictures of TensorBoard and of a sweep, and sees that they are there and small.

They are kept where CONVBOARD_SCREENSHOTS says, of the log directory that CONVBOARD_LOGDIR names:

    python train.py model=lenet dataset=mnist trainer.max_epochs=5
    CONVBOARD_SCREENSHOTS=docs/images CONVBOARD_LOGDIR=outputs pytest tests/browser/test_screenshots.py

Those of a sweep are of the README's own, in a terminal; what is kept is a sweep of whole runs.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, FloatRect, Page

from commands import ROOT
from pages import commands
from terminal import as_svg, frames, run_in_terminal

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


@pytest.mark.thorough
def test_scalars(server: Any, open_window: Any, folder: Path) -> None:
    view = "scalars&_smoothingWeight=0&_ignoreYOutliers=false&tagFilter=^(accuracy|loss)/(train|val)"
    page = open_window(server, WIDE, 780).open(view, "accuracy/train")
    take(page, folder / "scalars.png")


@pytest.mark.thorough
def test_images(server: Any, open_window: Any, folder: Path) -> None:
    page = open_window(server, WIDE, 1320).open("images&tagFilter=(kernels|feature_maps)/conv1", "kernels/conv1")
    page.get_by_text("Show actual image size").click()
    take(page, folder / "images.png")


@pytest.mark.thorough
def test_graph(server: Any, open_window: Any, folder: Path) -> None:
    page = open_window(server, 1280, 1000).open_graph()
    page.wait_for_timeout(1000)  # it glides open
    page.get_by_text("Fit to screen").click()
    take(page, folder / "graph.png", clip=BESIDE_THE_MENU)


@pytest.mark.thorough
def test_layers(server: Any, open_window: Any, folder: Path) -> None:
    chosen = "&p.layers.layer=conv1&p.layers.image=5&p.layers.unit=2,12,14"
    page = open_window(server, WIDE, 900).open(f"layers{chosen}", "conv1")
    page.frame_locator("iframe").locator("[data-computed]").first.wait_for()
    take(page, folder / "layers.png")


COLUMNS = 104
SHORT = ("trainer.max_epochs=2", *(f"trainer.limit_{split}_batches=1" for split in ("train", "val", "test")))


@dataclass(frozen=True)
class Swept:
    """The first sweep of the README, trained in a terminal.

    Attributes:
        logdir: The log directory.
        typed: Its command.
        written: What was in the terminal, from the start to the end.
    """

    logdir: Path
    typed: str
    written: list[list[str]]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    folder = tmp_path_factory.mktemp("swept")
    shown = next(given for given in commands("README.md") if "-m" in given.arguments)
    limits = () if "CONVBOARD_SCREENSHOTS" in os.environ else SHORT
    (folder / "train.py").symlink_to(ROOT / "train.py")  # so that the commands that are printed are those of a checkout
    command = [sys.executable, "train.py", *shown.arguments, *limits]
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("UV", None)
    written = frames(run_in_terminal(command, folder, environment, (40, COLUMNS)))
    return Swept(folder / "outputs", f"$ python {shown.program} {shlex.join(shown.arguments)}", written)


@pytest.mark.thorough
def test_sweep(context: BrowserContext, folder: Path, swept: Swept) -> None:
    """The terminal in the middle of the sweep, and its end."""
    middle = max(swept.written[:-1], key=lambda lines: (how_full(lines), len(lines)))
    end = swept.written[-1]
    begin = next(number for number, line in enumerate(end) if "ranking" in line)
    for name, lines in (("sweep", [swept.typed, *middle]), ("ranking", end[begin:])):
        page = context.new_page()
        page.set_content(as_svg(lines, COLUMNS).replace("<svg ", '<svg width="1040" ', 1))
        take(page, folder / f"{name}.png", clip=page.locator("svg").bounding_box())
        page.close()


@pytest.mark.thorough
def test_sweeps_tab(swept: Swept, start_tensorboard: Any, open_window: Any, folder: Path) -> None:
    with start_tensorboard(swept.logdir) as server:
        server.wait_until(lambda server: len(all_tags(server)) == 18)
        for view, shows, name, height in VIEWS_OF_SWEEPS:
            # The best setting and the worst, whose seeds differ most, with their runs.
            page = open_window(server, WIDE, height).open(f"sweeps&p.sweeps.view={view}&p.sweeps.expanded=3,0", shows)
            if view == "table":
                rows = page.frame_locator("iframe").locator(".rows .of-setting")
                for place in (0, 1, 3):
                    rows.nth(place).locator(".pick").click()
                rows.nth(1).click()
                page.frame_locator("iframe").locator(".difference").wait_for()
            take(page, folder / f"{name}.png")


VIEWS_OF_SWEEPS = (
    ("table", "rank", "sweeps", 860),
    ("curves", "Last values", "sweeps_curves", 760),
    ("mattered", "Importance", "sweeps_mattered", 860),
    ("inside", "one scale for all runs", "sweeps_inside", 860),
)


def how_full(lines: list[str]) -> int:
    """Return how many running trials a picture shows with their metric, or 0 if the sweep is not about half done."""
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(lines))
    counts = re.search(r"(\d+) of (\d+) ·", text)
    if counts is None or not 0.4 < int(counts[1]) / int(counts[2]) < 0.7:
        return 0
    return len(re.findall(r"━ +\d+\.\d\d% +[\d,]+ +\d+ s$", text, re.MULTILINE))
