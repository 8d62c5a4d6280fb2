"""The details of a run, the ways to other tabs, and what the tab says where there is nothing to show."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from convboard.results.compare import compare_runs
from convboard.results.table import load_runs
from synthetic_sweep import Outcome, write_sweep


def test_the_details_of_a_run_beside_the_best(open_tab: Any, logdir: Any) -> None:
    tab = open_tab()
    tab.row("setting 0").click()
    tab.find(".difference").wait_for()
    assert tab.find(".details h2").inner_text() == "model lenet · lr 0.1"
    assert tab.find(".summary").inner_text().startswith("91.20 ± 0.28 % accuracy/val, mean ± standard deviation of 2")
    cells = [row.inner_text().split("\t") for row in tab.find(".difference tbody tr").all()]
    assert cells == [["model", "lenet", "batchnorm_cnn"]]
    table = load_runs(logdir.sweep.folder).where("lr=0.1")
    best, other = (table.where(f"model={model}") for model in ("batchnorm_cnn", "lenet"))
    sentence = compare_runs(best, other).sentence("The best setting", "this one")
    assert sentence.startswith("The best setting is better by")
    assert sentence in tab.find(".beside-best").inner_text()
    command = shlex.split(tab.find(".command").inner_text())
    assert command[-4:] == ["train.py", "model=lenet", "optimizer.lr=0.1", "seed=1"]
    tab.find(".run-buttons button", has_text="seed 3").click()
    tab.find(".facts").get_by_text("4 of 10").wait_for()
    tab.wait_for_link("run=sweeps%2Ffirst%2Fmodel%3Dlenet%2Coptimizer.lr%3D0.1%2Cseed%3D3")


def test_details_that_are_read_stay_while_runs_go_on(open_tab: Any) -> None:
    tab = open_tab(run="sweeps/first/model=lenet,optimizer.lr=0.01,seed=1", size=(1280, 480))
    tab.find(".difference").wait_for()
    selected = "window.getSelection().toString()"
    tab.find(".command").evaluate("(node) => window.getSelection().selectAllChildren(node)")
    tab.find(".details .scroll").evaluate("(node) => (node.scrollTop = 90)")
    before = tab.frame.evaluate(selected)

    def another_state(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"epochs": 4', '"epochs": 5'))

    tab.page.route("**/data/plugin/sweeps/table*", another_state)
    tab.look_again()
    tab.row("setting 0").locator('.run-progress[title="50 % of the epochs"]').wait_for()
    assert tab.frame.evaluate(selected) == before
    assert tab.find(".details .scroll").evaluate("(node) => node.scrollTop") == 90


def test_the_best_setting_says_so_and_a_failed_run_says_why(open_tab: Any) -> None:
    tab = open_tab(run="sweeps/first/model=batchnorm_cnn,optimizer.lr=0.1,seed=2")
    tab.find(".details").get_by_text("This is the best setting.").wait_for()
    tab = open_tab(run="sweeps/first/model=lenet,optimizer.lr=0.01,seed=3")
    tab.find(".why.wrong").get_by_text("RuntimeError: out of memory").wait_for()


@pytest.mark.thorough
def test_a_link_leads_to_the_run_in_the_layers_tab_and_back(open_in_tensorboard: Any) -> None:
    tab = open_in_tensorboard(expanded="2")
    tab.wait_for_link("expanded=2")
    tab.find(".of-run a").first.click()
    tab.page.wait_for_url(
        "**/*#layers&p.layers.run=sweeps%2Ffirst%2Fmodel%3Dbatchnorm_cnn%2Coptimizer.lr%3D0.1%2Cseed%3D1*"
    )
    tab.page.go_back()
    tab.page.wait_for_url("**/*#sweeps&p.sweeps.folder=sweeps%2Ffirst*")
    tab.find(".of-run a").first.wait_for()
    tab.errors.clear()  # these runs have no network, which the Layers tab may have had the time to find out


def test_a_folder_that_is_not_there_and_a_server_that_is_gone_are_said(open_tab: Any) -> None:
    tab = open_tab(folder="nowhere", shows=".state h2:visible")
    assert tab.find(".state h2").inner_text() == "These runs are not here"
    assert "nowhere" in tab.find(".state").inner_text()
    tab.look_again()
    assert tab.find(".state h2").inner_text() == "These runs are not here"
    tab.errors.clear()
    nowhere, tab = tab, open_tab()
    tab.page.route("**/data/plugin/sweeps/table*", lambda route: route.abort())
    tab.look_again()
    tab.find(".gone").wait_for()
    tab.page.unroute_all()
    tab.look_again()
    tab.find(".gone").wait_for(state="hidden")
    for opened in (nowhere, tab):  # the first one goes on looking
        opened.errors.clear()


def test_names_are_shown_as_text(open_tab: Any, odd: Any) -> None:
    tab = open_tab(folder=odd.folder)
    shown = [str(cell.text_content()) for cell in tab.find(".rows .value").all()]
    assert sorted(shown) == sorted(odd.values)
    assert odd.folder in str(tab.find(".picker input").get_attribute("title"))
    tab.find(".rows .row").first.click()
    tab.find(".details .path").wait_for()
    assert not tab.find("img").count()


@pytest.mark.thorough
def test_an_empty_log_directory_says_what_to_do(open_window: Any, start_tensorboard: Any, tmp_path: Path) -> None:
    with start_tensorboard(tmp_path, load_fast=False) as server:
        page = open_window(server).page
        page.goto(f"{server.address}/data/plugin_entry.html?name=sweeps")
        page.get_by_role("heading", name="No runs to compare yet").wait_for()
        write_sweep(tmp_path / "new", [{"seed": 1}], [Outcome(value=0.9)])
        page.get_by_role("button", name="Look again").click()
        page.locator(".rows .row").first.wait_for()
        page.goto("about:blank")
