"""Exact receptive fields: for every unit, the smallest box of pixels that contains all pixels that can change it.

Each tensor of a run has four tensors of the same shape beside it: how far its units' boxes extend up, left, down and
right. A function that moves units moves these too; a sliding window takes the largest in the window, where padding is
empty. Branches, groups of channels, dilation and borders therefore need no formulas. A function that is not known here
is taken to depend on its whole input, which can only make a box too large.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, Pair, tensors_in
from convboard.anatomy.function_names import ELEMENTWISE, JOINING, MOVING, REDUCING
from convboard.anatomy.receptive_field.dimensions import COMPARISON_RULES, DIMENSION_RULES
from convboard.anatomy.receptive_field.indexing import INDEX_RULES, selected, taken
from convboard.anatomy.receptive_field.products import PRODUCT_RULES
from convboard.anatomy.receptive_field.propagation import (
    EMPTY,
    Extents,
    KnownTensors,
    Rule,
    expanded,
    maximum,
    moved,
    union,
    union_of_all,
    written_through,
)
from convboard.anatomy.receptive_field.windows import UNPOOLING_RULES, WINDOW_RULES, ranges_of

_OF_ALL_ARGUMENTS: dict[str, Rule] = PRODUCT_RULES | INDEX_RULES | COMPARISON_RULES | UNPOOLING_RULES
_OF_THE_FIRST_ARGUMENT: dict[str, Rule] = WINDOW_RULES | DIMENSION_RULES


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
        self._known = KnownTensors()
        self._known[images] = tuple(e.expand(images.shape) for e in (-rows, -columns, rows + 1, columns + 1))

    def value(self, tensor: Tensor) -> TensorBoxes | None:
        """Return the boxes of a tensor's units; None if they do not depend on the images."""
        extents = self._known.get(tensor)
        return TensorBoxes(extents) if extents else None

    def update(self, call: FunctionCall, result: Any) -> None:
        """Compute the boxes of what a function returned."""
        returned = list(tensors_in(result))
        sources = self._known.in_order(call.sources)
        if not sources:
            for tensor in returned:  # an in-place function may have replaced its values
                self._known.remove(tensor)
            return
        try:
            after = self._apply(call, sources, returned)
            after = [expanded(extents, tensor.shape) for extents, tensor in zip(after, returned, strict=True)]
        except (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
            after = [union_of_all(sources, tensor.shape) for tensor in returned]  # arguments that are not known here
        for tensor, extents in zip(returned, after):
            self._known[tensor] = extents
        if call.name.startswith("max_pool") and len(returned) == 2:
            ranges, given = ranges_of(call), call.tensors[0]
            self._known.pooled[returned[1]] = (ranges, given.shape[-len(ranges) :])

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """A tensor was written to: those that share its memory have the new boxes where they have its numbers."""
        new = self._known.get(written)
        for tensor in sharing:
            before = self._known.get(tensor)
            if new or before:
                both = zip(before or _NO_BOXES, new or _NO_BOXES)
                self._known[tensor] = tuple(written_through(old, units, tensor, written) for old, units in both)

    def forget(self, tensor: Tensor) -> None:
        """The trace does not know what this tensor depends on."""
        self._known.remove(tensor)

    def _apply(self, call: FunctionCall, sources: list[Extents], returned: list[Tensor]) -> list[Extents]:
        """The extents of each returned tensor; `sources` are those of the arguments, in order."""
        name = call.name
        if name in MOVING:
            return self._moved(call, sources, returned)
        if name in JOINING or (name == "pad" and call.arguments.get("mode", "constant") != "constant"):
            return self._called(call, returned)
        is_of_two = name in REDUCING and len(call.args) > 1 and isinstance(call.args[1], Tensor)  # torch.max(x, y)
        if name in ELEMENTWISE or is_of_two or call.replaces_values:
            return [union(sources)] * len(returned)
        if rule := _OF_ALL_ARGUMENTS.get(name):
            return [rule(call, self._known, tensor.shape) for tensor in returned]
        if rule := _OF_THE_FIRST_ARGUMENT.get(name):
            return [self._with_parameters(rule, call, tensor.shape) for tensor in returned]
        return [union_of_all(sources, tensor.shape) for tensor in returned]

    def _called(self, call: FunctionCall, returned: list[Tensor]) -> list[Extents]:
        """Call the function itself on the extents in place of the tensors."""
        known = {id(tensor): extents for tensor in call.sources if (extents := self._known.get(tensor))}
        each = [{key: extents[number] for key, extents in known.items()} for number in range(4)]
        return list(zip(*(moved(call, values, EMPTY, returned) for values in each), strict=True))

    def _moved(self, call: FunctionCall, sources: list[Extents], returned: list[Tensor]) -> list[Extents]:
        """The extents after a function that moves units; it may take the places from a tensor of the images."""
        moving = call.args[0] if call.args else call.kwargs["input"]
        if all(tensor is moving or tensor not in self._known for tensor in call.sources):
            return self._called(call, returned)
        if call.name in {"getitem", "index_select"}:
            rule = taken if call.name == "getitem" else selected
            return [rule(call, self._known, returned[0].shape)]
        return [union_of_all(sources, tensor.shape) for tensor in returned]

    def _with_parameters(self, rule: Rule, call: FunctionCall, shape: torch.Size) -> Extents:
        """The extents by a rule for the first argument; the others are weights, which may come from the images too."""
        given = call.arguments["input"]
        sides = [rule(call, self._known, shape)] if given in self._known else []
        weights = self._known.in_order([tensor for tensor in call.sources if tensor is not given])
        sides += [_of_a_parameter(call.name, extents, shape) for extents in weights]
        return union(sides)


_NO_BOXES = (torch.tensor(EMPTY),) * 4


def _of_a_parameter(name: str, extents: Extents, shape: torch.Size) -> Extents:
    """The extents of units that a weight or a bias takes part in: for most functions, those of its output channel."""
    channel = {"linear": -1, "batch_norm": 1, "instance_norm": 1, "group_norm": 1}.get(name)
    if name in {"conv1d", "conv2d", "conv3d"}:
        channel = -int(name[4]) - 1
    if channel is None or extents[0].shape[0] != shape[channel]:
        return union_of_all([extents], shape)
    view = [1] * len(shape)
    view[channel] = -1
    return tuple(maximum(extent, range(1, extent.ndim)).reshape(view) for extent in extents)


def _box(extents: list[Tensor]) -> Box:
    up, left, down, right = (float(extent.amax()) for extent in extents)
    return Box(0, 0, 0, 0) if up == EMPTY else Box(int(-up), int(-left), int(down), int(right))


def _pairs(edges: Tensor) -> list[Pair]:
    """[2, n], −first and end of each span, as pairs (first, end); (0, 0) for an empty one."""
    return [(0, 0) if first == EMPTY else (int(-first), int(end)) for first, end in edges.T.tolist()]
