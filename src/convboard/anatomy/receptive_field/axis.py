"""Theoretical receptive fields along one axis of the image, for all units of a tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan

import torch
from torch import Tensor

from convboard.anatomy.receptive_field.boxes import without_repetitions
from convboard.anatomy.receptive_field.propagation import Range

NOWHERE = float("nan")  # the position of a unit that does not depend on the image


@dataclass(frozen=True, eq=False)
class Axis:
    """The receptive fields of the units of a tensor, along one axis of the image, in pixels.

    Most are a line: the positions change along one dimension at most, there in even steps. Then no tensor is needed.

    Attributes:
        size: Of the field of each unit.
        stride: From the field of one unit to the next; negative if the units are in reverse order.
        shape: Of the tensor.
        first: The first pixel of the field of the first unit; padding has negative ones.
        dim: The dimension of a line, counted from the last; None if all units have the same position.
        uneven: The first pixel of the field of each unit, if they are no line.
    """

    size: int
    stride: int
    shape: Sequence[int]
    first: float
    dim: int | None
    uneven: Tensor | None = None

    @cached_property
    def positions(self) -> Tensor:
        """The first pixel of the field of each unit, of the tensor's shape."""
        if self.uneven is not None:
            return self.uneven
        units = torch.arange(self.shape[self.dim] if self.dim is not None else 1)
        return _along(self.dim, (self.first + self.stride * units).float()).expand(self.shape)

    def is_along(self, dim: int) -> bool:
        """Return whether the units are in a row along a dimension, at even distances."""
        return self.uneven is None and self._dim(dim) == dim

    def _dim(self, default: int | None) -> int | None:
        """The dimension of a line; the default if there is only one unit along it."""
        if self.dim is not None or default is None:
            return self.dim
        return default if self.shape[default] == 1 else None

    @classmethod
    def line(cls, size: int, stride: int, shape: Sequence[int], first: float, dim: int | None) -> "Axis":
        """Return fields at even distances along a dimension of a tensor, which may have only one unit there."""
        return cls(size, stride, shape, first, None if dim is None or shape[dim] == 1 else dim)

    def at(self, positions: Tensor) -> "Axis":
        """Return the fields of the same units at other places of a tensor."""
        compact = without_repetitions(positions)
        dims = [dim for dim in range(-compact.ndim, 0) if compact.shape[dim] > 1]
        if len(dims) > 1:
            dims = [dim for dim in dims if not torch.equal(compact, compact.narrow(dim, 0, 1).expand_as(compact))]
        start: list[int | slice] = [0] * compact.ndim
        if dims:
            start[dims[0]] = slice(None)
        line = compact[tuple(start)].flatten().tolist()
        step = line[1] - line[0] if len(line) > 1 else 0
        if len(dims) > 1 or isnan(line[0]) or line != [line[0] + step * unit for unit in range(len(line))]:
            return Axis(self.size, self.stride, positions.shape, line[0], None, positions)
        axis = Axis(self.size, int(step) or self.stride, positions.shape, line[0], dims[0] if step else None)
        vars(axis)["positions"] = positions  # they need not be computed again
        return axis

    def expanded(self, shape: Sequence[int]) -> "Axis":
        """Return the fields of units that are repeated to a shape."""
        if shape == self.shape:
            return self
        if self.uneven is None:
            return Axis.line(self.size, self.stride, shape, self.first, self.dim)
        return replace(self, shape=shape, uneven=self.uneven.expand(shape))

    def reshaped(self, shape: Sequence[int]) -> "Axis | None":
        """Return the fields of a line's units in another shape; None if it may be no line there."""
        if self.uneven is not None or (self.dim is not None and self.shape[self.dim :] != shape[self.dim :]):
            return None
        return Axis.line(self.size, self.stride, shape, self.first, self.dim)

    def is_like(self, other: "Axis") -> bool:
        """Return whether both are lines of the same fields."""
        mine, others = ((one.size, one.stride, one.first, one.dim) for one in (self, other))
        return self.uneven is None and other.uneven is None and mine == others

    def over(self, dims: Sequence[int], shape: Sequence[int]) -> "Axis | None":
        """Return the fields of units of this shape that depend on all units along some dimensions.

        None if these units have different fields.
        """
        ndim = len(self.shape)
        dims = sorted({dim % ndim - ndim for dim in dims})
        is_removed = len(shape) < ndim
        if self.uneven is None:
            if self.dim in dims:
                return None
            behind = sum(dim > (self.dim or 0) for dim in dims) if is_removed else 0
            dim = None if self.dim is None else self.dim + behind
            return Axis.line(self.size, self.stride, shape, self.first, dim)
        positions = self.uneven
        for dim in dims:
            first = positions.narrow(dim, 0, 1)
            if not torch.equal(positions, first.expand_as(positions)):
                return None
            positions = first
        return self.at((positions.squeeze(tuple(dims)) if is_removed else positions).expand(shape))

    def through(self, windows: Mapping[int, Range], default: int | None, shape: Sequence[int]) -> "Axis | None":
        """Return the fields after a window slides over the units: r + (e − 1)·s, with extent e and stride s.

        Args:
            windows: The range of the window by dimension, counted from the last.
            default: The dimension that the window moves along if there is only one unit along the axis.
            shape: Of the tensor that is returned.
        """
        dim = self._dim(default)
        if self.uneven is not None or self.dim == -len(windows) - 1:  # it mixes channels
            return None
        window = windows.get(dim or 0)
        if window is None or dim is None:
            return Axis.line(self.size, self.stride, shape, self.first, dim)
        reach = self.stride * (window.kernel_size - 1) * window.dilation
        first = self.first - self.stride * window.padding + min(0, reach)
        return Axis.line(self.size + abs(reach), self.stride * window.stride, shape, first, dim)

    def padded(self, before: Mapping[int, int], default: int | None, shape: Sequence[int]) -> "Axis | None":
        """Return the fields after units are added at the border: those of an image that goes on there.

        Args:
            before: Units before the first one by dimension, counted from the last.
            default: As in `through`.
            shape: Of the tensor that is returned.
        """
        dim = self._dim(default)
        if self.uneven is not None:
            return None
        first = self.first - self.stride * before.get(dim or 0, 0)
        return Axis.line(self.size, self.stride, shape, first, dim)

    def joined(self, other: "Axis", shape: Sequence[int]) -> "Axis | None":
        """Return the fields of units that depend on a unit of each of two tensors; None if their distance varies."""
        if self.uneven is not None or other.uneven is not None:
            return self._joined_uneven(other, shape)
        is_same = self.size == other.size and self.first == other.first
        if self.dim != other.dim or (self.stride != other.stride and not (is_same and self.dim is None)):
            return None
        before, end = _span(self, other, other.first - self.first)
        return Axis.line(end - before, self.stride, shape, self.first + before, self.dim)

    def _joined_uneven(self, other: "Axis", shape: Sequence[int]) -> "Axis | None":
        mine, others = without_repetitions(self.positions), without_repetitions(other.positions)
        if self.size == other.size and mine.shape == others.shape and torch.equal(mine, others):
            return self.expanded(shape)
        distance = (others - mine).flatten()
        if not bool((distance == distance[0]).all()) or self.stride != other.stride:
            return None
        before, end = _span(self, other, float(distance[0]))
        return Axis(end - before, self.stride, shape, self.first + before, None, (mine + before).expand(shape))


def _span(one: Axis, other: Axis, distance: float) -> tuple[int, int]:
    """The first pixel and the end of two fields together, from the first pixel of one; `distance` is to the other."""
    return min(0, int(distance)), max(one.size, int(distance) + other.size)


def _along(dim: int | None, values: Tensor) -> Tensor:
    """Values along a dimension, counted from the last; a single one if there is none."""
    return values if dim is None else values.view([-1] + [1] * (-dim - 1))
