"""Regressions of the Layers tab: comparisons of runs, networks that do not learn, labels."""

from typing import Any

LENET, OTHER_LENET = "mnist/lenet", "mnist/other"
QUICK, RESNET = "cifar10/cifar10_quick", "cifar10/residual"


def test_a_resnet_is_not_called_vanishing(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="layer4.1.bn2", view="health")
    assert "vanishing" not in tab.find(".overview").inner_text()


def test_health_has_findings_of_both_runs(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=OTHER_LENET, layer="conv2", view="health")
    for run in "AB":
        tab.find(f'.verdict[data-run="{run}"]').get_by_text(f"{run}:").first.wait_for()
    tab.find("h3").get_by_text("All layers of A").wait_for()


def test_scores_of_two_runs_fit_the_panel(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=OTHER_LENET, layer="fc3")
    tab.find(".scores").nth(1).wait_for()
    right = "document.querySelector('.layer').getBoundingClientRect().right"
    tables = "[...document.querySelectorAll('.scores')]"
    assert tab.frame.evaluate(f"{tables}.map((t) => t.getBoundingClientRect().right <= {right})") == [True, True]
    assert tab.frame.evaluate(
        "document.querySelector('.layer .scroll').scrollWidth <= document.querySelector('.layer .scroll').clientWidth"
    )


def test_a_second_run_of_another_data_set_is_said(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare=QUICK, layer="conv1")
    tab.find(".notice").get_by_text("B was trained on another data set (cifar10)").wait_for()
    assert "another one" not in tab.find(".inside").inner_text()


def test_links_lead_to_layers_with_numbers(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="avgpool")
    assert "mean of each map's 4×4 numbers" in tab.find(".sentence").inner_text()
    buttons = tab.find(".inside .notice button")
    assert [button.inner_text() for button in buttons.all()] == ["layer4.1.conv2", "fc"]
    buttons.first.click()
    tab.find(".maps").wait_for()


def test_a_unit_that_was_just_pinned_is_called_pinned(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv2")
    tab.unit(3, 4, 5)
    tab.page.mouse.down()
    tab.page.mouse.up()
    tab.find(".identity button").get_by_text("pinned · unpin (Esc)", exact=True).wait_for()


def test_units_of_a_linear_layer_that_stay_zero_are_counted(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="relu3")
    tab.find(".bars").wait_for()
    marked = tab.find(".column.dead").count()
    said = tab.find(".dead-line").inner_text() if marked else "0 of 120 units"
    assert said.startswith(f"{marked} of 120 units")


def test_the_dead_share_below_the_bars_is_that_of_the_epoch(open_tab: Any) -> None:
    health = {"fc1": {"dead_fraction": [[0, 0.1], [40, 0.2], [80, 0.3]]}}
    answers = {"**/data/plugin/layers/health?*": lambda route: route.fulfill(json=health)}
    tab = open_tab(run=LENET, layer="relu3", step=40, routes=answers)
    tab.find(".dead-line").get_by_text("On the whole sample, at epoch 1: 20").wait_for()


def test_the_focus_ring_is_around_the_chosen_card(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv1")
    tab.find('[data-layer="conv2"]').click()
    tab.page.keyboard.press("ArrowDown")
    styles = "(selector) => getComputedStyle(document.querySelector(selector)).outlineStyle"
    assert tab.frame.evaluate(styles, ".cards") == "none"
    assert tab.frame.evaluate(styles, '.card[aria-selected="true"]') == "solid"


def test_the_keys_work_without_a_click(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv1")
    tab.page.keyboard.press("ArrowDown")
    tab.find(".layer h2").get_by_text("relu1", exact=True).wait_for()


def test_a_number_of_a_flattened_picture_has_its_place(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="flatten", unit="299,0,0")
    tab.find(".identity").get_by_text("is map 11, row 4, column 4 of pool2").wait_for()
    assert tab.find(".receptive").get_attribute("data-box") == "16,16,32,32"


def test_kernels_are_large_and_over_colours_in_colour(open_tab: Any) -> None:
    tab = open_tab(run=QUICK, layer="conv1")
    tab.find(".enlarged canvas").wait_for()
    assert tab.find(".kernels canvas").bounding_box()["height"] >= 4 * 5 * 5
    ink = tab.frame.evaluate(
        """[...document.querySelector('.enlarged canvas').getContext('2d').getImageData(5, 2, 1, 1).data]"""
    )
    assert ink[3] == 255


def test_words_say_what_is_done(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="layer1.0.add")
    assert "number by number" in tab.find(".sentence").inner_text()
    tab = open_tab(run=RESNET, layer="layer4.1.bn2")
    assert "γ·(x − mean)/√(var + ε) + β" in tab.find(".sentence").inner_text()
    assert "more than the image has" in tab.find(".facts").inner_text()
