"""Browser history, links to runs or layers that do not exist, and TensorBoard's own tabs and reload button."""

from typing import Any

import pytest
from playwright.sync_api import expect

LENET = "mnist/lenet"


def test_back_and_forward_go_through_layers_views_and_runs(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET, layer="conv1", step=40)
    tab.wait_for_link("layer=conv1", "step=40")
    tab.find('[data-layer="conv2"]').click()
    tab.wait_for_link("layer=conv2")
    tab.page.keyboard.press("ArrowLeft")  # an epoch is no entry of its own
    tab.wait_for_link("layer=conv2", "step=0")
    tab.page.keyboard.press("h")
    tab.wait_for_link("view=health")
    field = tab.find('input[aria-label="Run"]')
    field.focus()
    field.fill("quick")
    field.press("Enter")
    tab.wait_for_link("run=cifar10%2Fcifar10_quick")

    tab.page.go_back()
    tab.wait_for_link("run=mnist%2Flenet", "layer=conv2", "step=0", "view=health")
    tab.find(".network h2").get_by_text("LeNet", exact=True).wait_for()
    tab.page.go_back()
    tab.find(".outputs .tile").first.wait_for()
    tab.find(".epoch").get_by_text("untrained").wait_for()
    tab.wait_for_link("layer=conv2", "step=0", without="p.layers.view=")
    tab.page.go_back()
    tab.find(".layer h2").get_by_text("conv1", exact=True).wait_for()
    tab.find(".epoch").get_by_text("epoch 1").wait_for()
    tab.page.go_forward()
    tab.find(".layer h2").get_by_text("conv2", exact=True).wait_for()
    tab.wait_for_link("layer=conv2", "step=0")


@pytest.mark.thorough
def test_tensorboards_other_tabs_are_left_and_come_back_to(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET, layer="conv2", image=3)
    tab.wait_for_link("layer=conv2", "image=3")
    tab.page.get_by_role("tab", name="Scalars").first.click()
    expect(tab.page.locator('iframe[src*="plugin_entry"]')).to_be_hidden()
    tab.page.go_back()
    tab.find(".layer h2").get_by_text("conv2", exact=True).wait_for()
    tab.wait_for_link("layer=conv2", "image=3")
    tab.find('[data-layer="conv1"]').click()
    tab.wait_for_link("layer=conv1", "image=3")
    tab.page.go_back()
    tab.find(".layer h2").get_by_text("conv2", exact=True).wait_for()


def test_a_link_says_what_it_asks_for_in_vain(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET, layer="conv9", step=57)
    tab.find(".wishes").get_by_text(
        "The link asks for layer conv9, which LeNet does not have: conv1 is shown; "
        "and for step 57, of which there are no pictures: step 40 is shown."
    ).wait_for()
    tab.wait_for_link("layer=conv1", "step=40")
    tab.find(".wishes button").click()
    expect(tab.find(".wishes")).to_be_hidden()
    asked: list[tuple[dict[str, object], str, str]] = [
        ({"image": 40}, "probe image 41, of 10 images: the first is shown.", "image=0"),
        ({"unit": "3,99,0"}, "the unit at row 99, column 0 of map 3, which is not among the numbers", "layer=conv2"),
        ({"step": "last"}, "step=last, which cannot be read.", "step=80"),  # the last, as without one
    ]
    for chosen, says, link in asked:
        tab.follow(run=LENET, layer="conv2", **chosen)
        tab.find(".wishes").get_by_text(f"The link asks for {says}").wait_for()
        tab.wait_for_link(link, without="p.layers.unit=")
    tab.find('[data-layer="conv1"]').click()
    expect(tab.find(".wishes")).to_be_hidden()


def test_a_link_to_a_second_run_that_is_not_there_says_so(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET, compare="mnist/none", layer="conv2", view="health")
    tab.find(".notice").get_by_text("mnist/none cannot be shown beside this run").wait_for()
    tab.errors.clear()  # the browser's own line about the 404


def test_a_link_to_a_run_that_is_not_there_says_so(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run="mnist/none", shows=".state h2")
    tab.find(".state").get_by_text("This run is not here", exact=True).wait_for()
    assert len(tab.errors) == 1  # the browser's own line about the 404: it is asked for once
    tab.errors.clear()


def test_tensorboards_reload_button_is_heard(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET, layer="conv1")
    tab.wait_for_link("layer=conv1")
    with tab.page.expect_response("**/data/plugin/layers/health?*"):  # the last that it asks for
        tab.page.locator(".reload-button").click()
