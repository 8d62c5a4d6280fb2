"""The boxes of pixels that the units of a tensor depend on, as tensors.

The extents of a tensor are four tensors of its shape: −top, −left, bottom and right of the box of each unit, in pixels.
With these signs a larger value is always a larger box, so that the union of boxes is a maximum. A dimension along which
they do not change is an expanded one, with stride 0, and costs neither memory nor time.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from convboard.anatomy.function_call import Pair

EMPTY = float("-inf")  # extent of a box without pixels
Extents = tuple[Tensor, ...]  # four tensors of the same shape
_LARGE = 10_000  # numbers, from which on to look for repetitions is faster than to compute with all of them


class Box(NamedTuple):
    """The pixels `image[:, top:bottom, left:right]`; (0, 0, 0, 0) for a unit that depends only on padding."""

    top: int
    left: int
    bottom: int
    right: int


class TensorBoxes(Extents):
    """The extents of one tensor.

    Tensors whose units have the same boxes share one object, so that what is computed from it is computed once.

    Attributes:
        compact: The extents with size 1 along dimensions in which they are expanded.
    """

    compact: Extents

    @classmethod
    def of(cls, extents: Extents, shape: torch.Size) -> "TensorBoxes":
        """Return the boxes of a tensor of this shape, from extents that can be broadcast to it."""
        if isinstance(extents, cls) and extents[0].shape == shape:
            return extents
        compact = tuple(map(without_repetitions, extents))
        if missing := len(shape) - extents[0].ndim:
            compact = tuple(extent[(None,) * missing] for extent in compact)
        boxes = cls(extent.expand(shape) for extent in compact)
        boxes.compact = compact
        return boxes

    def box(self, row: int | None = None, column: int | None = None) -> Box:
        """Return the smallest box that contains those of all units at a position, of all channels and images.

        Args:
            row: Row of the units in [N, C, H, W]; None for all units of the tensor.
            column: Column of the units, likewise.
        """
        at = (..., slice(None) if row is None else row, slice(None) if column is None else column)
        return _box(self.compact if row is column is None else [extent[at] for extent in self])

    @cached_property
    def spans(self) -> tuple[list[Pair], list[Pair]]:
        """For [N, C, H, W], the pixels (first, end) of each row of units, and of each column; `end` is excluded."""
        (up, left, down, right), (height, width) = self.compact, self[0].shape[2:]
        return (
            _pairs(_values_along(up, 2, height), _values_along(down, 2, height)),
            _pairs(_values_along(left, 3, width), _values_along(right, 3, width)),
        )

    @cached_property
    def largest(self) -> Pair | None:
        """Height and width in pixels of the largest box; None if all boxes are empty."""
        up, left, down, right = self.compact
        height, width = float((up + down).max()), float((left + right).max())
        return None if height == EMPTY else (int(height), int(width))


def without_repetitions(extent: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """Return a view of size 1 along dimensions that `expand` has repeated.

    Args:
        extent: Any shape.
        dims: The dimensions to look at; None for all.
    """
    strides = extent.stride()
    if 0 not in strides:
        return extent
    shape = [1 if step == 0 and n > 1 else n for n, step in zip(extent.shape, strides)]
    if dims is not None:
        among = {dim % extent.ndim for dim in dims}
        shape = [n if dim in among else extent.shape[dim] for dim, n in enumerate(shape)]
    return extent.as_strided(shape, strides)


def compacted(extent: Tensor) -> Tensor:
    """Return a large tensor expanded along dimensions in which its values are all the same; other tensors unchanged.

    A function that copies its input has written these values out.
    """
    if extent.numel() < _LARGE or 0 in extent.stride():
        return extent
    compact = extent
    for dim in range(extent.ndim):
        first = compact.narrow(dim, 0, 1)
        if compact.shape[dim] > 1 and torch.equal(compact, first.expand_as(compact)):
            compact = first
    return compact.clone().expand_as(extent) if compact.numel() < extent.numel() else extent


def maximum(extent: Tensor, dims: Sequence[int], keepdim: bool = True) -> Tensor:
    """Return the maximum over some dimensions.

    Args:
        extent: Any shape.
        dims: The dimensions; () for none.
        keepdim: Whether they stay with size 1, rather than being removed.
    """
    if not dims:
        return extent
    dims = tuple(dim % extent.ndim for dim in dims)
    repeated = without_repetitions(extent)
    varying = [dim for dim in dims if repeated.shape[dim] > 1]
    largest = repeated.amax(varying, keepdim=True) if varying else repeated
    full = largest.expand([1 if dim in dims else size for dim, size in enumerate(extent.shape)])
    return full if keepdim else full.squeeze(dims)


def _values_along(extent: Tensor, dim: int, count: int) -> list[float]:
    """The maximum of each of `count` positions along a dimension of a compact extent."""
    varying = [other for other, size in enumerate(extent.shape) if other != dim and size > 1]
    values: list[float] = (extent.amax(varying) if varying else extent).flatten().tolist()
    return values if len(values) == count else values * count


def _box(extents: Sequence[Tensor]) -> Box:
    up, left, down, right = (float(extent.amax()) for extent in extents)
    return Box(0, 0, 0, 0) if up == EMPTY else Box(int(-up), int(-left), int(down), int(right))


def _pairs(firsts: list[float], ends: list[float]) -> list[Pair]:
    """−first and end of each span as pairs (first, end); (0, 0) for an empty one."""
    return [(0, 0) if first == EMPTY else (int(-first), int(end)) for first, end in zip(firsts, ends)]
