import inspect
from collections.abc import Callable
from typing import Any
from unittest.mock import ANY

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.function_call import FunctionCall, Window

sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


def output_size(layer: nn.Module, size: tuple[int, int]) -> tuple[int, ...]:
    return tuple(layer(torch.zeros(1, 1, *size)).shape[2:])


def window(layer: nn.Module, size: tuple[int, int] = (20, 20)) -> Window:
    found = dry_run(layer, (1, *size)).calls[-1].window
    assert found is not None
    return found


@settings(max_examples=150)
@given(
    sizes,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_convolution_as_torch_does(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> None:
    layer = nn.Conv2d(1, 1, kernel, stride=stride, padding=padding, dilation=dilation)
    if window(layer, size).fits(size):
        assert window(layer).output_size(size) == output_size(layer, size)
    else:
        with pytest.raises(RuntimeError):
            layer(torch.zeros(1, 1, *size))


@settings(max_examples=150)
@given(sizes, st.integers(1, 4), st.integers(1, 5), st.integers(0, 2), st.booleans(), st.booleans())
def test_pooling_as_torch_does(
    size: tuple[int, int], kernel: int, stride: int, padding: int, ceil_mode: bool, average: bool
) -> None:
    assume(2 * padding <= kernel)
    pooling = nn.AvgPool2d if average else nn.MaxPool2d
    layer = pooling(kernel, stride=stride, padding=padding, ceil_mode=ceil_mode)
    assume(window(layer).fits(size))
    assert window(layer).output_size(size) == output_size(layer, size)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(
    ("layer", "size", "formula"),
    [
        (nn.Conv2d(1, 6, 5, padding=2), (28, 28), "⌊(28 + 2·2 − 1·(5−1) − 1)/1⌋ + 1 = 28"),
        (nn.Conv2d(1, 6, 3, padding="same", dilation=2), (9, 9), "⌊(9 + 2·2 − 2·(3−1) − 1)/1⌋ + 1 = 9"),
        (nn.Conv2d(1, 6, 4, padding="same"), (9, 9), "⌊(9 + 3 − 1·(4−1) − 1)/1⌋ + 1 = 9"),
        (nn.Conv2d(1, 6, 3, padding="valid"), (9, 9), "⌊(9 + 2·0 − 1·(3−1) − 1)/1⌋ + 1 = 7"),
        (nn.MaxPool2d(2, ceil_mode=True), (5, 5), "⌈(5 + 2·0 − 1·(2−1) − 1)/2⌉ + 1 = 3"),
        (
            nn.AvgPool2d(2, stride=3, padding=1, ceil_mode=True),
            (6, 6),
            "⌈(6 + 2·1 − 1·(2−1) − 1)/3⌉ + 1 = 3",
        ),
        (nn.MaxPool2d(1, stride=3, ceil_mode=True), (3, 3), "⌈(3 + 2·0 − 1·(1−1) − 1)/3⌉ + 1 − 1 = 1"),
    ],
)
def test_formula_holds_its_numbers(layer: nn.Module, size: tuple[int, int], formula: str) -> None:
    assert window(layer).formula(size) == formula
    assert output_size(layer, size)[0] == int(formula.rpartition("= ")[2])


def test_formula_of_a_rectangle_has_both_sides() -> None:
    formula = window(nn.Conv2d(1, 1, (3, 5))).formula((8, 8))
    assert formula == ("height ⌊(8 + 2·0 − 1·(3−1) − 1)/1⌋ + 1 = 6, width ⌊(8 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 4")


def test_other_layers_have_no_window() -> None:
    for layer in (nn.Linear(2, 2), nn.AdaptiveAvgPool2d(1)):
        assert dry_run(layer, (1, 2, 2)).calls[0].window is None


@pytest.mark.parametrize(
    ("layer", "padding"),
    [
        (nn.Conv2d(1, 1, 5), (2, 2)),
        (nn.Conv2d(1, 1, (3, 7), dilation=(2, 1)), (2, 3)),
        (nn.Conv2d(1, 1, 2), "same"),
        (nn.Conv2d(1, 1, 3, stride=2), None),
        (nn.MaxPool2d(3, stride=1), (1, 1)),
    ],
)
def test_padding_that_keeps_the_size(layer: nn.Module, padding: tuple[int, int] | str | None) -> None:
    found = window(layer)
    assert found.same_padding == padding
    if isinstance(padding, tuple):
        assert found.padded((2 * padding[0], 2 * padding[1])).output_size((20, 20)) == (20, 20)


@pytest.mark.parametrize(
    ("function", "positional", "named"),
    [
        (F.dropout, (0.3, True), {"p": 0.3, "training": True}),
        (F.dropout2d, (0.3, False), {"p": 0.3, "training": False}),
        (F.alpha_dropout, (0.3,), {"p": 0.3}),
        (F.softmax, (1,), {"dim": 1}),
        (torch.softmax, (1,), {"dim": 1}),
        (F.log_softmax, (1,), {"dim": 1}),
        (torch.clamp, (0.1, 0.9), {"min": 0.1, "max": 0.9}),
        (torch.clip, (0.1,), {"min": 0.1}),
        (F.hardtanh, (0.1, 0.9), {"min_val": 0.1, "max_val": 0.9}),
        (F.group_norm, (1, torch.ones(4), None, 0.1), {"num_groups": 1, "weight": ANY, "bias": None, "eps": 0.1}),
        (F.adaptive_avg_pool2d, (2,), {"output_size": 2}),
        (F.pixel_shuffle, (2,), {"upscale_factor": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_arguments_have_their_names_however_they_are_given(
    function: Callable[..., Tensor], positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    x, parameters = torch.zeros(1, 4, 4, 4), inspect.signature(function) if inspect.isfunction(function) else None
    assert parameters is None or list(parameters.parameters)[1 : 1 + len(named)] == list(named)
    function(x, *positional)
    given = FunctionCall(function.__name__, function, (x, *positional), {}).arguments
    assert given.pop("input") is x
    assert given == named
