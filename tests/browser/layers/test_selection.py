"""Selection in the Layers tab by link, keyboard and text input, playback of the epochs, and a second run."""

import re
from typing import Any
from urllib.parse import quote

from playwright.sync_api import expect

LENET, OTHER_LENET = "mnist/lenet", "mnist/other"
QUICK, RESNET = "cifar10/cifar10_quick", "cifar10/residual"


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


def test_two_runs_are_compared_in_numbers(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=OTHER_LENET, layer="conv2")
    tab.find(".comparison tbody tr").last.wait_for()
    rows = [row.inner_text().split("\t") for row in tab.find(".comparison tbody tr").all()]
    assert [key for key, *_ in rows] == ["accuracy/val", "accuracy/test", "seed", "trainer.max_epochs"]
    assert rows[2:] == [["seed", "0", "2"], ["trainer.max_epochs", "2", "1"]]
    assert all("%" in value for _, *values in rows[:2] for value in values)
    tab.find("#tab-health").click()  # beside both views
    tab.find(".comparison").get_by_text("accuracy/val").wait_for()


def test_the_newest_run_is_opened_and_runs_are_told_apart(open_tab: Any) -> None:
    tab = open_tab()
    tab.wait_for_link(f"run={quote(RESNET, safe='')}")  # the last that was begun
    field = tab.find('input[aria-label="Run"]')
    field.focus()
    options = tab.find(".options:visible li").all_inner_texts()
    assert [option.split("\n")[0] for option in options] == [RESNET, QUICK, OTHER_LENET, LENET]
    assert re.fullmatch(r"lenet · mnist · lr 0\.02 · \d+\.\d\d % val · finished", options[-1].split("\n")[1])
    field.fill("mnist 0.02")
    assert tab.find(".options:visible li").count() == 2


def test_the_best_epoch_is_marked_and_chosen_by_a_click(open_tab: Any) -> None:
    best = {"step": 40, "metrics": {"accuracy/val": 0.75}}
    tab = open_tab(run=LENET, layer="conv1", routes={"**/data/plugin/layers/run?*": with_best(best)})
    mark = tab.find(".best")
    assert mark.get_attribute("title") == "Best: epoch 1, 75.00 % on val"
    mark.click()
    tab.wait_for_link("step=40")


def with_best(best: dict[str, Any]) -> Any:
    return lambda route: route.fulfill(json={**route.fetch().json(), "best": best})


def test_the_prediction_is_beside_the_image(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv1", image=4)
    one = tab.find(".prediction").inner_text()
    assert re.fullmatch(r"predicted “\d” \d+ %", one)
    tab.follow(run=LENET, layer="fc3", image=4)
    best = tab.find(".scores .best")
    expect(best).to_be_visible()
    assert best.locator("th").inner_text() == one[11]
    tab.follow(run=LENET, compare=OTHER_LENET, layer="fc3", image=4)
    expect(tab.find(".prediction")).to_have_count(2)


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
