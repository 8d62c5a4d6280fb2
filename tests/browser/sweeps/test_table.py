"""The Table view of the Sweeps tab in a real Chromium."""

from typing import Any

import pytest
from playwright.sync_api import expect

from convboard.config.objectives import format_metric
from convboard.results.ranking import rank
from convboard.results.table import load_runs
from convboard.sweeps.store.entries import Entry, State

RANKED = ("setting 2", "setting 3", "setting 0", "setting 1")


def test_settings_are_ranked_with_the_figures_of_results(open_tab: Any, logdir: Any) -> None:
    tab = open_tab()
    assert tab.rows() == list(RANKED)
    table = load_runs(logdir.sweep.folder)
    settings = rank(table.settings())
    for row, setting in zip(RANKED, settings, strict=True):
        objective, test = setting.objective, setting.test
        assert objective is not None
        assert test is not None
        shown = tab.row(row)
        for figures, cell in ((objective, ".of-objective .figure"), (test, ".of-test")):
            mean, deviation = (format_metric("accuracy/val", value or 0) for value in (figures.mean, figures.deviation))
            said = f"{mean[:-1]} ± {deviation[:-1]} %"
            assert shown.locator(cell).inner_text() == said
        count = f"{objective.n}" if objective.n == len(setting.rows) else f"{objective.n} of {len(setting.rows)}"
        assert shown.locator(".of-n").inner_text() == count
        assert shown.locator(".run-dot").count() == objective.n
    assert tab.find(".state-words").inner_text().split("\n") == ["9 finished", "1 running", "1 waiting", "1 failed"]


def test_runs_say_why_they_failed_and_how_far_they_are(open_tab: Any) -> None:
    tab = open_tab(expanded="1,0")
    failed = tab.find(".of-run", has_text="failed")
    assert (
        failed.locator(".reason").inner_text() == '<img src=x onerror="document.title = 1"> RuntimeError: out of memory'
    )
    running = tab.find(".of-run", has_text="running")
    assert running.locator(".of-state").inner_text() == "running 4/10"
    assert running.locator(".run-progress span").get_attribute("style") == "width: 40%;"
    assert tab.row("setting 1").locator(".of-state").inner_text() == "1 failed"
    assert tab.row("setting 0").locator(".run-progress").get_attribute("title") == "40 % of the epochs"
    assert tab.page.title() == "Sweeps"
    assert not tab.find("img").count()


def test_a_click_on_a_title_sorts_and_a_third_one_ranks_again(open_tab: Any) -> None:
    tab = open_tab()
    tab.sort("optimizer.lr")
    tab.wait_for_rows("setting 3", "setting 1", "setting 2", "setting 0")
    assert tab.find('[data-column="optimizer.lr"]').get_attribute("aria-sort") == "ascending"
    tab.sort("optimizer.lr")
    tab.wait_for_rows("setting 2", "setting 0", "setting 3", "setting 1")
    tab.wait_for_link("sort=-optimizer.lr")
    tab.sort("optimizer.lr")
    tab.wait_for_rows(*RANKED)


def test_a_filter_by_values_and_one_by_a_range(open_tab: Any) -> None:
    tab = open_tab()
    menu = tab.open_filter("model")
    boxes = [box.bounding_box() for box in menu.get_by_role("checkbox").all()]
    bottom = menu.locator(".values").evaluate("(node) => node.getBoundingClientRect().bottom")
    assert all(box["y"] + box["height"] <= bottom for box in boxes)  # all are seen without scrolling
    menu.get_by_role("button", name="None").click()
    tab.wait_for_rows()
    menu.get_by_label("batchnorm_cnn").check()
    tab.page.keyboard.press("Escape")
    tab.wait_for_rows("setting 2", "setting 3")
    menu.wait_for(state="detached")
    menu = tab.open_filter("@objective")
    menu.get_by_label("From").fill("96")
    menu.get_by_label("From").press("Enter")
    tab.wait_for_rows("setting 2")
    tab.page.keyboard.press("Escape")
    assert tab.find(".chip").all_inner_texts() == ["model = batchnorm_cnn\n×", "accuracy/val ≥ 96.00 %\n×"]
    assert tab.find(".filters .quiet").first.inner_text() == "1 of 4 settings"
    tab.find(".chip").first.click()
    tab.wait_for_rows("setting 2")
    tab.page.keyboard.press("x")
    tab.wait_for_rows(*RANKED)
    assert tab.find(".filters .quiet").first.inner_text() == "4 settings"


def test_a_filter_that_nothing_passes_says_so(open_tab: Any) -> None:
    tab = open_tab(filter='{"optimizer.lr":{"low":5,"high":null}}', shows=".table-view .nothing:visible")
    assert tab.find(".table-view .nothing").inner_text() == "No setting passes the filters."


