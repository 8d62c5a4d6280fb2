"""The axis of a metric, and the ticks of a key."""

import pytest
from matplotlib.figure import Figure

from convboard.results.axis_scale import axis_scale
from convboard.results.plots.axes import MetricAxis, key_ticks, metric_axis, set_key_ticks
from convboard.results.plots.labels import setting_name, shown_value


def limits(axis: MetricAxis) -> tuple[float, float]:
    return axis.low, axis.high


def test_all_values_are_shown_where_none_is_far_from_most() -> None:
    assert limits(metric_axis("accuracy/val", [0.95, 0.96, 0.97, 0.9])) == (0.9, 0.97)


def test_runs_that_have_diverged_are_beyond_the_axis() -> None:
    axis = metric_axis("accuracy/val", [0.98, 0.97, 0.96, 0.965, 0.1, 0.11])
    assert limits(axis) == (0.96, 0.98)
    assert axis.is_beyond(0.1)
    assert axis.fraction(0.1) == 0
    assert (axis.goodness(0.1), axis.goodness(0.98)) == (0, 1)


def test_an_axis_leaves_out_no_more_than_a_third_of_the_runs() -> None:
    """A picture of which half is missing shows nothing."""
    assert limits(metric_axis("accuracy/val", [0.98, 0.97, 0.96, 0.1, 0.11])) == (0.1, 0.98)


def test_equally_good_values() -> None:
    axis = metric_axis("accuracy/val", [0.5, 0.5])
    assert axis.fraction(0.5) == 0.5
    axis.apply(Figure().subplots())


def test_losses_of_very_different_size_have_a_logarithmic_axis() -> None:
    axis = metric_axis("loss/val", [0.01, 0.1, 1.0])
    assert axis.is_log
    assert axis.fraction(0.1) == pytest.approx(0.5)
    assert axis.goodness(0.01) == 1
    assert axis.ticks() == pytest.approx([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0])


def test_an_axis_is_widened_for_error_bars_but_not_below_zero_of_logarithms() -> None:
    axis = metric_axis("loss/val", [0.01, 0.1, 1.0])
    assert limits(axis.including([-0.5, 2.0])) == (0.01, 2.0)
    assert limits(metric_axis("accuracy/val", [0.8, 0.9]).including([0.7, 1.2])) == (0.7, 1)  # nothing is beyond 100 %


def test_texts_of_metrics() -> None:
    accuracy, loss = metric_axis("accuracy/val", [0.5]), metric_axis("loss/val", [0.5])
    assert (accuracy.text(0.98765), accuracy.text(0.975, short=True)) == ("98.77%", "97.5%")
    assert (loss.text(0.25), loss.text(0.25, short=True)) == ("0.2500", "0.25")


def test_few_values_are_the_ticks_and_many_have_round_ones() -> None:
    assert key_ticks(axis_scale([0.1, 0.03, 0.01])) == [0.01, 0.03, 0.1]
    drawn = axis_scale([0.003408, 0.01755, 0.02918, 0.194])  # by a search
    assert key_ticks(drawn) == pytest.approx([0.01, 0.03, 0.1])
    assert key_ticks(axis_scale(range(3, 43))) == [8, 16, 24, 32, 40]
    assert key_ticks(axis_scale([10**-exponent * 1.1 for exponent in range(9)]))[:3] == pytest.approx(
        [3e-8, 1e-7, 3e-7]
    )


def test_labels_that_would_cover_each_other_are_left_out_or_turned() -> None:
    axes = Figure().subplots()
    set_key_ticks(axes.xaxis, axis_scale([0.01, 0.03, 100]), room=30)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.01", "100"]
    set_key_ticks(axes.xaxis, axis_scale(["a" * 20, "b" * 20]), room=30)
    assert [label.get_rotation() for label in axes.get_xticklabels()] == [30, 30]


def test_values_as_texts() -> None:
    assert shown_value(0.012345678) == "0.01235"
    assert shown_value(0.012345678, digits=2) == "0.012"
    assert shown_value(None) == "null"
    assert shown_value("a" * 40) == "a" * 11 + "…" + "a" * 10
    assert shown_value("a\nb\x1b[2J") == r"a b\x1b[2J"


def test_the_name_of_a_setting() -> None:
    assert setting_name({"model": "lenet", "optimizer.lr": 0.1}) == "lenet, lr=0.1"
