"""The blocks of a network in the Layers tab: collapsed, expanded, remembered, and reached by the keyboard."""

from typing import Any

from playwright.sync_api import expect

from convboard.anatomy.summary import layer_table
from residual_network import ResidualNetwork

LENET, RESNET = "mnist/lenet", "cifar10/residual"


def depth(tab: Any, name: str) -> None:
    tab.find(".depths").get_by_text(name, exact=True).click()


def test_a_large_network_begins_with_blocks_and_their_sums(open_tab: Any) -> None:
    tab = open_tab(run=RESNET)
    depth(tab, "1")
    rows = {row.name: row for row in layer_table(ResidualNetwork(), (3, 32, 32), depth=1)}
    cards = {card.get_attribute("data-block"): card for card in tab.find(".card[data-block]").all()}
    assert list(cards) == ["layer1", "layer2", "layer3", "layer4"]
    for name, card in cards.items():
        row, title = rows[name], card.get_attribute("title")
        shape = "×".join(map(str, row.output_shape))
        sums = f"{row.parameters:,} parameters, {row.macs:,} multiply-adds"
        assert title == f"{name} · Sequential of {row.calls} rows · {shape} · {sums}. Click: expand"


def test_blocks_are_collapsed_and_expanded_by_a_click(open_tab: Any) -> None:
    tab = open_tab(run=RESNET)
    depth(tab, "1")
    tab.find('.card[data-block="layer2"]').click()
    expect(tab.find('.card[data-block="layer2.0"]')).to_be_visible()
    tab.find('.card[data-block="layer2.0"]').click()
    inside, around = (
        tab.find(part).bounding_box() for part in ('[data-layer="layer2.0.conv1"]', '.heading[data-block="layer2"]')
    )
    assert inside["x"] > around["x"]
    tab.find('.heading[data-block="layer2"]').click()
    expect(tab.find('[data-layer="layer2.0.conv1"]')).to_have_count(0)


def test_what_is_collapsed_is_remembered_and_a_link_expands_what_it_names(open_tab: Any) -> None:
    tab = open_tab(run=RESNET)
    depth(tab, "1")
    tab.follow(run=LENET, layer="conv2")
    tab.find(".network h2").get_by_text("LeNet", exact=True).wait_for()
    expect(tab.find(".depth")).to_be_hidden()  # it has no blocks
    tab.follow(run=RESNET, layer="layer2.0.conv1")
    expect(tab.find('[data-layer="layer2.0.conv1"]')).to_have_attribute("aria-selected", "true")
    assert [one.get_attribute("data-block") for one in tab.find(".heading").all()] == ["layer2", "layer2.0"]


def test_the_keyboard_goes_past_collapsed_blocks_and_opens_them(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="relu")
    depth(tab, "1")
    tab.page.keyboard.press("ArrowDown")
    tab.find(".layer h2").get_by_text("layer1.1.relu:2", exact=True).wait_for()  # the output of layer1
    expect(tab.find('.card[data-block="layer1"]')).to_have_attribute("aria-selected", "true")
    tab.page.keyboard.press("+")
    tab.page.keyboard.press("+")
    expect(tab.find('[data-layer="layer1.1.relu:2"]')).to_have_attribute("aria-selected", "true")
    tab.page.keyboard.press("-")
    tab.page.keyboard.press("-")
    expect(tab.find('.card[data-block="layer1"]')).to_be_visible()
    tab.page.keyboard.press("ArrowDown")
    tab.find(".layer h2").get_by_text("layer2.1.relu:2", exact=True).wait_for()


def test_the_record_of_an_earlier_run_has_blocks_without_their_classes(open_tab: Any) -> None:
    def earlier(route: Any) -> None:
        run = route.fetch().json()
        del run["network"]["blocks"]
        route.fulfill(json=run)

    tab = open_tab(run=RESNET, routes={"**/data/plugin/layers/run?*": earlier})
    depth(tab, "1")
    title = tab.find('.card[data-block="layer4"]').get_attribute("title") or ""
    assert title.startswith("layer4 · block of 16 rows · 32×4×4 · 35,648 parameters")
