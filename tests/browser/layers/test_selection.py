"""Selection in the Layers tab by link, keyboard and text input, playback of the epochs, and a second run."""

import re
from typing import Any

from playwright.sync_api import expect

LENET, OTHER_LENET = "mnist/lenet", "mnist/other"
QUICK, RESNET = "cifar10/cifar10_quick", "cifar10/resnet18"


def test_a_link_restores_all_that_is_chosen(open_in_tensorboard: Any) -> None:
    chosen = {"run": LENET, "compare": OTHER_LENET, "layer": "conv2", "image": 4, "step": 40, "unit": "2,4,5"}
    tab = open_in_tensorboard(**chosen)
    parts = ("run=mnist%2Flenet", "compare=mnist%2Fother", "layer=conv2", "image=4", "step=40", "unit=2%2C4%2C5")
    tab.wait_for_link(*parts)
    assert tab.find(".epoch").inner_text().split("\n")[0] == "epoch 1"
    expect(tab.find(".two [data-run]")).to_have_count(4)  # maps and kernels of two runs
    is_read = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/health?')).length === 2"
    tab.frame.wait_for_function(is_read)  # of both runs, the last that is asked for
    tab.page.reload()
    tab.page.frame_locator('iframe[src*="plugin_entry"]').locator(".identity").get_by_text("row 4, column 5").wait_for()
    tab.wait_for_link(*parts)


def test_the_keyboard_moves_layer_step_image_and_unit(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv1")
    tab.find(".cards").focus()
    tab.page.keyboard.press("ArrowDown")
    tab.wait_for_link("layer=relu1")
    tab.page.keyboard.press("ArrowDown")
    tab.wait_for_link("layer=pool1", "step=80")
    tab.page.keyboard.press("ArrowLeft")
    tab.wait_for_link("layer=pool1", "step=40", "image=0", without="p.layers.unit=")
    tab.page.keyboard.press("]")
    tab.wait_for_link("image=1")
    tab.page.keyboard.press("u")
    tab.find(".identity").get_by_text("pinned").wait_for()
    tab.page.keyboard.press("Escape")
    tab.wait_for_link("layer=pool1", without="p.layers.unit=")
    tab.page.keyboard.press("?")
    tab.find("dialog[open]").get_by_text("the probe image before, after").wait_for()


def test_play_goes_through_the_epochs(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv1", step=0)
    assert "untrained" in tab.find(".epoch").inner_text()
    tab.find(".play").click()
    tab.find(".epoch").get_by_text("epoch 2").wait_for()


def test_two_runs_stand_side_by_side(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=OTHER_LENET, layer="conv2", unit="2,4,5")
    tab.find(".notice").get_by_text("the nearest at or before epoch 2").wait_for()
    assert tab.find(".outputs .maps").count() == 2
    tab.find(".identity").get_by_text("second run").wait_for()
    assert "another one" not in tab.find(".inside").inner_text()


def test_a_second_run_without_the_layer_says_so(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=RESNET, layer="conv2")
    tab.find(".notice").get_by_text(f"{RESNET} has no layer conv2").wait_for()


def test_a_run_is_found_by_typing(open_tab: Any) -> None:
    tab = open_tab(run=LENET)
    field = tab.find('input[aria-label="Run"]')
    field.focus()
    field.fill("quick cifar")
    field.press("Enter")
    tab.find(".network h2").get_by_text(re.compile("CIFAR10Quick")).wait_for()
    tab.wait_for_link("run=cifar10%2Fcifar10_quick")


def test_a_second_network_has_its_own_sizes_and_units(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=QUICK, layer="conv1")
    own = tab.find(f'.outputs [data-run="{QUICK}"]')
    expect(own.locator(".own")).to_contain_text("32 feature maps · 32×32 each")
    expect(tab.find(f'.kernel-section [data-run="{QUICK}"] .own')).to_contain_text("32 kernels · in colour")
    expect(own.locator("h4 b")).to_have_text("B")
    own.locator('.tile[data-channel="10"]').click(position={"x": 9, "y": 9})
    expect(tab.find(".identity")).to_contain_text("A has no such unit.")
    tab.page.keyboard.press("ArrowDown")
    tab.wait_for_link("layer=relu1", without="p.layers.unit=")


def test_the_list_of_many_runs_begins_with_the_chosen_one(open_tab: Any) -> None:
    names = [*(f"a/{number:03d}" for number in range(200)), LENET]
    runs = [{"name": name, "model": "LeNet", "state": "finished"} for name in names]
    tab = open_tab(
        run=LENET,
        routes={"**/data/plugin/layers/runs*": lambda route: route.fulfill(json={"runs": runs, "others": []})},
    )
    field = tab.find('input[aria-label="Run"]')
    field.focus()
    expect(tab.find('.options:visible li[aria-selected="true"]')).to_have_attribute("data-run", LENET)
    expect(tab.find(".options:visible .more")).to_have_text("101 more: type to find them")
    field.press("Enter")
    tab.wait_for_link("run=mnist%2Flenet")
