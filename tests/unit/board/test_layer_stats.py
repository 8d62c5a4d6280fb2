import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.activations import LayerActivation
from convboard.board.layer_stats import LayerStatsAccumulator, gradient_norms

CONV = nn.Conv2d(1, 3, 1)


def checked(values: Tensor, chunk: int, activation: str | None = "relu") -> Any:
    """What a accumulator says of a layer that gives `values`, taken in `chunk` images at a time."""
    accumulator = LayerStatsAccumulator()
    for part in torch.split(values, chunk):
        activated = part if activation else None
        accumulator.add(LayerActivation("conv", CONV, part - 7 if activation else part, activated, activation))
    return accumulator.read()["conv"]


@pytest.mark.parametrize("chunk", [1, 3, 8])
@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (3e4, 1), (-5e3, 0.1), (0, 1e-8), (0, 1e15)])
def test_mean_and_deviation_are_right_however_far_from_zero(chunk: int, offset: float, scale: float) -> None:
    values = torch.randn(8, 3, 9, 9, generator=torch.Generator().manual_seed(0)) * scale + offset
    health = checked(values, chunk, None)
    assert health.mean == pytest.approx(values.double().mean().item(), rel=1e-5, abs=1e-6 * scale)
    assert health.std == pytest.approx(values.double().std(correction=0).item(), rel=1e-4)
    assert health.dead is None


def test_values_are_those_after_the_activation() -> None:
    health = checked(torch.full((2, 3, 4, 4), 5.0), 1)
    assert (health.mean, health.std) == (5.0, 0.0)


@pytest.mark.parametrize("chunk", [1, 4])
def test_a_unit_is_dead_if_no_image_wakes_it_anywhere(chunk: int) -> None:
    values = torch.zeros(4, 3, 2, 2)
    values[2, 1, 0, 1] = 1e-6
    health = checked(values, chunk)
    assert health.dead == (0, 2)
    assert health.units == 3
    assert checked(values, chunk, "tanh").dead is None


def test_neurons_are_units_too() -> None:
    assert checked(torch.tensor([[0.0, 1.0], [0.0, 0.0]]), 2).dead == (0,)


def test_values_that_are_no_numbers_are_told_as_they_are() -> None:
    health = checked(torch.tensor([[[[math.nan]], [[0.0]], [[1.0]]]]), 1)
    assert math.isnan(health.mean)
    assert math.isnan(health.std)
    assert health.dead == (1,)


def test_nothing_is_read_of_no_layers() -> None:
    assert LayerStatsAccumulator().read() == {}
    assert gradient_norms({}, "Net") == {}


def test_all_layers_are_read_in_one_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = LayerStatsAccumulator()
    for name in "abc":
        accumulator.add(LayerActivation(name, CONV, torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4), "relu"))
    reads: list[Tensor] = []
    read = Tensor.tolist

    def note(tensor: Tensor) -> Any:
        reads.append(tensor)
        return read(tensor)

    monkeypatch.setattr(Tensor, "tolist", note)
    monkeypatch.setattr(Tensor, "item", lambda _: pytest.fail("a number was read by itself"))
    assert set(accumulator.read()) == {"a", "b", "c"}
    assert len(reads) == 1


def test_gradients_are_measured_module_by_module() -> None:
    gradients = {
        "conv.weight": torch.full((2, 2), 2.0),
        "scale": torch.tensor(7.0),
        "conv.bias": torch.tensor([3.0]),
        "block.0.weight": torch.tensor([-1.0]),
    }
    assert gradient_norms(gradients, "Net") == {"conv": pytest.approx(5.0), "Net": 7.0, "block.0": 1.0}
