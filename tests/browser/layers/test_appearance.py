"""Appearance of the Layers tab: comparable sizes, readable text, labelled scales, a stable layout."""

from typing import Any

import pytest

LENET, OTHER_LENET, QUICK = "mnist/lenet", "mnist/other", "cifar10/cifar10_quick"
RESNET = "cifar10/residual"

SLAB = """layer => {
    const part = (name) => document.querySelector(`[data-layer="${layer}"] .slab .${name}`).getBBox();
    return { height: Math.round(10 * part("side").height), depth: Math.round(10 * part("front").width) };
}"""
TOO_SMALL = """() => [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && [...node.childNodes].some((child) => child.data?.trim()))
    .filter((node) => parseFloat(getComputedStyle(node).fontSize) < 12).map((node) => node.outerHTML)"""
TOO_WIDE = """() => [...document.querySelectorAll(".panel, .panel .scroll")]
    .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.className)"""
DRAWN_ANEW = """async (width) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    while (innerWidth !== width) await frame();
    for (let i = 0; i < 5; i++) await frame();
}"""
PLACES = """() => [...document.querySelectorAll(".outputs, .kernel-section, .seen, .steps, .steps > *, .check")]
    .map((node) => Math.round(node.getBoundingClientRect().y))"""


def test_solids_show_size_and_depth_on_one_scale(open_tab: Any) -> None:
    tab = open_tab(run=LENET)
    conv1, pool1, conv2, pool2 = (tab.frame.evaluate(SLAB, layer) for layer in ("conv1", "pool1", "conv2", "pool2"))
    assert conv1["height"] > pool1["height"] > conv2["height"] > pool2["height"]
    assert conv1["depth"] == pool1["depth"] < conv2["depth"] == pool2["depth"]
    assert tab.find('[data-layer="relu1"] .slab').count() == 0  # it leaves the shape as it is
    tab = open_tab(run=RESNET, layer="layer2.0.downsample.0")
    main, beside = (tab.frame.evaluate(SLAB, f"layer2.0.{name}") for name in ("conv1", "downsample.0"))
    assert main == beside


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param({"run": LENET, "layer": "conv2", "unit": "2,4,5"}, id="unit"),
        pytest.param({"run": LENET, "layer": "fc3", "compare": OTHER_LENET}, id="scores of two runs"),
        pytest.param({"run": RESNET, "layer": "layer2.0.downsample.0", "view": "health"}, id="health"),
    ],
)
def test_text_is_readable_and_fits(open_tab: Any, chosen: dict[str, str]) -> None:
    tab = open_tab(**chosen)
    assert tab.frame.evaluate(TOO_SMALL) == []
    for width in (1280, 1024, 800):
        tab.page.set_viewport_size({"width": width, "height": 700})
        tab.frame.evaluate(DRAWN_ANEW, width)
        assert tab.frame.evaluate(TOO_WIDE) == [], width


def test_bars_have_a_scale_and_a_zero_line(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="fc1")
    axis = tab.find(".bars.signed .axis").first.locator("span").all_inner_texts()
    assert axis[1] == "0"
    assert axis[2] == f"−{axis[0]}"
    assert tab.find(".bars .numbers span").all_inner_texts() == [str(unit) for unit in range(0, 120, 10)]
    tab = open_tab(run=LENET, layer="relu3")
    assert tab.find(".bars:not(.signed) .axis").first.locator("span").all_inner_texts()[1:] == ["0"]


def test_it_is_said_whether_two_runs_share_their_colours(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=OTHER_LENET, layer="conv1")
    bars = tab.find(".outputs .scale").count()
    said = "A and B on one scale" if bars == 1 else "each on a scale of its own"
    tab.find(".outputs header").get_by_text(said).wait_for()


def test_pointing_moves_nothing(open_tab: Any) -> None:
    tab = open_tab(run=QUICK, layer="conv1")
    tab.unit(0, 0, 0)  # at the border, where padding is told of
    at_the_border = tab.frame.evaluate(PLACES)
    tab.unit(5, 16, 16)
    assert tab.frame.evaluate(PLACES) == at_the_border


def test_numbers_below_bars_do_not_cover_the_axis(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="flatten")
    covered = """() => [...document.querySelectorAll(".bars .line")].filter((line) => {
        const zero = line.querySelector(".axis span:last-child").getBoundingClientRect();
        const first = line.querySelector(".numbers span").getBoundingClientRect();
        return zero.right > first.left && zero.bottom > first.top + 1;
    }).length"""
    assert tab.find(".bars .line").count() >= 5
    assert tab.frame.evaluate(covered) == 0
