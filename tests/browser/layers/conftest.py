"""Short runs of three networks, a TensorBoard over them, and the Layers tab opened in it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from board_loop import Loop, smooth_images, write_run
from commands import MakeOnce
from convboard import build_model
from opened_tab import OpenedTab
from residual_network import ResidualNetwork

SHOWS = ".layer h2"
LENET, OTHER_LENET = "mnist/lenet", "mnist/other"
QUICK, RESNET = "cifar10/cifar10_quick", "cifar10/residual"
DIGITS = tuple(map(str, range(10)))
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def write_runs(logdir: Path) -> None:
    """Write a short run of each network, as a training would leave it."""
    digits = smooth_images("mnist", DIGITS, (1, 32, 32), train=320)
    things = smooth_images("cifar10", THINGS, (3, 32, 32), train=80)
    runs: dict[str, Any] = {
        LENET: (digits, "lenet", {"steps": 40, "lr": 0.02}),
        OTHER_LENET: (digits, "lenet", {"steps": 20, "epochs": 1, "seed": 2, "lr": 0.02}),
        QUICK: (things, "cifar10_quick", {"steps": 10, "epochs": 1, "lr": 0.02}),
        RESNET: (things, "residual", {"steps": 2, "epochs": 1, "lr": 0.02}),
    }
    for run, (dataset, model, arguments) in runs.items():
        make = ResidualNetwork if run == RESNET else partial(build_model, model, dataset.image_shape, 10)
        write_run(logdir / run, Loop(dataset, make, batch=8, **arguments), model)


@pytest.fixture(scope="session")
def logdir(make_once: MakeOnce) -> Path:
    """A log directory with a short run of each network."""
    return make_once("layers", write_runs)


@pytest.fixture(scope="session")
def server(logdir: Path, start_tensorboard: Any) -> Iterator[Any]:
    with start_tensorboard(logdir) as server:
        server.wait_until(lambda server: len(server.get("data/plugin/layers/runs")["runs"]) == 4)
        yield server


class Tab(OpenedTab):
    """The Layers tab."""

    name = "layers"

    def unit(self, channel: int, row: int, column: int) -> None:
        """Point at a unit of a feature map of the first run, and wait until its value is shown."""
        scale = float(self.find(".maps").first.get_attribute("data-scale") or 0)
        tile = self.find(f'.tile[data-channel="{channel}"]').first
        tile.hover(position={"x": (column + 0.5) * scale, "y": (row + 0.5) * scale})
        self.find(".identity").get_by_text(f"row {row}, column {column}", exact=True).wait_for()


OpenTab = Callable[..., Tab]


@pytest.fixture
def open_tab(server: Any, open_window: Any) -> OpenTab:
    """Open the tab by a link: `open_tab(run=…, layer=…, unit="0,1,2")`; see `OpenedTab.open`."""

    def open_tab(
        *, size: tuple[int, int] = (1280, 800), shows: str = SHOWS, routes: Any = None, **chosen: object
    ) -> Tab:
        return shown(Tab.open(open_window, server, chosen, size=size, routes=routes), shows, chosen)

    return open_tab


@pytest.fixture
def open_in_tensorboard(server: Any, open_window: Any) -> OpenTab:
    """The same in TensorBoard's own page, among its other tabs."""

    def open_in_tensorboard(*, shows: str = SHOWS, **chosen: object) -> Tab:
        return shown(Tab.open_in_tensorboard(open_window, server, chosen), shows, chosen)

    return open_in_tensorboard


def shown(tab: Tab, selector: str, chosen: dict[str, object]) -> Tab:
    """The tab, once it shows what it was opened for."""
    tab.find(selector).first.wait_for()
    if selector == SHOWS:
        tab.find(".verdict" if chosen.get("view") == "health" else ".about .sentence").first.wait_for()
    return tab
