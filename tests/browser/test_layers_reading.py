"""The Layers tab over TensorBoard's other reader, and over a run that goes on while one looks."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FrameLocator

RUN = "digits/lenet"


def open_in(window: Any, server: Any, step: str = "") -> FrameLocator:
    """The tab on the run's first convolution, once its maps are drawn."""
    window.page.goto(f"{server.address}/#layers&p.layers.run=digits%2Flenet&p.layers.layer=conv1{step}")
    frame: FrameLocator = window.page.frame_locator('iframe[src*="plugin_entry"]')
    frame.locator(".tile[data-channel='0']").first.wait_for()
    return frame


def runs(server: Any) -> list[str]:
    return [run["name"] for run in server.get("data/plugin/layers/runs")["runs"]]


@pytest.mark.thorough
def test_the_slow_reader_shows_the_same(
    finished_run: Path, tmp_path: Path, start_tensorboard: Any, open_window: Any
) -> None:
    shutil.copytree(finished_run / RUN, tmp_path / "outputs" / RUN)
    with start_tensorboard(tmp_path / "outputs", load_fast=False) as server:
        server.wait_until(lambda server: RUN in runs(server))
        window = open_window(server)
        frame = open_in(window, server)
        assert frame.locator(".outputs .tile").count() == 6
        frame.locator(".epoch").get_by_text("epoch 2").wait_for()
        window.leave()  # before the server ends, of which the tab asks more


@pytest.mark.thorough
def test_new_epochs_appear_while_a_run_goes_on(
    finished_run: Path, tmp_path: Path, start_tensorboard: Any, open_window: Any
) -> None:
    (events,) = (finished_run / RUN).glob("*tfevents*")
    content = events.read_bytes()
    growing = tmp_path / "outputs" / RUN / events.name
    growing.parent.mkdir(parents=True)
    growing.write_bytes(content[: content.index(b"gradient_norm/conv1")])  # as far as the middle of epoch 1's end
    with start_tensorboard(tmp_path / "outputs") as server:
        server.wait_until(lambda server: RUN in runs(server))
        window = open_window(server)
        frame = open_in(window, server, "&p.layers.step=0")  # a link to what is the last step by now
        frame.locator(".epoch").get_by_text("untrained").wait_for()
        with growing.open("ab") as file:
            file.write(content[growing.stat().st_size :])
        pictures = "feature_maps/conv1"
        server.wait_until(lambda server: len(server.get("data/plugin/layers/run", run=RUN)["pictures"][pictures]) == 3)
        (inside,) = [found for found in window.page.frames if "plugin_entry" in found.url]
        inside.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as if one came back to the window
        frame.locator(".epoch").get_by_text("epoch 2").wait_for()
        window.leave()
