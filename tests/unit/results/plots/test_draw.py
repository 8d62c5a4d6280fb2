"""Which figures are drawn of runs, and why others cannot be."""

from pathlib import Path
from typing import Any

import pytest

import convboard
from convboard.errors import ConfigError, RunError
from convboard.results.plots.draw import draw_plots
from convboard.results.plots.options import KINDS, PlotOptions
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State
from run_rows import run_row


def test_all_kinds(sweep: RunTable) -> None:
    figures, remarks = draw_plots(sweep, PlotOptions())
    assert list(figures) == list(KINDS)
    assert not remarks


def test_chosen_kinds_and_keys(sweep: RunTable) -> None:
    figures, _ = draw_plots(sweep, PlotOptions(["objective"], ["lr"]))
    (figure,) = figures.values()
    assert [axes.get_title("left") for axes in figure.axes] == ["optimizer.lr"]


def test_what_cannot_be_drawn_is_left_out_with_the_reason() -> None:
    table = RunTable([run_row(0, 0.9, model="a"), run_row(1, 0.8, model="b")], ["model"])
    figures, remarks = draw_plots(table, PlotOptions())
    assert list(figures) == ["objective", "parallel", "importance"]
    assert remarks[0] == "heat_map cannot be drawn: it needs two keys, and model is the only one."
    assert remarks[1].startswith("curves cannot be drawn: no run has curves")


def test_of_many_keys_the_most_important_are_drawn() -> None:
    keys = [f"model.a{number}" for number in range(15)]
    values: list[dict[str, Any]] = [{f"model__a{k}": n >> (k % 4) & 1 for k in range(15)} for n in range(16)]
    rows = [run_row(n, 0.9 + n / 1000, **values[n]) for n in range(16)]
    figures, remarks = draw_plots(RunTable(rows, keys), PlotOptions(["objective", "parallel"]))
    assert len(figures["objective"].axes) == 12
    assert len(figures["parallel"].axes[0].get_xticks()) == 9 + 1
    assert remarks[0] == "objective has the 12 most important of 15 keys; keys= chooses."
    figures, remarks = draw_plots(RunTable(rows, keys), PlotOptions(["objective"], keys))
    assert len(figures["objective"].axes) == 15
    assert not remarks


def test_a_heat_map_of_keys_that_no_run_has_together() -> None:
    rows = [run_row(n, 0.9 + n / 100, optimizer="sgd", optimizer__momentum=n) for n in range(2)]
    rows += [run_row(2 + n, 0.9, optimizer="adam", optimizer__eps=1.0 + n) for n in range(2)]
    table = RunTable(rows, ["optimizer", "optimizer.momentum", "optimizer.eps"])
    with pytest.raises(RunError, match=r"no run has both optimizer.momentum and optimizer.eps"):
        draw_plots(table, PlotOptions(["heat_map"], ["optimizer.momentum", "optimizer.eps"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            PlotOptions(["heat_map"], ["model"]),
            "heat_map cannot be drawn: it needs two keys, and model is the only one",
        ),
        (PlotOptions(["importance", "curves"]), "curves cannot be drawn: no run has curves"),
    ],
)
def test_a_kind_that_is_asked_for_and_cannot_be_drawn(options: PlotOptions, message: str) -> None:
    table = RunTable([run_row(0, 0.9, model="a"), run_row(1, 0.8, model="b")], ["model"])
    with pytest.raises(RunError, match=message):
        draw_plots(table, options)


def test_nothing_can_be_drawn() -> None:
    waiting = RunTable(
        [run_row(0, None, State.WAITING, model="a"), run_row(1, None, State.WAITING, model="b")], ["model"]
    )
    with pytest.raises(RunError, match="objective cannot be drawn: no run has a result"):
        draw_plots(waiting, PlotOptions())
    with pytest.raises(RunError, match="objective cannot be drawn: no run has a result"):
        draw_plots(waiting, PlotOptions(keys=["model"]))
    seeds = RunTable([run_row(0, 0.9, seed=1), run_row(1, 0.8, seed=2)], ["seed"])
    with pytest.raises(
        RunError, match="objective cannot be drawn: the runs that have a result differ in no key but the seed"
    ):
        draw_plots(seeds, PlotOptions())


def test_a_figure_in_python(sweep: RunTable, tmp_path: Path) -> None:
    convboard.plot_runs(sweep, "heat_map", keys=["lr", "model"]).savefig(tmp_path / "a.png")
    with pytest.raises(RunError, match="importance cannot be drawn"):
        convboard.plot_runs(RunTable([sweep[0]]), "importance")
    with pytest.raises(RunError, match="plot_runs takes the table that load_runs returns, not a value of type str"):
        convboard.plot_runs("outputs", "curves")  # type: ignore[arg-type]


def test_results_that_cannot_be_compared() -> None:
    rows = [run_row(0, 0.9, model="a", dataset="mnist"), run_row(1, 0.8, model="b", dataset="digits")]
    with pytest.raises(RunError, match=r"several data sets, .*\n  where=dataset=mnist\n  where=dataset=digits$"):
        draw_plots(RunTable(rows, ["model", "dataset"]), PlotOptions())
    other = run_row(2, 0.9, model="a", dataset="mnist", objective="accuracy/test")
    with pytest.raises(RunError, match=r"several objectives, .*\n  where=objective=accuracy/val\n"):
        draw_plots(RunTable([rows[0], other], ["model"]), PlotOptions())


def test_slips_name_the_nearest(sweep: RunTable) -> None:
    with pytest.raises(ConfigError, match=r"keys=optimizer.rl: no run has such a key. Did you mean 'optimizer.lr'"):
        draw_plots(sweep, PlotOptions(keys=["optimizer.rl"]))
    with pytest.raises(ConfigError, match=r"keys=objective: the runs .* do not differ in it. Allowed: model"):
        draw_plots(sweep, PlotOptions(keys=["objective"]))
    with pytest.raises(ConfigError, match=r"kind=heatmap is no kind of figure. Did you mean 'heat_map'"):
        PlotOptions(["heatmap"])
    with pytest.raises(ConfigError, match="x=epochs: curves are drawn against epoch, step or time"):
        PlotOptions(at="epochs")
