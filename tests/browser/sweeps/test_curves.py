"""The view Curves of the Sweeps tab in a real Chromium."""

from statistics import fmean, stdev
from typing import Any
from urllib.parse import unquote

from playwright.sync_api import expect

SETTINGS = {
    "2": (2, 6, 10),
    "3": (3, 7),
    "0": (0, 4, 8),
    "1": (1, 5, 9),
}  # that have begun, best setting first


def value(run: int, epoch: int) -> float:
    """What the runs have written."""
    return 0.9 - 0.5 / epoch - 0.01 * run


def percent(values: list[float]) -> str:
    return f"{100 * fmean(values):.2f} ± {100 * stdev(values):.2f} %"


def open_curves(open_tab: Any, **chosen: object) -> Any:
    tab = open_tab(view="curves", shows=".legend .value", **chosen)
    expect(tab.find(".plot-message")).to_be_empty()
    return tab


def legend(tab: Any) -> dict[str, str]:
    """What the legend says of each setting."""
    rows = tab.find(".legend li").all()
    return {str(row.get_attribute("data-setting")): row.locator(".value").inner_text() for row in rows}


def colours(tab: Any) -> set[str]:
    """The colours of the settings that are on the canvas of the curves."""
    is_there = """() => {
        const canvas = document.querySelectorAll(".curve-plot canvas")[1];
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const painted = new Set();
        for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] === 255) painted.add(`rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`);
        const swatches = [...document.querySelectorAll(".legend .swatch")];
        return swatches.map((node) => getComputedStyle(node).backgroundColor).filter((colour) => painted.has(colour));
    }"""
    return set(tab.frame.evaluate(is_there))


def test_the_best_settings_are_drawn_with_mean_and_deviation_over_their_seeds(open_tab: Any) -> None:
    tab = open_curves(open_tab)
    expected = {
        setting: f"{percent([value(run, 10) for run in runs])}n {len(runs)}" for setting, runs in SETTINGS.items()
    }
    assert {setting: text.replace(" n", "n") for setting, text in legend(tab).items()} == expected
    assert len(colours(tab)) == len(SETTINGS) - 1  # two have the same mean, and one line covers the other


def test_the_crosshair_tells_the_values_of_an_epoch(open_tab: Any) -> None:
    tab = open_curves(open_tab, picked="2,1")
    plot = tab.find(".curve-plot")
    plot.focus()
    tab.page.keyboard.press("ArrowRight")
    expect(tab.find(".legend header b")).to_have_text("At epoch 1")
    assert legend(tab)["1"].startswith(percent([value(run, 1) for run in SETTINGS["1"]]))
    tab.page.keyboard.press("ArrowDown")
    expect(tab.find(".legend li.pointed")).to_have_attribute("data-setting", "2")
    tab.page.keyboard.press("ArrowDown")
    expect(tab.find(".legend li.pointed")).to_have_attribute("data-setting", "1")
    tab.page.keyboard.press("ArrowRight")
    expect(tab.find(".legend header b")).to_have_text("At epoch 2")
    box = plot.bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 40)
    expect(tab.find(".legend header b")).to_have_text("At epoch 10")
    expect(tab.find(".legend li.pointed")).to_have_attribute("data-setting", "1")
    tab.page.mouse.move(box["x"] + box["width"] + 100, box["y"] + 400)
    expect(tab.find(".legend header b")).to_have_text("Last values")


def test_tag_axis_band_and_smoothing_are_chosen_and_kept_in_the_link(open_tab: Any) -> None:
    tab = open_curves(open_tab, picked="2")
    tab.find("select[aria-label=Tag]").select_option("loss/val")
    losses = [1 - value(run, 10) for run in SETTINGS["2"]]
    expect(tab.find(".legend .value")).to_contain_text(f"{fmean(losses):.4f} ± {stdev(losses):.4f}")
    tab.find("select[aria-label^=Band]").select_option("range")
    tab.find("button[data-axis=step]").click()
    tab.find("input[aria-label=Smoothing]").fill("0.5")
    tab.find(".curves-view").get_by_label("y", exact=True).check()
    tab.wait_for_link("tag=loss%2Fval", "axis=step", "band=range", "smoothing=0.5", "logY=1")
    tab.find(".curve-plot").focus()
    tab.page.keyboard.press("ArrowRight")
    expect(tab.find(".legend header b")).to_have_text("At step 20")


def test_a_link_restores_the_options(open_tab: Any) -> None:
    tab = open_curves(open_tab, picked="2", tag="loss/val", axis="step", band="range", smoothing=0.5, colourBy="model")
    assert tab.find("select[aria-label=Tag]").input_value() == "loss/val"
    assert tab.find("button[data-axis=step]").get_attribute("aria-pressed") == "true"
    assert tab.find("select[aria-label^=Band]").input_value() == "range"
    assert tab.find("input[aria-label=Smoothing]").input_value() == "0.5"
    assert tab.find("select[aria-label^=Colour]").input_value() == "model"


def test_a_rectangle_is_zoomed_to_and_a_setting_taken_out(open_tab: Any) -> None:
    tab = open_curves(open_tab, picked="2,3")
    box = tab.find(".curve-plot").bounding_box()
    tab.page.mouse.move(box["x"] + 200, box["y"] + 100)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 400, box["y"] + 300)
    tab.page.mouse.up()
    tab.page.wait_for_function("location.hash.includes('zoom=')")
    left, right, bottom, top = (float(end) for end in unquote(tab.page.url.split("zoom=")[1].split("&")[0]).split(","))
    assert 1 < left < right < 10
    assert 0 < bottom < top < 1
    tab = open_curves(open_tab, picked="2,3", zoom=f"{left},{right},{bottom},{top}")
    tab.find(".plot-notes button").click()
    expect(tab.find(".plot-notes button")).to_be_hidden()
    tab.page.wait_for_function("!location.hash.includes('zoom=')")
    tab.find(".legend li[data-setting='2'] .remove").click()
    expect(tab.find(".legend li")).to_have_count(1)
    tab.wait_for_link("picked=%2C3")  # the other one keeps its colour
