"""The Layers tab where runs, pictures, numbers or the server are missing: it says so, and what to do."""

from typing import Any

import pytest

LENET, RESNET = "mnist/lenet", "cifar10/residual"
RUN_ADDRESS = "**/data/plugin/layers/run?*"


def test_a_row_without_numbers_says_where_to_look(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="layer1.0.add")
    notice = tab.find(".inside .notice")
    notice.get_by_role("button", name="layer1.0.conv2").wait_for()
    assert "24×32×32" in notice.inner_text()


def test_an_image_whose_input_was_not_kept_says_so(open_tab: Any) -> None:
    tab = open_tab(run=RESNET, layer="layer1.0.conv1", image=9, unit="0,3,3")
    tab.find(".arithmetic .notice").get_by_text("kept for the first").wait_for()


def test_without_a_run_it_says_how_to_get_one(open_tab: Any) -> None:
    def nothing(route: Any) -> None:
        route.fulfill(json={"runs": [], "others": ["an/old/run"]})

    tab = open_tab(shows=".state h2", routes={"**/data/plugin/layers/runs*": nothing})
    text = tab.find(".state").inner_text()
    assert "python train.py model=lenet dataset=mnist" in text
    assert "1 run in this log directory has no network record" in text


def test_a_run_without_pictures_says_how_to_get_them(open_tab: Any) -> None:
    def no_pictures(route: Any) -> None:
        route.fulfill(json={**route.fetch().json(), "pictures": {}})

    tab = open_tab(run=LENET, shows=".state h2", routes={RUN_ADDRESS: no_pictures})
    assert "board=default" in tab.find(".state").inner_text()


def test_pictures_without_numbers_and_a_server_that_is_gone_are_said(open_tab: Any) -> None:
    def missing(route: Any) -> None:
        route.fulfill(status=404, json={"error": "the picture has no numbers inside"})

    tab = open_tab(run=LENET, routes={"**/data/plugin/layers/numbers*": missing})
    tab.find(".problem").get_by_text("the picture has no numbers inside").wait_for()
    tab.page.route(RUN_ADDRESS, lambda route: route.abort())
    field = tab.find('input[aria-label="Run"]')
    field.focus()
    field.fill("residual")
    field.press("Enter")
    tab.find(".state").get_by_text("TensorBoard does not answer", exact=True).wait_for()
    tab.errors.clear()  # the browser's own lines about what the routes above refuse


def test_numbers_that_cannot_be_read_are_said(open_tab: Any) -> None:
    tab = open_tab(run=LENET, routes={"**/data/plugin/layers/numbers*": lambda route: route.fulfill(body=b"rubbish")})
    tab.find(".problem").get_by_text("damaged").wait_for()


def test_a_run_that_is_deleted_is_said_to_be_gone_until_it_is_back(open_tab: Any) -> None:
    tab = open_tab(run=LENET)
    tab.page.route(RUN_ADDRESS, lambda route: route.fulfill(status=404, json={"error": "no run"}))
    tab.look_again()
    tab.find(".state").get_by_text("This run is gone", exact=True).wait_for()
    assert not tab.find(".network").is_visible()
    assert tab.find(".epoch").inner_text().strip() == ""
    tab.page.unroute(RUN_ADDRESS)
    tab.look_again()
    tab.find(".network").wait_for()
    tab.find(".epoch").get_by_text("epoch 2").wait_for()
    tab.find(".maps .tile").first.wait_for()
    tab.errors.clear()  # the browser's own line about the 404


def test_a_second_run_that_is_deleted_is_said_to_be_gone(open_tab: Any) -> None:
    tab = open_tab(run=LENET, compare="mnist/other", layer="conv1")
    tab.find(".two").first.wait_for()
    other = "**/data/plugin/layers/run?run=mnist%2Fother"
    tab.page.route(other, lambda route: route.fulfill(status=404, json={"error": "it is not there"}))
    tab.look_again()
    tab.find(".notice").get_by_text("mnist/other cannot be shown beside this run: it is not there").wait_for()
    tab.page.unroute(other)
    tab.look_again()
    tab.find(".two").first.wait_for()
    tab.errors.clear()  # the browser's own line about the 404


def test_a_run_that_is_written_anew_is_shown_anew(open_tab: Any) -> None:
    def renamed(route: Any) -> None:
        answer = route.fetch().json()
        answer["network"]["name"] = "Another"
        route.fulfill(json=answer)

    tab = open_tab(run=LENET)
    tab.page.route(RUN_ADDRESS, renamed)
    with tab.page.expect_request("**/data/plugin/layers/numbers*"):  # its pictures are asked for again
        tab.look_again()
    tab.find(".network h2").get_by_text("Another").wait_for()


@pytest.mark.parametrize(
    ("layer", "changes", "says"),
    [
        ("pool2", {"type": "AvgPool2d", "padding": [1, 1]}, "depends on options that this run"),
        ("pool1", {"type": "LPPool2d"}, "does not know the arithmetic of LPPool2d"),
    ],
)
def test_a_pooling_that_is_not_certain_is_not_worked_out(
    open_tab: Any, layer: str, changes: dict[str, Any], says: str
) -> None:
    def changed(route: Any) -> None:
        answer = route.fetch().json()
        for row in answer["network"]["rows"]:
            row.update(changes if row["name"] == layer else {})
        route.fulfill(json=answer)

    tab = open_tab(run=LENET, layer=layer, unit="0,2,3", routes={RUN_ADDRESS: changed})
    is_recorded = layer == "pool1"  # as what conv2 was given
    tab.find(".arithmetic p" if is_recorded else ".inside .notice").get_by_text(says).wait_for()
    assert tab.find(".outputs .maps").count() == is_recorded


@pytest.mark.parametrize(
    ("status", "shows"), [(422, "This run cannot be read"), (403, "This page is not given the runs")]
)
def test_what_the_server_refuses_is_a_state_of_the_tab(open_tab: Any, status: int, shows: str) -> None:
    def refuse(route: Any) -> None:
        route.fulfill(status=status, json={"error": "the server says why"})

    tab = open_tab(run=LENET, shows=".state h2", routes={RUN_ADDRESS: refuse})
    assert tab.find(".state").inner_text().startswith(f"{shows}\n")
    assert "the server says why" in tab.find(".state").inner_text()
    tab.errors.clear()  # the browser's own line about the status


def test_a_record_of_another_form_is_a_state_of_the_tab(open_tab: Any) -> None:
    def damaged(route: Any) -> None:
        answer = route.fetch().json()
        answer["network"]["rows"][3]["output_shape"] = "6x14x14"
        route.fulfill(json=answer)

    tab = open_tab(run=LENET, shows=".state h2", routes={RUN_ADDRESS: damaged})
    assert "in a form that this tab does not know" in tab.find(".state").inner_text()
