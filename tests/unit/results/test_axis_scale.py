"""Which axis the values of a key get."""

import math

import pytest

from convboard.results.axis_scale import axis_scale


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.1, 0.01, 0.03], "log"),
        ([16, 32, 64, 128], "log"),
        ([0.1, 0.01], "log"),
        ([1, 2, 4], "linear"),  # too close
        ([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], "linear"),  # even as they are
        ([0.0, 0.5, 0.9], "linear"),
        ([-1, 1, 100], "linear"),
        ([5], "linear"),
        ([0, 1e-4, 1e-3, 1e-2], "category"),
        ([0, *(10**-exponent for exponent in range(20))], "linear"),  # too many to be shown one after another
        (["lenet", "resnet18"], "category"),
        ([0.1, None], "category"),
        ([1, True], "category"),
        ([1.0, math.inf], "category"),
        (["[3,3]"], "category"),
    ],
)
def test_the_values_ask_for_an_axis(values: list[object], kind: str) -> None:
    assert axis_scale(values).kind == kind


def test_numbers_are_sorted_and_texts_keep_their_order() -> None:
    assert axis_scale([0.1, 0.01, 0.1]).values == (0.01, 0.1)
    assert axis_scale(["lenet", 3, None, 1, "lenet", "a"]).values == (1, 3, "lenet", None, "a")


def test_places_along_the_axis() -> None:
    assert axis_scale([0.01, 0.1, 1]).fraction(0.1) == pytest.approx(0.5)
    assert axis_scale([1, 2, 5]).fraction(2) == pytest.approx(0.25)
    assert axis_scale(["a", "b", "c"]).fraction("b") == 0.5
    assert axis_scale(["a"]).fraction("a") == 0.5
    mixed = axis_scale([1, True])  # equal in Python
    assert (mixed.number(1), mixed.number(True)) == (0, 1)
