"""Statistics of the layers of a network: mean and standard deviation of activations, dead units, gradient norms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from convboard.anatomy.activations import LayerActivation

_ZEROING = frozenset({"relu", "relu6"})  # activations with which a unit can die


@dataclass(frozen=True)
class LayerStats:
    """Statistics of one layer over a sample of images.

    Attributes:
        mean: Mean of the layer's output, after its activation if it has one.
        std: Standard deviation of the same values.
        dead: Indices of the units that are zero after the layer's ReLU for every image at every position: channels of a
            conv layer, features of a linear layer. None if it has no ReLU.
        units: Number of units.
    """

    mean: float
    std: float
    dead: tuple[int, ...] | None
    units: int


@dataclass
class _Sums:
    """The sums of one layer; tensors stay on the device.

    Attributes:
        totals: Sum of each unit's values over all chunks, `[units]`.
        can_die: Whether the values are those after a ReLU.
        counts: Number of values in each chunk.
        means: Mean of each chunk, 0-dimensional.
        squares: Sum of each chunk's squared distances to its mean, 0-dimensional.
    """

    totals: Tensor
    can_die: bool
    counts: list[int] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)
    squares: list[Tensor] = field(default_factory=list)


class LayerStatsAccumulator:
    """Statistics of all layers over a sample of images that is computed in chunks."""

    def __init__(self) -> None:
        self._layers: dict[str, _Sums] = {}

    def add(self, layer: LayerActivation) -> None:
        """Add the activations of one layer for a chunk of the sample, without waiting for the device.

        The squared distances are those to the mean of the chunk: in float32, the difference of two large sums of
        squares would be inexact.

        Args:
            layer: The layer and its output for the chunk, `[N, C, H, W]` or `[N, F]`.
        """
        values = final_output(layer).float()
        # After a ReLU no value is negative, so all are zero if their sum is; a maximum would take ten times as long.
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

    def read(self) -> dict[str, LayerStats]:
        """Return the statistics by layer name, read from the device in one transfer."""
        rows = [row for sums in self._layers.values() for row in (*sums.means, *sums.squares)]
        totals = [sums.totals for sums in self._layers.values() if sums.can_die]
        numbers = iter(torch.cat([torch.stack(rows), *totals]).tolist() if rows else [])
        moments = {}
        for name, sums in self._layers.items():
            means = [next(numbers) for _ in sums.counts]
            moments[name] = _combined(sums.counts, means, [next(numbers) for _ in sums.counts])
        stats = {}
        for name, sums in self._layers.items():
            units = len(sums.totals)
            dead = tuple(unit for unit in range(units) if next(numbers) == 0) if sums.can_die else None
            stats[name] = LayerStats(*moments[name], dead, units)
        return stats


def final_output(layer: LayerActivation) -> Tensor:
    """Return the output of a layer, after its activation if it has one: `[N, C, H, W]` or `[N, F]`."""
    return layer.output if layer.activated is None else layer.activated


def _combined(counts: list[int], means: list[float], squares: list[float]) -> tuple[float, float]:
    """Return mean and standard deviation over several chunks (Chan, Golub and LeVeque, 1979)."""
    count = sum(counts)
    mean = sum(n * chunk for n, chunk in zip(counts, means, strict=True)) / count
    between = sum(n * (chunk - mean) ** 2 for n, chunk in zip(counts, means, strict=True))
    return mean, math.sqrt((sum(squares) + between) / count)


def gradient_norms(gradients: Mapping[str, Tensor], root: str) -> dict[str, float]:
    """Return the 2-norm of the gradient of each module's own parameters, read from the device in one transfer.

    Args:
        gradients: Gradient by parameter name, each of the shape of its parameter.
        root: Name of the network itself, for parameters that belong to no submodule.

    Returns:
        The norm by module path.
    """
    if not gradients:
        return {}
    norms = torch.stack([gradient.float().norm() for gradient in gradients.values()]).tolist()
    layers: dict[str, list[float]] = {}
    for name, norm in zip(gradients, norms, strict=True):
        layers.setdefault(name.rpartition(".")[0] or root, []).append(norm)
    return {layer: math.hypot(*own) for layer, own in layers.items()}