def test_the_link_holds_what_is_chosen(open_tab: Any) -> None:
    tab = open_tab()
    tab.row("setting 3").locator(".pick").click()
    tab.row("setting 0").locator(".pick").click()
    tab.row("setting 1").hover()
    tab.row("setting 1").locator(".pin").click()
    tab.row("setting 2").locator(".expand").click()
    rows = [
        "setting 1",
        "setting 2",
        *(f"run sweeps/first/model=batchnorm_cnn,optimizer.lr=0.1,seed={n}" for n in (1, 2, 3)),
    ]
    rows += ["setting 3", "setting 0"]
    tab.wait_for_rows(*rows)
    tab.wait_for_link("folder=sweeps%2Ffirst", "picked=3%2C0", "pinned=1", "expanded=2")
    tab = open_tab(picked="3,0", pinned="1", expanded="2")
    tab.wait_for_rows(*rows)
    picked = [tab.row(key).locator(".pick").get_attribute("aria-checked") for key in RANKED]
    assert picked == ["false", "true", "true", "false"]


def test_the_keys_do_what_the_mouse_does(open_tab: Any) -> None:
    tab = open_tab()
    press = tab.page.keyboard.press
    for key in ("ArrowDown", "ArrowDown", "Space", "ArrowRight", "ArrowDown", "Enter"):
        press(key)
    tab.find(".details").wait_for()
    assert tab.find(".details .path").inner_text() == "sweeps/first/model=batchnorm_cnn,optimizer.lr=0.01,seed=1"
    press("ArrowLeft")
    tab.wait_for_rows(*RANKED)
    press("p")
    tab.wait_for_rows("setting 3", "setting 2", "setting 0", "setting 1")
    tab.wait_for_link("picked=3", "pinned=3")
    press("Escape")
    tab.find(".details").wait_for(state="hidden")
    press("?")
    tab.find("dialog.keys").wait_for()


def test_the_focus_stays_where_it_is(open_tab: Any) -> None:
    tab = open_tab(run="sweeps/first/model=lenet,optimizer.lr=0.1,seed=1")
    press = tab.page.keyboard.press
    sorter = tab.find('[data-column="optimizer.lr"] .sorter')
    sorter.focus()
    press("Enter")
    tab.wait_for_rows("setting 3", "setting 1", "setting 2", "setting 0")
    expect(sorter).to_be_focused()
    press("Tab")
    press("Enter")
    expect(tab.find(".menu input").first).to_be_focused()
    press("ArrowDown")  # moves in the menu, not in the table
    press("Escape")
    expect(tab.find('[data-column="optimizer.lr"] .funnel')).to_be_focused()
    assert tab.find(".details").is_visible()
    assert not tab.find(".row.current").count()
    tab.find(".grid").focus()
    press("ArrowDown")
    current = tab.find(".row.current")
    expect(current).to_have_attribute("data-key", "setting 1")
    expect(tab.find(".grid")).to_have_attribute("aria-activedescendant", str(current.get_attribute("id")))
    button = tab.find(".run-buttons button", has_text="seed 2")
    button.focus()
    press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()


def test_every_control_has_a_name(open_tab: Any) -> None:
    tab = open_tab(
        expanded="2", run="sweeps/first/model=lenet,optimizer.lr=0.1,seed=1", filter='{"model":{"values":["lenet"]}}'
    )
    tab.find(".difference").wait_for()
    names = tab.frame.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, [tabindex='0']")]
            .map((node) => node.ariaLabel || node.labels?.[0]?.textContent || node.textContent.trim())"""
    )
    assert names
    assert all(names)
    buttons = tab.row("setting 0").get_by_role("button").all()
    assert all("model lenet · lr 0.1" in str(button.get_attribute("aria-label")) for button in buttons)


@pytest.mark.thorough
def test_the_state_of_a_run_changes_while_the_tab_is_open(open_tab: Any, logdir: Any) -> None:
    tab = open_tab()
    assert tab.texts("state")[1] == "1 waiting"
    sweep = logdir.sweep
    worker = sweep.journal.holder(8)
    sweep.journal.append(11, Entry(State.RUNNING, worker))
    sweep.run_dir(11).mkdir()
    tab.row("setting 3").get_by_text("1 running").wait_for()
    sweep.journal.end(11, Entry(State.INTERRUPTED, worker, "stopped"))
    tab.row("setting 3").get_by_text("1 interrupted").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tab_is_light_or_dark_as_the_system_is(open_tab: Any, scheme: Any) -> None:
    tab = open_tab()
    tab.page.emulate_media(color_scheme=scheme)
    tab.page.wait_for_function("(scheme) => document.documentElement.dataset.theme === scheme", arg=scheme)
    ground = tab.find(".view-area").evaluate("(node) => getComputedStyle(node).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(", "))) > 384) == (scheme == "light")
    tab.page.emulate_media(color_scheme=None)


def test_all_of_the_tab_is_seen_in_a_window_of_1280_by_800(open_tab: Any) -> None:
    tab = open_tab(run="sweeps/first/model=lenet,optimizer.lr=0.1,seed=1")
    tab.find(".details").wait_for()
    beyond = tab.frame.evaluate(
        """() => [...document.querySelectorAll("header *, .filters *, .details *, .head *")]
            .filter((node) => node.getClientRects().length && !node.closest("pre"))
            .filter((node) => node.getBoundingClientRect().right > window.innerWidth).length"""
    )
    assert beyond == 0
    assert tab.frame.evaluate("document.documentElement.scrollWidth") == 1280
