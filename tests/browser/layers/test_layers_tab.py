"""The Layers tab over real runs of three networks: what it shows is what the network is, and nothing goes wrong."""

from functools import cache
from typing import Any

import pytest
from playwright.sync_api import expect
from torch import nn

from convboard import build_model, receptive_field
from residual_network import ResidualNetwork

LENET, OTHER_LENET = "mnist/lenet", "mnist/other"
QUICK, RESNET = "cifar10/cifar10_quick", "cifar10/residual"
SHAPES = {LENET: (1, 32, 32), QUICK: (3, 32, 32), RESNET: (3, 32, 32)}


@cache
def network(run: str) -> nn.Module:
    return ResidualNetwork() if run == RESNET else build_model(run.split("/")[1], SHAPES[run], 10)


def test_the_network_is_shown_from_the_image_to_the_scores(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET)
    names = [card.get_attribute("data-layer") for card in tab.find(".card").all()]
    linear = ["flatten", "fc1", "relu3", "fc2", "relu4", "fc3"]
    assert names == ["input", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", *linear]
    assert "6×28×28" in tab.find('[data-layer="conv1"]').inner_text()


def test_branches_run_beside_the_main_path(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="layer2.0.downsample.0")
    main, beside = (tab.find(f'[data-layer="layer2.0.{name}"]').bounding_box() for name in ("conv1", "downsample.0"))
    assert beside["x"] >= main["x"] + main["width"]
    assert tab.find(".card").count() < 40
    tab.find(".depths button").last.click()
    expect(tab.find(".card")).to_have_count(69)  # 68 rows and the image
    assert tab.find(".edges .skip").count() == 5  # of the eight blocks, three have a side path
    tab = open_tab(run=RESNET, layer="layer4.0.downsample.0")
    panel, card = (tab.find(part).bounding_box() for part in (".cards", '[data-layer="layer4.0.downsample.0"]'))
    assert panel["y"] <= card["y"] <= panel["y"] + panel["height"]  # the chosen one is in view


def test_a_layer_is_described_with_its_formula_and_its_costs(open_tab: Any) -> None:
    text = open_tab(run=LENET, layer="conv1").find(".about").inner_text()
    assert "conv1 slides 6 kernels of 5×5 over 1×32×32" in text
    assert "⌊(32 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 28" in text
    assert "156 parameters" in text
    assert "to all 4,704 outputs would need 4,816,896: 30,878 times as many" in text
    assert "117,600" in text


@pytest.mark.parametrize(
    ("run", "layer", "units"),
    [
        (LENET, "conv1", [(0, 0, 0), (5, 27, 13)]),
        (LENET, "pool1", [(2, 3, 13)]),
        (LENET, "conv2", [(7, 4, 9), (15, 9, 0)]),
        (QUICK, "conv3", [(3, 0, 0), (15, 4, 7)]),
        (RESNET, "layer1.0.relu", [(1, 5, 31)]),
        (RESNET, "layer2.0.downsample.0", [(2, 0, 15), (9, 7, 8)]),
    ],
)
def test_a_unit_shows_its_receptive_field(open_tab: Any, run: str, layer: str, units: list[Any]) -> None:
    tab = open_tab(run=run, layer=layer)
    for channel, row, column in units:
        tab.unit(channel, row, column)
        shown = tab.find(".receptive").get_attribute("data-box")
        assert tuple(map(int, shown.split(","))) == _edges(
            receptive_field(network(run), SHAPES[run], layer, row, column)
        )


def _edges(box: Any) -> tuple[int, ...]:
    return (box.top, box.left, box.bottom, box.right)


@pytest.mark.parametrize(
    ("run", "layer", "unit"),
    [
        (LENET, "conv1", (3, 10, 12)),
        (LENET, "pool2", (3, 2, 2)),
        (LENET, "conv2", (7, 4, 9)),
        (LENET, "fc1", (50, 0, 0)),
        (LENET, "fc2", (7, 0, 0)),
        (QUICK, "conv1", (4, 0, 31)),
        (QUICK, "conv3", (15, 0, 7)),
        (RESNET, "conv1", (4, 0, 31)),
        (RESNET, "layer2.0.conv1", (2, 0, 15)),
    ],
)
def test_the_multiply_and_add_gives_the_recorded_value(open_tab: Any, run: str, layer: str, unit: Any) -> None:
    tab = open_tab(run=run, layer=layer, unit=",".join(map(str, unit)))
    tab.find(".steps").wait_for()
    computed = float(tab.find(".steps").get_attribute("data-computed"))
    recorded = float(tab.find(".identity .value").get_attribute("data-value"))
    assert computed == pytest.approx(recorded, rel=4e-3, abs=4e-3)  # float16 has eleven bits
    assert "They differ" not in tab.find(".arithmetic").inner_text()


def test_padding_is_zero_and_said_to_be(open_tab: Any) -> None:
    tab = open_tab(run=QUICK, layer="conv1")
    tab.unit(0, 0, 0)
    patch = tab.find(".grids .cells").first.get_attribute("aria-label") or ""
    assert patch.count("padding") == 16  # a 5x5 kernel on padding 2: 25 - 9
    assert "zeros outside of the input" in tab.find(".arithmetic").inner_text()


def test_weights_of_linear_layers_are_shown(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="fc1", unit="3,0,0")
    tab.find(".kernel-section").get_by_text("16 slices of 5×5, one for each map of pool2").wait_for()
    expect(tab.find(".kernel.chosen:visible")).to_have_attribute("data-channel", "3")
    tab = open_tab(run=LENET, layer="fc2", unit="3,0,0")
    tab.find(".kernel-section").get_by_text("a row for each unit, a column for each of 120 inputs").wait_for()
    expect(tab.find(".kernel.chosen:visible")).to_have_attribute("data-channel", "3")
    tab.find(".parts").get_by_text("What 120 inputs add").wait_for()


def test_maps_have_the_scale_of_the_figure(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv1")
    scale = tab.find(".outputs .ticks").inner_text()
    tab.follow(run=LENET, layer="relu1")
    tab.find(".layer h2").get_by_text("relu1", exact=True).wait_for()
    assert scale.split("\n")[-1] == tab.find(".outputs .ticks").inner_text().split("\n")[-1]


def test_scores_come_with_probabilities_and_class_names(open_tab: Any) -> None:
    tab = open_tab(run=QUICK, layer="fc2", image=3)
    rows = tab.find(".scores tbody tr")
    assert rows.count() == 10
    assert rows.nth(3).locator("th").inner_text() == "cat"
    assert "the image's class" in rows.nth(3).inner_text()


def test_health_shows_curves_and_all_layers(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv2", view="health")
    tab.find(".verdict").first.wait_for()
    assert tab.find(".chart svg").count() == 4
    names = [name.inner_text() for name in tab.find(".overview tbody th").all()]
    assert names == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    tab.find(".overview").get_by_text("fc1").click()
    tab.find(".layer h2").get_by_text("fc1").wait_for()
    tab.find("#tab-inside").click()
    tab.find(".bars").wait_for()


def test_health_follows_the_step(open_tab: Any) -> None:
    tab = open_tab(run=LENET, layer="conv2", view="health", step=0)
    moment, figures = tab.find(".moment"), tab.find(".latest")
    assert "conv2 at epoch 0" in moment.inner_text()
    assert "gradient norm" not in moment.inner_text()  # it has none before the first step
    untrained = figures.all_inner_texts()
    marker = tab.find(".chart .now").first
    left = float(marker.get_attribute("x1"))
    tab.page.keyboard.press("ArrowRight")
    moment.get_by_text("conv2 at epoch 1").wait_for()
    assert "gradient norm" in moment.inner_text()
    assert figures.all_inner_texts() != untrained
    assert float(marker.get_attribute("x1")) > left
    chart = tab.find(".chart svg").first
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] - 10, "y": 50})
    moment.get_by_text("conv2 at epoch 2").wait_for()
    tab.find(".epoch").get_by_text("epoch 2").wait_for()


