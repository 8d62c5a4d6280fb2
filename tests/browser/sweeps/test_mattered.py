"""The view What mattered of the Sweeps tab in a real Chromium."""

from statistics import fmean
from typing import Any

import pytest
from playwright.sync_api import expect

from convboard.results.importance import importance
from convboard.results.table import load_runs


def open_mattered(open_tab: Any, **chosen: object) -> Any:
    return open_tab(view="mattered", shows=".importance .bar", **chosen)


def share(fraction: float) -> str:
    percent = 100 * fraction
    return "under 1 %" if 0 < percent < 1 else f"{99 if 99 < percent < 100 else round(percent)} %"


def drag(tab: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag within the parallel coordinates."""
    box = tab.find(".parallel-plot").bounding_box()
    tab.page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=3)
    tab.page.mouse.up()


def test_importance_and_means_are_those_of_results(open_tab: Any, logdir: Any) -> None:
    tab = open_mattered(open_tab)
    table = load_runs(logdir.sweep.folder)
    shares = importance(table.settings())
    bars = {row.locator(".key").inner_text(): row.locator(".number").inner_text() for row in tab.find(".bar").all()}
    assert bars == {key: share(fraction) for key, fraction in shares.items()}
    assert tab.find(".key-plot").count() == 2
    means = sorted(
        f"{100 * fmean(row.value for row in setting.rows if row.value is not None):.2f}" for setting in table.settings()
    )
    assert sorted(tab.find(".heat-map tbody td").all_inner_texts()) == means
    assert tab.find(".heat-map th").all_inner_texts().count("lenet") == 1


def test_a_brush_on_an_axis_filters_the_table_and_a_click_takes_it_away(open_tab: Any) -> None:
    tab = open_mattered(open_tab)
    box = tab.find(".parallel-plot").bounding_box()
    last = box["width"] - 70  # the axis of the objective
    drag(tab, (last, 30), (last, box["height"] / 3))
    expect(tab.find(".filters .quiet").first).to_have_text("2 of 4 settings")
    assert tab.find(".chip").inner_text().startswith("accuracy/val ≥ 9")
    tab.page.keyboard.press("1")
    tab.wait_for_rows("setting 2", "setting 3")
    tab.page.keyboard.press("3")
    drag(tab, (last, 60), (last, 60))
    expect(tab.find(".chip")).to_be_hidden()


def test_an_axis_is_brushed_by_keys(open_tab: Any) -> None:
    tab = open_mattered(open_tab)
    start = tab.find("[role=slider][aria-label='lr, from']")
    tab.find("[role=slider][aria-label='model, from']").focus()
    tab.page.keyboard.press("ArrowRight")
    expect(start).to_be_focused()
    expect(start).to_have_attribute("aria-valuetext", "0.01")
    tab.page.keyboard.press("ArrowUp")
    expect(tab.find(".chip")).to_have_text("lr ≥ 0.1×")
    expect(start).to_have_attribute("aria-valuetext", "0.1")
    tab.page.keyboard.press("Tab")
    expect(tab.find("[role=slider][aria-label='lr, up to']")).to_be_focused()
    tab.page.keyboard.press("Escape")
    expect(tab.find(".chip")).to_be_hidden()


@pytest.mark.thorough
def test_the_setting_that_is_pointed_at_is_told_and_can_be_picked(open_tab: Any) -> None:
    tab = open_mattered(open_tab)
    area = tab.find(".key-plot[data-key=model] .key-area")
    box = area.bounding_box()
    corners = ((x, y) for x in range(54, int(box["width"]), 8) for y in range(4, 40, 6))
    for x, y in corners:  # the best setting is at the top
        tab.page.mouse.move(box["x"] + x, box["y"] + y)
        tab.page.wait_for_timeout(30)
        if tab.find(".tip").is_visible():
            break
    assert tab.find(".tip").inner_text().startswith("model batchnorm_cnn · lr 0.1\n96.73 ± 0.83 %, n 3")
    tab.page.mouse.down()
    tab.page.mouse.up()
    tab.wait_for_link("picked=2")


def test_the_keys_of_the_heat_map_are_chosen(open_tab: Any) -> None:
    tab = open_mattered(open_tab)
    tab.find("select[aria-label='Key across']").select_option("optimizer.lr")
    expect(tab.find(".heat-map thead th")).to_have_text(["0.01", "0.1"])
    tab.wait_for_link("keyX=optimizer.lr", "keyY=model")


@pytest.mark.thorough
def test_a_brush_is_moved_and_keeps_its_length_at_the_end_of_the_axis(open_tab: Any) -> None:
    tab = open_mattered(open_tab)
    box = tab.find(".parallel-plot").bounding_box()
    x = box["width"] - 70
    drag(tab, (x, 60), (x, 120))
    expect(tab.find(".chip")).to_be_visible()
    tab.page.wait_for_timeout(100)  # until the plot has its new size
    box = tab.find(".parallel-plot").bounding_box()
    before = tab.find(".chip").inner_text()
    drag(tab, (x, 80), (x, 80 - box["height"]))  # far beyond the upper end
    drag(tab, (x, 60), (x, box["height"] + 60))
    expect(tab.find(".chip")).not_to_have_text(before)
    expect(tab.find(".filters .quiet").first).to_have_text("1 of 4 settings")  # the worst one
