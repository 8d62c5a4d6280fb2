"""The Layers tab over many runs: how soon it shows the feature maps, and how smoothly it follows the pointer.

A real TensorBoard and a real Chromium, on runs that are one run under many names.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

from benchmarking.browser import STOP, VIEWPORT, WATCH, browser_of, find_chromium, tensorboard
from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from convboard.errors import ConfigError

RUNS = 200
MOVES = 150  # of the pointer
OPENED = (
    "a click on the tab, the first time ever",
    "a click, with the tab's files kept by the browser",
    "an empty page, TensorBoard included, files kept",
)
TRAIN = Path(__file__).parents[2] / "train.py"


def layers_tab(data_dir: str, rounds: int) -> list[Section]:
    """Open the tab and point at feature maps.

    Args:
        data_dir: Where MNIST lies.
        rounds: How often the tab is opened.
    """
    chromium = find_chromium("layers_tab")
    progress = Progress("layers_tab", [2, 1, *[1] * rounds, 2])
    with tempfile.TemporaryDirectory() as folder:
        logdir = Path(folder) / "outputs"
        progress.begin("a run of LeNet on MNIST, 8 short epochs")
        _make_runs(logdir, data_dir)
        progress.begin(f"TensorBoard over {RUNS} runs")
        with tensorboard(logdir, lambda address: _count(address) == RUNS) as address, browser_of(chromium) as browser:
            opened = []
            for number in range(rounds):
                progress.begin(f"opening the tab, round {number + 1} of {rounds}")
                opened.append(_open(browser, address))
            progress.begin(f"pointing at a feature map, {MOVES} moves")
            frames = _point(browser, address)
    opening: list[dict[str, Cell]] = [
        {"from": came, "seconds": median(seconds), "slowest": max(seconds)}
        for came, seconds in zip(OPENED, zip(*opened, strict=True), strict=True)
    ]
    pointing: list[dict[str, Cell]] = [
        {"frames": f"{len(frames)}", "median, ms": median(frames), "longest, ms": max(frames)}
    ]
    return [
        Section(f"Opening the Layers tab with {RUNS} runs", {"from": "", "seconds": ".2f", "slowest": ".2f"}, opening),
        Section("Pointing at its feature maps", {"frames": "", "median, ms": ".1f", "longest, ms": ".1f"}, pointing),
    ]


def _make_runs(logdir: Path, data_dir: str) -> None:
    """Train once, and give the run many names."""
    first = logdir / "mnist/lenet/run-000"
    arguments = [
        "model=lenet",
        "dataset=mnist",
        f"data_dir={data_dir}",
        "trainer.max_epochs=8",
        f"hydra.run.dir={first}",
    ]
    short = [f"trainer.limit_{split}_batches=5" for split in ("train", "val", "test")]
    done = subprocess.run([sys.executable, str(TRAIN), *arguments, *short], capture_output=True, text=True)
    if done.returncode:
        raise ConfigError(f"The run to look at could not be trained: {done.stderr.strip()}")
    (events,) = first.glob("*tfevents*")
    for number in range(1, RUNS):
        copy = first.with_name(f"run-{number:03d}")
        copy.mkdir()
        os.link(events, copy / events.name)


def _count(address: str) -> int:
    """Runs that the tab's backend knows."""
    with urlopen(f"{address}/data/plugin/layers/runs", timeout=30) as answer:
        return len(json.loads(answer.read())["runs"])


def _open(browser: Any, address: str) -> tuple[float, float, float]:
    """Seconds until the tab shows feature maps, as `OPENED` names them, in a browser that knows nothing yet."""
    page = browser.new_context(viewport=VIEWPORT).new_page()
    first, again = _click(page, address), _click(page, address)
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(f"{address}/#layers")
    _maps(page)
    whole = time.perf_counter() - began
    page.context.close()
    return first, again, whole


def _click(page: Any, address: str) -> float:
    """Seconds from a click on the tab, in another one that has come to rest."""
    page.goto("about:blank")
    page.goto(f"{address}/#text")
    tab = page.get_by_role("tab", name="Layers")
    tab.wait_for()
    page.wait_for_load_state("networkidle")
    began = time.perf_counter()
    tab.click()
    _maps(page)
    return time.perf_counter() - began


def _maps(page: Any) -> Any:
    """The first feature map that is shown, once it is."""
    tile = page.frame_locator("iframe").locator("[data-channel]:visible").first
    tile.wait_for()
    return tile


def _point(browser: Any, address: str) -> list[float]:
    """Move the pointer over a feature map and give the times between frames, in milliseconds."""
    page = browser.new_page(viewport=VIEWPORT)
    page.goto(f"{address}/#layers")
    tile = _maps(page)
    box = tile.bounding_box()
    frame = tile.element_handle().owner_frame()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.wait_for_timeout(500)
    frame.evaluate(WATCH)
    for move in range(MOVES):
        along, across = move % 25 / 25, move // 25 / 6
        page.mouse.move(box["x"] + 2 + along * (box["width"] - 4), box["y"] + 2 + across * (box["height"] - 4))
    frames: list[float] = frame.evaluate(STOP)
    return frames