def test_a_long_sum_is_written_out_channel_by_channel(open_tab: Any) -> None:
    tab = open_tab(run=QUICK, layer="conv3", unit="3,4,5")
    tab.find(".written summary").click()
    tab.find(".written p").nth(1).wait_for()  # the browser opens it in a task of its own
    tab.find(".choice select").select_option("17")
    terms, channels = tab.find(".written p").all()
    assert terms.inner_text().startswith("channel 17 ")
    assert terms.inner_text().count("·") == 25
    assert channels.inner_text().count(" + ") == 32  # 32 channels and the bias
    computed = float(tab.find(".steps").get_attribute("data-computed"))
    said = float(channels.inner_text().rpartition(" = ")[2].replace("−", "-"))
    assert said == pytest.approx(computed, abs=5e-3)
    tab.find(".choice select").press("ArrowDown")  # it moves through the channels, not through the layers
    tab.find(".written p").first.get_by_text("channel 18").wait_for()


def test_what_is_not_shown_names_the_key_that_shows_it(open_tab: Any) -> None:
    tab = open_tab(run=QUICK, layer="conv3")
    says = "the first 16 of 64 shown: a run with board.max_channels=64 shows all"
    tab.find(".outputs").get_by_text(says).wait_for()


def test_it_follows_tensorboards_dark_mode(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(run=LENET)
    ground = "getComputedStyle(document.querySelector('.panel')).backgroundColor"
    light = tab.frame.evaluate(ground)
    tab.page.evaluate("document.body.classList.add('dark-mode')")
    tab.find(":root[data-theme=dark]").wait_for(state="attached")
    assert tab.frame.evaluate(ground) != light


@pytest.mark.parametrize("size", [(1280, 800), (1600, 1000)])
@pytest.mark.parametrize("run", [LENET, RESNET])
def test_the_page_fits_its_window(open_tab: Any, size: tuple[int, int], run: str) -> None:
    tab = open_tab(run=run, size=size)
    assert tab.frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [tab.find(part).bounding_box() for part in (".network", ".layer", ".unit-panel")]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[1]["x"] + boxes[1]["width"] <= boxes[2]["x"]
    assert tab.frame.evaluate(
        "[...document.querySelectorAll('.layer, .unit-panel')].every(p => p.scrollWidth <= p.clientWidth)"
    )
