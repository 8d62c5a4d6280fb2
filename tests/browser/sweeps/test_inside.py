"""The view Inside of the Sweeps tab in a real Chromium, over a sweep of which some runs have pictures."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect

from board_loop import Loop, smooth_images, write_run
from commands import MakeOnce
from convboard import build_model
from convboard.board.figures.embedded_arrays import unpack
from synthetic_sweep import Outcome, grid, write_sweep

SWEEP = "sweeps/inside"
BARE = "sweeps/bare"
DIGITS = tuple(map(str, range(10)))
AXES: dict[str, list[Any]] = {"optimizer.lr": [0.02, 0.01, 0.001], "seed": [1, 2]}
VALUES = (0.9, 0.8, 0.7, 0.9, 0.8, 0.7)  # of the trials: 0 and 3 are of the best setting, 1 and 4 of the second
PICTURED = {0: 1, 3: 2, 1: 3}  # seed of the network by trial; the setting of 2 and 5 has no pictures


def write_runs(logdir: Path) -> None:
    """Write a sweep of which three runs have pictures, and one without any."""
    images = smooth_images("mnist", DIGITS, (1, 32, 32), train=80)
    sweep = write_sweep(logdir / SWEEP, grid(AXES), [Outcome(value=value) for value in VALUES])
    for trial, seed in PICTURED.items():
        make = partial(build_model, "lenet", images.image_shape, 10)
        write_run(sweep.run_dir(trial), Loop(images, make, steps=4, seed=seed, lr=0.02), "lenet")
    write_sweep(logdir / BARE, grid({"seed": [1, 2]}), [Outcome(), Outcome()])


@pytest.fixture(scope="module")
def server(make_once: MakeOnce, start_tensorboard: Any) -> Iterator[Any]:
    with start_tensorboard(make_once("inside", write_runs)) as server:
        server.wait_until(is_read)
        yield server


def pictured(server: Any) -> list[str]:
    runs: list[str] = server.get("data/plugin/sweeps/pictured", folder=SWEEP)["runs"]
    return runs


def steps(server: Any, run: str) -> dict[str, list[int]]:
    """The steps of the pictures of a run by tag."""
    pictures = server.get("data/plugin/sweeps/pictures", run=run)["pictures"]
    return {tag: [picture["step"] for picture in found] for tag, found in pictures.items()}


def is_read(server: Any) -> bool:
    """Whether the server has read all that the runs have written: the confusion matrix is the last of it."""
    last = [steps(server, run).get("confusion_matrix/val", [0])[-1] for run in pictured(server)]
    return last == [8] * len(PICTURED)


def run_name(lr: float, seed: int) -> str:
    return f"{SWEEP}/optimizer.lr={lr},seed={seed}"


def arrays(server: Any, run: str, tag: str, index: int = -1) -> dict[str, NDArray[Any]]:
    """The arrays in a picture of a run, its last one if no other is asked for."""
    key = server.get("data/plugin/sweeps/pictures", run=run)["pictures"][tag][index]["key"]
    return unpack(server.get("data/plugin/sweeps/numbers", key=key))[1]


def maps(server: Any, run: str, layer: str, image: int, index: int = -1) -> NDArray[Any]:
    """The feature maps after the ReLU."""
    found: NDArray[Any] = arrays(server, run, f"feature_maps/{layer}", index)["before"][image].clip(0)
    return found.astype(np.float64)


def open_inside(open_tab: Any, **chosen: object) -> Any:
    return open_tab(view="inside", shows=".inside-card", folder=SWEEP, **chosen)


def runs(tab: Any) -> list[str]:
    return [str(card.get_attribute("data-run")) for card in tab.find(".inside-card[data-run]").all()]


def number(text: str) -> float:
    return float(text.rsplit(" ", 1)[-1].replace("−", "-"))


def about(tab: Any) -> list[str]:
    return [str(text) for text in tab.find(".inside-card .about").all_inner_texts()]


def test_feature_maps_of_the_best_settings_with_pictures_are_on_one_scale(open_tab: Any, server: Any) -> None:
    tab = open_inside(open_tab)
    expect(tab.find(".inside-card canvas").first).to_be_visible()
    shown = runs(tab)
    assert shown == [run_name(0.02, 1), run_name(0.01, 1)]
    largest = [maps(server, run, "conv1", 0).max() for run in shown]
    assert [number(text) for text in about(tab)] == pytest.approx(largest, rel=0.01)
    assert about(tab)[0].startswith("epoch 2 · 6 maps of 28×28 · up to ")
    assert number(tab.find(".inside-heading .ticks span").last.inner_text()) == pytest.approx(max(largest), rel=0.01)
    assert tab.find(".inside-heading").inner_text().startswith("Feature maps of conv1\nafter ReLU")


def test_a_place_is_shown_in_all_runs_with_their_numbers(open_tab: Any, server: Any) -> None:
    tab = open_inside(open_tab, image=3, seeds="all")
    assert runs(tab) == [run_name(0.02, 1), run_name(0.02, 2), run_name(0.01, 1)]
    view = tab.find(".maps").first
    scale = int(str(view.get_attribute("data-scale")))
    tab.find(".maps .tile[data-channel='2']").first.hover(position={"x": 9.5 * scale, "y": 12.5 * scale})
    expect(tab.find(".inside-card .about b")).to_have_count(3)
    found = [maps(server, run, "conv1", 3)[2, 12, 9] for run in runs(tab)]
    assert [number(text) for text in about(tab)] == pytest.approx(found, rel=0.01, abs=0.001)
    assert all(text.startswith("map 2, (12, 9): ") for text in about(tab))
    assert tab.find(".unit.pointed:visible").count() == 3


@pytest.mark.thorough
def test_layer_epoch_and_image_are_chosen_by_keys_and_kept_in_the_link(open_tab: Any, server: Any) -> None:
    tab = open_inside(open_tab)
    tab.find(".inside-card canvas").first.wait_for()
    for key in ("ArrowDown", "ArrowLeft", "ArrowLeft", "]"):
        tab.page.keyboard.press(key)
    tab.wait_for_link("layer=conv2", "epoch=0", "image=1")
    expect(tab.find(".inside-card .about").first).to_contain_text("untrained · 16 maps of 10×10")
    link = str(tab.find(".inside-card h3 a").first.get_attribute("href"))
    assert link.split("#layers&")[1].split("&")[1:] == ["p.layers.layer=conv2", "p.layers.step=0", "p.layers.image=1"]
    largest = [maps(server, run, "conv2", 1, 0).max() for run in runs(tab)]
    assert [number(text) for text in about(tab)] == pytest.approx(largest, rel=0.01)
    tab.page.keyboard.press(" ")
    expect(tab.find(".inside-card .about").first).to_contain_text("epoch 2")  # it plays to the end
    tab.wait_for_link("layer=conv2", without="p.sweeps.epoch=")


def test_kernels_are_on_one_scale_too(open_tab: Any, server: Any) -> None:
    tab = open_inside(open_tab, layer="conv2")
    tab.find("button[data-shows=kernels]").click()
    expect(tab.find(".inside-heading h2")).to_have_text("Weights of conv2")
    expect(tab.find(".inside-card .about").first).to_contain_text("16 kernels of 6×5×5")
    largest = [np.abs(arrays(server, run, "kernels/conv2")["weight"]).max() for run in runs(tab)]
    assert [number(text) for text in about(tab)] == pytest.approx(largest, rel=0.01)
    ticks = tab.find(".inside-heading .ticks span").all_inner_texts()
    assert [number(text) for text in ticks] == pytest.approx([-max(largest), 0, max(largest)], rel=0.01)
    tab.find("select[aria-label=Layer]").select_option("fc1")
    expect(tab.find(".inside-card .about").first).to_contain_text("120 units of 400")
    tab.wait_for_link("shows=kernels", "layer=fc1")


def test_a_weight_that_is_pointed_at_is_told_in_all_runs(open_tab: Any, server: Any) -> None:
    tab = open_inside(open_tab, layer="conv2")
    tab.find("button[data-shows=kernels]").click()
    tab.find(".inside-card .kernels canvas").first.hover(position={"x": 4, "y": 17})  # below the first number
    expect(tab.find(".inside-card .place")).to_have_text([re.compile("^kernel 0, input channel 0, .0, 0.: ")] * 2)
    found = [arrays(server, run, "kernels/conv2")["weight"][0, 0, 0, 0] for run in runs(tab)]
    assert [number(text) for text in about(tab)] == pytest.approx(found, rel=0.01, abs=0.001)
    assert tab.find(".kernels .unit.pointed:visible").count() == 2
    tab.find("select[aria-label=Layer]").select_option("fc2")
    expect(tab.find(".inside-card .said").first).to_contain_text("84 units of 120")
    tab.find(".inside-card .kernels canvas").first.hover(position={"x": 0, "y": 0})
    expect(tab.find(".inside-card .place").first).to_have_text(re.compile("^unit 0, input 0: "))


def test_the_difference_of_two_confusion_matrices(open_tab: Any, server: Any) -> None:
    tab = open_inside(open_tab, picked="0,1")
    tab.find("button[data-shows=confusion]").click()
    expect(tab.find(".inside-card .confusion")).to_have_count(3)
    counts = [arrays(server, run, "confusion_matrix/val")["counts"] for run in runs(tab)]
    shares = [100 * each / each.sum(axis=1, keepdims=True).clip(1) for each in counts]
    right = [f"epoch 2 · {100 * np.trace(each) / each.sum():.2f} % right" for each in counts]
    assert about(tab)[:2] == right
    row, column = np.unravel_index(np.abs(shares[1] - shares[0]).argmax(), shares[0].shape)
    place = cell(tab, int(row), int(column))
    tab.page.mouse.move(*place)
    expect(tab.find(".inside-card .about b")).to_have_count(3)
    words = about(tab)
    total = int(counts[0][row].sum())
    assert words[0].startswith(f"{row} as {column}: {int(counts[0][row, column])} of {total} ")
    points = number(words[2].removesuffix(" points").split(" points")[0])
    assert points == pytest.approx((shares[1] - shares[0])[row, column], abs=0.5)


def cell(tab: Any, row: int, column: int) -> tuple[float, float]:
    """The place of a cell of the first matrix in the window: moving over its diagonal tells where the cells are."""
    box = tab.find(".confusion").first.bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    frame = tab.find(".confusion .unit.pointed").first
    expect(frame).to_be_visible()
    last = frame.bounding_box()
    side = last["width"]
    return last["x"] + side / 2 - (9 - column) * side, last["y"] + side / 2 - (9 - row) * side


def test_runs_without_pictures_say_how_to_draw_them(open_tab: Any) -> None:
    tab = open_inside(open_tab, picked="0,2")
    bare = tab.find(".inside-card").nth(1)
    expect(bare).to_contain_text("This run has no pictures.")
    expect(bare.locator("pre")).to_contain_text("scripts/runs.py pictures ")
    expect(bare.locator("pre")).to_contain_text(f"/{run_name(0.001, 1)}")
    tab = open_tab(view="inside", shows=".inside-message h2", folder=BARE)
    expect(tab.find(".inside-message pre")).to_contain_text("/sweeps/bare best=5")


@pytest.mark.parametrize("size", [(1280, 800), (900, 700)])
def test_the_view_fits_its_window(open_tab: Any, size: tuple[int, int]) -> None:
    tab = open_inside(open_tab, size=size, seeds="all")
    tab.find(".inside-card canvas").first.wait_for()
    assert tab.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.frame.evaluate(
        "[...document.querySelectorAll('.inside-card')].every(c => c.scrollWidth <= c.clientWidth)"
    )


@pytest.mark.thorough
def test_the_slow_reader_gives_the_same_pictures(make_once: MakeOnce, server: Any, start_tensorboard: Any) -> None:
    with start_tensorboard(make_once("inside", write_runs), load_fast=False) as slow:
        slow.wait_until(is_read)
        assert pictured(slow) == pictured(server)
        for run in pictured(server):
            assert steps(slow, run) == steps(server, run)
            np.testing.assert_array_equal(maps(slow, run, "conv2", 0), maps(server, run, "conv2", 0))
