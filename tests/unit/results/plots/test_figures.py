"""Figures have the numbers of the runs in them, and are drawn of any."""

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from statistics import fmean

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from convboard.errors import ConfigError
from convboard.results.plots.curves import draw_curves
from convboard.results.plots.heat_map import draw_heat_map
from convboard.results.plots.importance_bars import draw_importance
from convboard.results.plots.objective_by_key import draw_objective_by_key
from convboard.results.plots.parallel_coordinates import draw_parallel_coordinates
from convboard.results.plots.style import COLOURS, OTHERS
from convboard.results.run_row import RunRow
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State
from run_rows import run_row

MakeRun = Callable[..., RunRow]


def texts(figure: Figure) -> list[str]:
    """The texts within the axes of a figure."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def heights(figure: Figure, colour: str, panel: int = 0) -> list[float]:
    """The values of the points of a colour in a panel."""
    lines = [line for line in figure.axes[panel].lines if line.get_markeredgecolor() == colour]
    return [float(value) for line in lines for value in np.asarray(line.get_ydata())]


def search(number: int) -> list[RunRow]:
    return [
        run_row(n, 0.9 + n / 1000, optimizer__lr=10 ** -(1 + 2 * n / number), batch_size=16 + n) for n in range(number)
    ]


def test_the_runs_and_their_means_against_each_key(sweep: RunTable) -> None:
    figure = draw_objective_by_key(sweep, ["model", "optimizer.lr"])
    assert [axes.get_title("left") for axes in figure.axes] == ["model", "optimizer.lr"]
    assert sorted(heights(figure, OTHERS)) == sorted(row.value for row in sweep if row.value)
    assert [text for text in texts(figure) if "%" in text] == ["94.75%", "90.50%", "91.75%", "93.50%"]
    low, high = figure.axes[0].get_ylim()
    assert low < 0.9175 - 0.0206 < 0.97 < high  # the error bars are within


def test_runs_beyond_the_axis_are_counted_and_in_the_means(sweep: RunTable) -> None:
    rows = [*sweep, *(run_row(10 + n, 0.1, model="lenet", optimizer__lr=100.0, seed=n) for n in range(2))]
    figure = draw_objective_by_key(RunTable(rows, sweep.differing), ["model", "optimizer.lr"])
    lenet = [row.value for row in rows if row.config["model"] == "lenet" and row.value is not None]
    assert {f"{fmean(lenet):.2%}", "10.00%"} <= {*texts(figure)}
    assert "▼ 2 runs beyond the axis" in figure.get_supxlabel()
    assert figure.axes[0].get_ylim()[0] > 0.5


def test_a_pruned_run_is_hollow(sweep: RunTable) -> None:
    pruned = run_row(10, 0.9, State.PRUNED, model="lenet", optimizer__lr=0.1, seed=5)
    figure = draw_objective_by_key(RunTable([*sweep, pruned], sweep.differing), ["model"])
    assert "hollow: pruned" in figure.get_supxlabel()
    points = [line for line in figure.axes[0].lines if line.get_markeredgecolor() == OTHERS]
    assert [np.size(line.get_ydata()) for line in points if line.get_markerfacecolor() == "none"] == [1]


def test_a_mean_of_pruned_runs_is_hollow_and_no_line_leads_to_it() -> None:
    values = {0.1: 0.8, 0.01: 0.85, 0.001: 0.9}
    rows = [run_row(n, value, optimizer__lr=lr, seed=n % 2) for n, (lr, value) in enumerate([*values.items()] * 2)]
    rows = [replace(row, state=State.PRUNED) if row.config["optimizer.lr"] == 0.01 else row for row in rows]
    axes = draw_objective_by_key(RunTable(rows, ["optimizer.lr", "seed"]), ["optimizer.lr"]).axes[0]
    blue = [line for line in axes.lines if line.get_color() == COLOURS[0]]
    hollow = [line for line in blue if line.get_markerfacecolor() == "white" and np.size(line.get_ydata())]
    assert [float(value) for line in hollow for value in np.asarray(line.get_ydata())] == pytest.approx([0.85])
    (joined,) = (line for line in blue if line.get_linestyle() == "-")
    assert np.asarray(joined.get_ydata()) == pytest.approx([0.9, 0.8])


def test_values_that_have_one_setting_each_are_not_joined() -> None:
    """In a search, the next learning rate has other values of all other keys too."""
    rows = [run_row(n, 0.5 + n / 10, optimizer__lr=10.0**-n, batch_size=16 + n) for n in range(4)]
    figure = draw_objective_by_key(RunTable(rows, ["optimizer.lr", "batch_size"]), ["optimizer.lr", "batch_size"])
    assert not [line for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    figure = draw_objective_by_key(RunTable(rows, ["optimizer.lr"]), ["optimizer.lr"])
    assert [line for line in figure.axes[0].lines if line.get_linestyle() == "-"]


def test_the_best_of_a_heat_map_has_finished() -> None:
    rows = [
        run_row(n, value, state, model=model, optimizer__lr=lr)
        for n, (value, state, model, lr) in enumerate(
            [
                (0.9, State.FINISHED, "a", 0.1),
                (0.8, State.FINISHED, "b", 0.1),
                (0.95, State.PRUNED, "a", 0.01),
                (0.7, State.FINISHED, "b", 0.01),
            ]
        )
    ]
    figure = draw_heat_map(RunTable(rows, ["model", "optimizer.lr"]), "model", "optimizer.lr")
    assert sorted(texts(figure)) == ["70.00%", "80.00%", "90.00%", "95.00%\npruned"]
    (frame,) = (patch for patch in figure.axes[0].patches if to_hex(patch.get_edgecolor()) == COLOURS[1])
    assert isinstance(frame, Rectangle)
    centre = frame.get_center()
    (best,) = (text for text in figure.axes[0].texts if text.get_position() == tuple(map(round, centre)))
    assert best.get_text() == "90.00%"


def test_many_texts_below_an_axis_do_not_cover_each_other() -> None:
    rows = [run_row(n, 0.5 + n / 100, model=f"a_long_name_of_model_{n}") for n in range(100)]
    figure = draw_objective_by_key(RunTable(rows, ["model"]), ["model"])
    figure.savefig(BytesIO(), format="png", dpi=40)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert len(boxes) > 20
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


def test_the_band_of_a_curve_is_within_the_axes(make_run: MakeRun) -> None:
    rows = [make_run(n, 0.5 + n / 10, seed=n) for n in range(3)]
    figure = draw_curves(RunTable(rows, ["seed"]), "accuracy/val", "epoch")
    assert figure is not None
    (band,) = figure.axes[0].collections
    low, high = figure.axes[0].get_ylim()
    heights = [point[1] for path in band.get_paths() for point in np.asarray(path.vertices)]
    assert low <= min(heights) < max(heights) <= high


def test_many_values_have_a_band(sweep: RunTable) -> None:
    figure = draw_objective_by_key(RunTable(search(60), ["optimizer.lr"]), ["optimizer.lr"])
    assert not texts(figure)
    assert len(figure.axes[0].collections) == 1


def test_a_heat_map_has_the_mean_of_each_pair_and_a_frame_round_the_best(sweep: RunTable) -> None:
    figure = draw_heat_map(sweep, "model", "optimizer.lr")
    assert sorted(texts(figure)) == ["90.00%", "91.00%", "93.50%", "96.00%"]
    (frame,) = (patch for patch in figure.axes[0].patches if to_hex(patch.get_edgecolor()) == COLOURS[1])
    assert isinstance(frame, Rectangle)
    ticks = [label.get_text() for label in figure.axes[0].get_xticklabels() + figure.axes[0].get_yticklabels()]
    column, row = round(frame.get_center()[0]), round(frame.get_center()[1])
    assert {ticks[column], ticks[2 + row]} == {"lenet", "0.1"}


def test_a_heat_map_says_the_number_of_runs_where_it_differs(sweep: RunTable) -> None:
    figure = draw_heat_map(RunTable(sweep.rows[1:], sweep.differing), "model", "optimizer.lr")
    assert "97.00%\nn = 1" in texts(figure)


def test_a_heat_map_of_a_search_has_groups_of_a_number_and_points_of_two(sweep: RunTable) -> None:
    rows = search(60)
    both = RunTable(rows, ["optimizer.lr", "batch_size"])
    (points,) = draw_heat_map(both, *both.differing).axes[0].collections
    assert isinstance(points, PathCollection)
    assert np.shape(points.get_offsets()) == (60, 2)
    models = [
        run_row(100 + n, row.value, model="ab"[n % 2], optimizer__lr=row.config["optimizer.lr"])
        for n, row in enumerate(rows)
    ]
    figure = draw_heat_map(RunTable(models, ["model", "optimizer.lr"]), "model", "optimizer.lr")
    assert len(texts(figure)) == 12
    assert figure.axes[0].get_xticklabels()[0].get_text() == "0.00108 to\n0.00215"


def test_parallel_coordinates_have_a_line_for_each_setting(sweep: RunTable) -> None:
    figure = draw_parallel_coordinates(sweep, ["model", "optimizer.lr"])
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [
        "model",
        "optimizer.lr",
        "accuracy/val",
    ]
    (lines,) = figure.axes[0].collections
    assert len(lines.get_paths()) == 4
    best = lines.get_paths()[-1]
    assert to_hex(np.asarray(lines.get_edgecolor())[-1]) == COLOURS[1]
    assert np.array_equal(np.asarray(best.vertices)[-1], [2, 1])  # at the top of the last axis
    assert {"lenet", "b", "0.1", "0.01"} < set(texts(figure))


def test_curves_are_means_over_seeds_with_a_band(sweep: RunTable) -> None:
    figure = draw_curves(sweep, "accuracy/val", "epoch")
    assert figure is not None
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][:2] == ["lenet, lr=0.1", "lenet, lr=0.01"]
    (best,) = (line for line in axes.lines if line.get_label() == "lenet, lr=0.1")
    assert np.asarray(best.get_ydata()) == pytest.approx([0.96 / 3, 0.64, 0.96])
    assert len(axes.collections) == 4
    assert "mean over 2 seeds" in figure.get_supxlabel()


def test_curves_of_many_settings_are_grey_but_for_the_best(make_run: MakeRun) -> None:
    table = RunTable([make_run(n, 0.5 + n / 100, optimizer__lr=0.1 + n) for n in range(12)], ["optimizer.lr"])
    figure = draw_curves(table, "loss/val", "time")
    assert figure is not None
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()][-1] == "4 more"
    assert (
        sum(isinstance(each, LineCollection) and len(each.get_segments()) for each in figure.axes[0].collections) == 4
    )


def test_curves_of_a_running_sweep(make_run: MakeRun) -> None:
    rows = [
        make_run(0, None, State.RUNNING, model="a", epochs=1),
        make_run(1, None, State.RUNNING, model="b", epochs=0),
    ]
    figure = draw_curves(RunTable(rows, ["model"]), "accuracy/val", "step")
    assert figure is not None
    assert len(figure.axes[0].lines) == 1


def test_runs_without_curves(sweep: RunTable) -> None:
    assert draw_curves(RunTable([run_row(50, 0.5)], []), "accuracy/val", "epoch") is None
    with pytest.raises(ConfigError, match="'accuracy' is not a curve"):
        draw_curves(sweep, "accuracy", "epoch")


def test_a_title_and_a_note_are_as_wide_as_their_figure(sweep: RunTable) -> None:
    rows = [*sweep, *(run_row(10 + n, 0.1, model="lenet", optimizer__lr=100.0, seed=n) for n in range(2))]
    figure = draw_parallel_coordinates(RunTable(rows, sweep.differing), ["model"])
    figure.savefig(BytesIO(), format="png")
    assert "beyond" in figure.get_supxlabel()
    assert all(text.get_window_extent().x1 < figure.bbox.x1 for text in figure.texts)
    long = [
        run_row(n, 0.9 + n / 100, optimizer__a_long_name=f"{n}", optimizer__another_long_name=f"{n}") for n in range(2)
    ]
    figure = draw_heat_map(RunTable(long), "optimizer.a_long_name", "optimizer.another_long_name")
    figure.savefig(BytesIO(), format="png")
    assert all(text.get_window_extent().x1 < figure.bbox.x1 for text in figure.texts)


def test_importance_is_the_length_of_a_bar() -> None:
    figure = draw_importance({"model": 0.75, "optimizer.lr": 0.2}, "fANOVA")
    assert texts(figure) == ["75%", "20%"]
    assert figure.get_supxlabel() == "what the key explains alone, computed by fANOVA"


@pytest.mark.parametrize(
    "name", ["$x^$", "<script>alert(1)</script>", "🙂 数", "a\nb", "a" * 300, "\\alpha_{1", "'\"&"]
)
def test_any_text_is_drawn_as_it_is(make_run: MakeRun, name: str) -> None:
    rows = [make_run(n, 0.9 + n / 100, model=(name, "b")[n % 2], batch_size=16 * (n // 2 + 1)) for n in range(4)]
    table = RunTable(rows, ["model", "batch_size"])
    keys = ["model", "batch_size"]
    curves = draw_curves(table, "accuracy/val", "epoch")
    assert curves is not None
    for figure in (
        draw_objective_by_key(table, keys),
        draw_heat_map(table, *keys),
        draw_parallel_coordinates(table, keys),
        curves,
    ):
        figure.savefig(BytesIO(), format="png", dpi=40)
