"""How a network's layers are, in numbers: how their activations and gradients lie, and which units are dead."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from convboard.anatomy.activations import LayerActivation

_ZEROING = frozenset({"relu", "relu6"})  # activations under which a unit can die


@dataclass(frozen=True)
class Health:
    """One layer over a sample of images.

    Attributes:
        mean: Of all that leaves it, after its activation where it has one.
        std: Standard deviation of the same.
        dead: Which units are zero after the layer's ReLU for every image, at every place: channels of a conv layer,
            neurons of a linear one. None where it has no ReLU.
        units: How many units there are.
    """

    mean: float
    std: float
    dead: tuple[int, ...] | None
    units: int


@dataclass
class _Sums:
    """What is known of one layer; tensors stay on the device.

    Attributes:
        counts: Values in each chunk.
        means: Mean of each chunk, 0-dimensional.
        squares: Sum of each chunk's squared distances to its mean, 0-dimensional.
        totals: Sum of each unit's values over all chunks, `[units]`.
        can_die: Whether the values are those after a ReLU.
    """

    totals: Tensor
    can_die: bool
    counts: list[int] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    squares: list[Tensor] = field(default_factory=list)


class LayerStatsPass:
    """Takes in the activations of a sample chunk by chunk, and reads what it gathers of all layers at once."""

    def __init__(self) -> None:
        self._layers: dict[str, _Sums] = {}

    def add(self, layer: LayerActivation) -> None:
        """Take in one layer's answer to a chunk of the sample, without waiting for the device.

        Squares are of the distances to the chunk's own mean: float32 has no digits left for the small difference
        between large squares.
        """
        values = leaving(layer).float()
        # Nothing is below zero after a ReLU, so a sum of zero means that all is; a maximum takes ten times as long.
        totals = values.sum(dim=[0, *range(2, values.ndim)])
        mean = totals.sum() / values.numel()
        distances = (values - mean).reshape(-1)
        if layer.name in self._layers:
            sums = self._layers[layer.name]
            sums.totals += totals
        else:
            sums = self._layers[layer.name] = _Sums(totals, layer.activation in _ZEROING)
        sums.counts.append(values.numel())
        sums.means.append(mean)
        sums.squares.append(torch.dot(distances, distances))

    def read(self) -> dict[str, Health]:
        """Each layer by its name, read from the device in one transfer."""
        rows = [row for sums in self._layers.values() for row in (*sums.means, *sums.squares)]
        totals = [sums.totals for sums in self._layers.values() if sums.can_die]
        numbers = iter(torch.cat([torch.stack(rows), *totals]).tolist() if rows else [])
        spreads = {}
        for name, sums in self._layers.items():
            means = [next(numbers) for _ in sums.counts]
            spreads[name] = _spread(sums.counts, means, [next(numbers) for _ in sums.counts])
        health = {}
        for name, sums in self._layers.items():
            units = len(sums.totals)
            dead = tuple(unit for unit in range(units) if next(numbers) == 0) if sums.can_die else None
            health[name] = Health(*spreads[name], dead, units)
        return health


def leaving(layer: LayerActivation) -> Tensor:
    """What leaves a layer: after its activation where it has one."""
    return layer.output if layer.activated is None else layer.activated


def _spread(counts: list[int], means: list[float], squares: list[float]) -> tuple[float, float]:
    """Mean and standard deviation of chunks together (Chan, Golub and LeVeque, 1979)."""
    count = sum(counts)
    mean = sum(n * chunk for n, chunk in zip(counts, means, strict=True)) / count
    between = sum(n * (chunk - mean) ** 2 for n, chunk in zip(counts, means, strict=True))
    return mean, math.sqrt((sum(squares) + between) / count)


def gradient_norms(gradients: Mapping[str, Tensor], root: str) -> dict[str, float]:
    """The 2-norm of each module's own gradients, read from the device in one transfer.

    Args:
        gradients: Gradient by parameter name.
        root: What the network itself goes by, where it has parameters of its own.
    """
    if not gradients:
        return {}
    norms = torch.stack([gradient.float().norm() for gradient in gradients.values()]).tolist()
    layers: dict[str, list[float]] = {}
    for name, norm in zip(gradients, norms, strict=True):
        layers.setdefault(name.rpartition(".")[0] or root, []).append(norm)
    return {layer: math.hypot(*own) for layer, own in layers.items()}
