"""Exact receptive fields: for every unit, the smallest box of pixels that contains all pixels that can change it.

Each tensor of a run has four tensors of the same shape beside it: how far its units' boxes extend up, left, down and
right. A function that moves units moves these too; a sliding window takes the largest in the window, where padding is
empty. Branches, groups of channels, dilation and borders therefore need no formulas. A function that is not known here
is taken to depend on its whole input, which can only make a box too large.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from convboard.anatomy.function_call import (
    ALONG_DIMENSION,
    CREATING,
    ELEMENTWISE,
    JOINING,
    MOVING,
    REDUCING,
    FunctionCall,
    Pair,
    share_memory,
    tensors_in,
)
from convboard.anatomy.receptive_field.propagation import EMPTY, RULES, Extents, dims_of, maximum, union, union_of_all


class Box(NamedTuple):
    """The pixels `image[:, top:bottom, left:right]`; (0, 0, 0, 0) for a unit that depends only on padding."""

    top: int
    left: int
    bottom: int
    right: int


class TensorBoxes:
    """The boxes of the units of one tensor.

    Args:
        extents: Four tensors of its shape: −top, −left, bottom and right of each box.
    """

    def __init__(self, extents: Extents) -> None:
        self.extents = extents

    def box(self, row: int | None = None, column: int | None = None) -> Box:
        """Return the smallest box that contains those of all units at a position, of all channels and images.

        Args:
            row: Row of the units in [N, C, H, W]; None for all units of the tensor.
            column: Column of the units, likewise.
        """
        at = (..., slice(None) if row is None else row, slice(None) if column is None else column)
        return _box([extent if row is column is None else extent[at] for extent in self.extents])

    @cached_property
    def spans(self) -> tuple[list[Pair], list[Pair]]:
        """For [N, C, H, W], the pixels (first, end) of each row of units, and of each column; `end` is excluded."""
        vertical = torch.stack([maximum(extent, (0, 1, 3)).flatten() for extent in self.extents[::2]])
        horizontal = torch.stack([maximum(extent, (0, 1, 2)).flatten() for extent in self.extents[1::2]])
        return _pairs(vertical), _pairs(horizontal)

    def largest(self) -> Pair | None:
        """Return the height and width in pixels of the largest box; None if all boxes are empty."""
        up, left, down, right = self.extents
        height, width = (maximum(a + b, tuple(range(a.ndim))).item() for a, b in ((up, down), (left, right)))
        return None if height == EMPTY else (int(height), int(width))


class BoundingBoxes:
    """The boxes of all tensors of a run; a `trace.Tracker`.

    Args:
        images: [N, C, H, W], what the network is called with.
    """

    def __init__(self, images: Tensor) -> None:
        height, width = images.shape[-2:]
        rows = torch.arange(height, dtype=torch.float32).view(1, 1, -1, 1)
        columns = torch.arange(width, dtype=torch.float32).view(1, 1, 1, -1)
        extents = tuple(extent.expand(images.shape) for extent in (-rows, -columns, rows + 1, columns + 1))
        # Tensor id to (tensor, extents). Holding the tensor keeps its id from being used again.
        self._known: dict[int, tuple[Tensor, Extents]] = {id(images): (images, extents)}

    def value(self, tensor: Tensor) -> TensorBoxes | None:
        """Return the boxes of a tensor's units; None if they do not depend on the images."""
        found = self._known.get(id(tensor))
        return TensorBoxes(found[1]) if found else None

    def update(self, call: FunctionCall, result: Any) -> None:
        """Compute the boxes of what a function returned."""
        returned = list(tensors_in(result))
        if call.name == "setitem":
            return self._assign(call, returned[0])
        sources = call.tensors[1:] if call.name == "copy" else [] if call.name in CREATING else call.tensors
        given = [tensor for tensor in sources if id(tensor) in self._known]
        if not given:
            for tensor in returned:  # an in-place function may have replaced its values
                self._known.pop(id(tensor), None)
            return None
        before = [self._known[id(tensor)][1] for tensor in given]
        try:
            after = self._apply(call, given, before, returned)
        except (IndexError, RuntimeError, TypeError, ValueError):  # arguments that are not known here
            after = [union_of_all(before, tensor.shape) for tensor in returned]
        for tensor, extents in zip(returned, after):
            self._keep(tensor, extents)
        return None

    def invalidate(self, written: Tensor) -> None:
        """A tensor was written to: a unit of a tensor that shares its memory may have any of its boxes."""
        found = self._known.get(id(written))
        if found is None:
            return
        for tensor, extents in list(self._known.values()):
            if tensor is not written and share_memory(tensor, written):
                self._keep(tensor, union([extents, union_of_all([found[1]], tensor.shape)]))

    def _keep(self, tensor: Tensor, extents: Extents) -> None:
        self._known[id(tensor)] = (tensor, tuple(extent.expand(tensor.shape) for extent in extents))

    def _assign(self, call: FunctionCall, written: Tensor) -> None:
        """`x[index] = value`: the units at the index get the boxes of the value's."""
        _, index, value = call.args
        empty = torch.full(written.shape, EMPTY)
        before = self._known[id(written)][1] if id(written) in self._known else (empty,) * 4
        source = self._known.get(id(value))
        after = tuple(extent.clone(memory_format=torch.contiguous_format) for extent in before)
        assigned: tuple[Tensor | float, ...] = source[1] if source else (EMPTY,) * 4
        for extent, new in zip(after, assigned):
            extent[index] = new
        self._keep(written, after)

    def _apply(
        self, call: FunctionCall, given: list[Tensor], before: list[Extents], returned: list[Tensor]
    ) -> list[Extents]:
        """The extents of each returned tensor, from those of the given ones."""
        name, shape, first = call.name, returned[0].shape, before[0]
        if name in MOVING | JOINING or (name == "pad" and call.arguments.get("mode", "constant") != "constant"):
            return self._moved(call, given, before)
        if rule := RULES.get(name):
            return [rule(call, first, shape)] * len(returned)
        is_of_two = name in REDUCING and len(call.args) > 1 and isinstance(call.args[1], Tensor)  # torch.max(x, y)
        if name in ELEMENTWISE or name == "copy" or is_of_two:
            return [union(before)] * len(returned)
        if name in REDUCING or name in ALONG_DIMENSION:
            dims = dims_of(call, given[0].ndim)
            keepdim = name in ALONG_DIMENSION or len(shape) == given[0].ndim
            return [tuple(maximum(extent, dims, keepdim) for extent in first)] * len(returned)
        if name in {"matmul", "mm", "bmm"} and min(tensor.ndim for tensor in call.tensors[:2]) >= 2:
            left, right = (self._known.get(id(tensor), (None, ()))[1] for tensor in call.tensors[:2])
            sides = [tuple(maximum(extent, (-1,)) for extent in left)] if left else []
            sides += [tuple(maximum(extent, (-2,)) for extent in right)] if right else []
            return [union(sides)]
        return [union_of_all(before, tensor.shape) for tensor in returned]

    def _moved(self, call: FunctionCall, given: list[Tensor], before: list[Extents]) -> list[Extents]:
        """Call the function itself on the extents in place of the tensors; for `x.view_as(y)`, only in place of x."""
        function: Callable[..., Any] = call.function
        if call.name in {"view", "view_as"}:  # an expanded tensor cannot be viewed in another shape
            function = torch.Tensor.reshape if call.name == "view" else torch.Tensor.reshape_as
            if call.name == "view" and len(call.args) == 2 and isinstance(call.args[1], torch.dtype):
                return [before[0]]
        joins = call.name in JOINING
        results = []
        for number in range(4):
            extent_of = {id(tensor): extents[number] for tensor, extents in zip(given, before)}

            def replaced(value: Any, extent_of: dict[int, Tensor] = extent_of, *, fill: bool = joins) -> Any:
                if isinstance(value, Tensor) and id(value) in extent_of:
                    return extent_of[id(value)]
                return torch.full(value.shape, EMPTY) if fill and isinstance(value, Tensor) else value

            head = call.args[0] if call.args else None
            first = [replaced(item) for item in head] if isinstance(head, (tuple, list)) else replaced(head)
            kwargs = {
                key: [replaced(item) for item in value]
                if joins and isinstance(value, (tuple, list))
                else replaced(value)
                for key, value in call.kwargs.items()
            }
            results.append(list(tensors_in(function(*([first] if call.args else []), *call.args[1:], **kwargs))))
        return [tuple(extents) for extents in zip(*results)]


def _box(extents: list[Tensor]) -> Box:
    up, left, down, right = (float(extent.amax()) for extent in extents)
    return Box(0, 0, 0, 0) if up == EMPTY else Box(int(-up), int(-left), int(down), int(right))


def _pairs(edges: Tensor) -> list[Pair]:
    """[2, n], −first and end of each span, as pairs (first, end); (0, 0) for an empty one."""
    return [(0, 0) if first == EMPTY else (int(-first), int(end)) for first, end in edges.T.tolist()]
