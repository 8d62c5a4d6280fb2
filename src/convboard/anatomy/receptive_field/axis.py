"""Theoretical receptive fields along one axis of the image, for all units of a tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from convboard.anatomy.receptive_field.propagation import Range, without_repetitions

NOWHERE = float("nan")  # the position of a unit that does not depend on the image


@dataclass(frozen=True, eq=False)
class Axis:
    """The receptive fields of the units of a tensor, along one axis of the image, in pixels.

    Attributes:
        size: Of the field of each unit.
        stride: From the field of one unit to the next; negative if the units are in reverse order.
        positions: The first pixel of the field of each unit, of the tensor's shape; padding has negative ones.
    """

    size: int
    stride: int
    positions: Tensor

    @cached_property
    def _compact(self) -> Tensor:
        """The positions, with size 1 along dimensions in which they are expanded."""
        return without_repetitions(self.positions)

    @cached_property
    def varying(self) -> list[int]:
        """The dimensions, counted from the last, along which units have other positions than their neighbours."""
        compact = self._compact
        dims = [dim for dim in range(-compact.ndim, 0) if compact.shape[dim] > 1]
        return [dim for dim in dims if not torch.equal(compact, compact.narrow(dim, 0, 1).expand_as(compact))]

    @cached_property
    def is_even(self) -> bool:
        """Whether the positions change along one dimension at most, there in even steps."""
        if len(self.varying) > 1 or bool(self.first.isnan()):
            return False
        steps = self._line.diff() if self.varying else torch.zeros(1)
        return bool((steps == steps[0]).all())

    def _dim(self, default: int | None) -> int | None:
        """The dimension along which the positions change; the default if there is only one unit along it."""
        if self.varying or default is None:
            return self.varying[0] if self.varying else None
        return default if self.positions.shape[default] == 1 else None

    def is_along(self, dim: int) -> bool:
        """Return whether the units are in a row along a dimension, at even distances."""
        return self.is_even and self._dim(dim) == dim

    @property
    def first(self) -> Tensor:
        """The position of the first unit."""
        return self.positions[(0,) * self.positions.ndim]

    @property
    def _line(self) -> Tensor:
        """The positions along the dimension in which they vary."""
        return self.positions[tuple(slice(None) if d in self.varying else 0 for d in range(-self.positions.ndim, 0))]

    def at(self, positions: Tensor) -> "Axis":
        """Return the fields of the same units at other places of a tensor."""
        axis = Axis(self.size, self.stride, positions)
        is_line = axis.is_even and axis.varying
        return Axis(self.size, int(axis._line[1] - axis._line[0]), positions) if is_line else axis

    def over(self, dims: Sequence[int], shape: Sequence[int]) -> "Axis | None":
        """Return the fields of units of this shape that depend on all units along some dimensions.

        None if these units have different fields.
        """
        positions = self.positions
        dims = tuple(dim % positions.ndim for dim in dims)
        if {dim - positions.ndim for dim in dims}.intersection(self.varying):
            return None
        for dim in dims:
            positions = positions.narrow(dim, 0, 1)
        return replace(
            self, positions=(positions.squeeze(dims) if len(shape) < positions.ndim else positions).expand(shape)
        )

    def through(self, windows: Mapping[int, Range], default: int | None, shape: Sequence[int]) -> "Axis | None":
        """Return the fields after a window slides over the units: r + (e − 1)·s, with extent e and stride s.

        Args:
            windows: The range of the window by dimension, counted from the last.
            default: The dimension that the window moves along if there is only one unit along the axis.
            shape: Of the tensor that is returned.
        """
        dim = self._dim(default)
        if not self.is_even or self.varying == [-len(windows) - 1]:  # it mixes channels
            return None
        window = windows.get(dim or 0)
        if window is None or dim is None:
            return replace(self, positions=_along(dim, self._line).expand(shape))
        reach = self.stride * (window.kernel_size - 1) * window.dilation
        stride = self.stride * window.stride
        first = self.first - self.stride * window.padding + min(0, reach)
        return Axis(
            self.size + abs(reach), stride, _along(dim, first + stride * torch.arange(shape[dim])).expand(shape)
        )

    def padded(self, before: Mapping[int, int], default: int | None, shape: Sequence[int]) -> "Axis | None":
        """Return the fields after units are added at the border: those of an image that goes on there.

        Args:
            before: Units before the first one by dimension, counted from the last.
            default: As in `through`.
            shape: Of the tensor that is returned.
        """
        dim = self._dim(default)
        if not self.is_even:
            return None
        if dim is None:
            return replace(self, positions=_along(dim, self.first).expand(shape))
        units = torch.arange(shape[dim]) - before.get(dim, 0)
        return replace(self, positions=_along(dim, self.first + self.stride * units).expand(shape))

    def joined(self, other: "Axis", shape: Sequence[int]) -> "Axis | None":
        """Return the fields of units that depend on a unit of each of two tensors; None if their distance varies."""
        mine, others = self._compact, other._compact
        if self.size == other.size and mine.shape == others.shape and torch.equal(mine, others):
            return Axis(self.size, self.stride, self.positions.expand(shape))
        distance = (others - mine).flatten()
        if not bool((distance == distance[0]).all()) or self.stride != other.stride:
            return None
        end = max(self.size, int(distance[0]) + other.size)
        before = min(0, int(distance[0]))
        return Axis(end - before, self.stride, (mine + before).expand(shape))


def _along(dim: int | None, values: Tensor) -> Tensor:
    """Values along a dimension, counted from the last; a single one if there is none."""
    return values if dim is None else values.view([-1] + [1] * (-dim - 1))
