"""A sweep of four settings with three seeds, a TensorBoard over it, and the Sweeps tab opened in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from convboard.board.event_file import EventFile
from convboard.board.summaries import scalar
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from opened_tab import OpenedTab
from synthetic_sweep import Outcome, grid, write_sweep

ROWS = ".rows .row"
FOLDER = "sweeps/first"
ODD_FOLDER = "sweeps/<b>&\"'🦆"
ODD = ('"><img src=x onerror=fail()>', "quotes ' and \"", "emoji 🦆", "spaces  and\ttabs")
AXES: dict[str, list[Any]] = {"model": ["lenet", "batchnorm_cnn"], "optimizer.lr": [0.1, 0.01], "seed": [1, 2, 3]}
MEANS = (0.91, 0.82, 0.97, 0.95)  # of the settings, in the order of the grid
REASON = '<img src=x onerror="document.title = 1"> RuntimeError: out of memory'


def outcomes() -> list[Outcome]:
    """What has become of the trials: the last seed of the worst setting fails, and runs and waits of two others."""
    ended = [Outcome(value=round(mean + shift, 4)) for shift in (0.0, 0.004, -0.012) for mean in MEANS]
    ended[8] = Outcome(State.RUNNING, epochs=4)
    ended[9] = Outcome(State.FAILED, reason=REASON, epochs=2)
    ended[11] = Outcome(State.WAITING)
    return ended


def write_curves(sweep: Sweep) -> None:
    """Write the event files of the runs that have begun: a curve of ten epochs for each metric."""
    for trial in sweep.trials:
        run_dir = sweep.run_dir(trial.number)
        if run_dir.exists():
            events = EventFile.create(run_dir)
            for epoch in range(1, 11):
                value = 0.9 - 0.5 / epoch - 0.01 * trial.number
                events.write([scalar("accuracy/val", value), scalar("loss/val", 1 - value)], 20 * epoch)
            events.close()


def write_runs(logdir: Path) -> Sweep:
    """Write the sweep with its event files, and one whose names are odd."""
    write_sweep(logdir / ODD_FOLDER, [{"note": text} for text in ODD], [Outcome()] * len(ODD))
    sweep = write_sweep(logdir / FOLDER, grid(AXES), outcomes())
    write_curves(sweep)
    return sweep


@dataclass(frozen=True)
class Logdir:
    """A log directory, and the sweep in it."""

    path: Path
    sweep: Sweep


@pytest.fixture(scope="session")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Logdir:
    """A log directory with two sweeps, of this process: its runs run as long as the tests do."""
    path = tmp_path_factory.mktemp("sweeps")
    return Logdir(path, write_runs(path))


@dataclass(frozen=True)
class Odd:
    """A sweep with odd names: its folder, and the values that tell its runs apart."""

    folder: str = ODD_FOLDER
    values: tuple[str, ...] = ODD


@pytest.fixture
def odd(logdir: Logdir) -> Odd:
    """The sweep with odd names."""
    return Odd()


@pytest.fixture(scope="session")
def server(logdir: Logdir, start_tensorboard: Any) -> Iterator[Any]:
    with start_tensorboard(logdir.path) as server:
        server.wait_until(lambda server: len(server.get("data/plugin/sweeps/tags", folder=FOLDER)) == 2)
        yield server


class Tab(OpenedTab):
    """The Sweeps tab."""

    name = "sweeps"

    def rows(self) -> list[str]:
        """The keys of the rows of the table from top to bottom."""
        rows = self.find(".pinned .row, .rows .row").all()
        return [str(row.get_attribute("data-key")) for row in rows]

    def row(self, key: str) -> Locator:
        """A row by its key, such as `setting 2`."""
        return self.find(f'.row[data-key="{key}"]')

    def texts(self, column: str) -> list[str]:
        """The texts of a column of figures, such as `objective`."""
        return self.find(f".of-setting .of-{column}").all_inner_texts()

    def sort(self, column: str) -> None:
        self.find(f'[data-column="{column}"] .sorter').click()

    def open_filter(self, column: str) -> Locator:
        """The menu that filters by a column."""
        self.find(f'[data-column="{column}"] .funnel').click()
        return self.find(".menu")

    def wait_for_rows(self, *keys: str) -> None:
        """Wait until the table has exactly these rows."""
        is_so = """(keys) => JSON.stringify(keys) === JSON.stringify(
            [...document.querySelectorAll(".pinned .row, .rows .row")].map((row) => row.dataset.key))"""
        self.frame.wait_for_function(is_so, arg=list(keys))


OpenTab = Callable[..., Tab]


@pytest.fixture
def open_tab(server: Any, open_window: Any) -> OpenTab:
    """Open the tab by a link: `open_tab(sort="optimizer.lr")`; see `OpenedTab.open`."""

    def open_tab(
        *, size: tuple[int, int] = (1280, 800), shows: str = ROWS, routes: Any = None, **chosen: object
    ) -> Tab:
        tab = Tab.open(open_window, server, {"folder": FOLDER, **chosen}, size=size, routes=routes)
        tab.find(shows).first.wait_for()
        return tab

    return open_tab


@pytest.fixture
def open_in_tensorboard(server: Any, open_window: Any) -> OpenTab:
    """The same in TensorBoard's own page, among its other tabs."""

    def open_in_tensorboard(**chosen: object) -> Tab:
        tab = Tab.open_in_tensorboard(open_window, server, {"folder": FOLDER, **chosen})
        tab.find(ROWS).first.wait_for()
        return tab

    return open_in_tensorboard
