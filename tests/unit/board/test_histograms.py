import math
from typing import Any

import pytest
import torch

from convboard.board.histograms import histogram_values


def histogram(tensor: torch.Tensor) -> Any:
    (value,) = histogram_values({"weights/a": tensor})
    assert value.tag == "weights/a"
    return value.histo


def test_counts_lie_in_equal_bins_from_the_smallest_to_the_largest_value() -> None:
    histo = histogram(torch.arange(400.0))
    assert (histo.min, histo.max, histo.num) == (0, 399, 400)
    assert list(histo.bucket) == [10] * 40
    assert histo.bucket_limit[-1] == 399
    assert histo.sum == pytest.approx(399 * 200)
    assert histo.sum_squares == pytest.approx(sum(n * n for n in range(400)), rel=1e-5)


def test_a_constant_is_counted_whole() -> None:
    histo = histogram(torch.full((3, 3), 2.0))
    assert sum(histo.bucket) == 9
    assert (histo.min, histo.max) == (2, 2)


def test_values_that_are_not_finite_are_left_out() -> None:
    histo = histogram(torch.tensor([1.0, math.nan, 3.0, math.inf, -math.inf]))
    assert (histo.min, histo.max, sum(histo.bucket)) == (1, 3, 2)


def test_what_has_no_finite_value_has_no_histogram() -> None:
    tensors = {"empty": torch.empty(0), "nan": torch.full((3,), math.nan), "good": torch.ones(2)}
    assert [value.tag for value in histogram_values(tensors)] == ["good"]
    assert histogram_values({}) == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int64])
def test_any_number_type_and_memory_format_is_taken(dtype: torch.dtype) -> None:
    tensor = torch.arange(24).reshape(1, 2, 3, 4).to(dtype).to(memory_format=torch.channels_last)
    assert sum(histogram(tensor).bucket) == 24


def test_deterministic_mode_is_left_as_it_was() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        histogram(torch.ones(3))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
