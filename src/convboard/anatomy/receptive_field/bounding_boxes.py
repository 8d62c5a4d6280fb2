"""Exact receptive fields: for every unit, the smallest box of pixels that contains all pixels that can change it.

Each tensor of a run has four tensors of the same shape beside it: how far its units' boxes extend up, left, down and
right. A function that moves units moves these too; a sliding window takes the largest in the window, where padding is
empty. Branches, groups of channels, dilation and borders therefore need no formulas. A function that is not known here
is taken to depend on its whole input, which can only make a box too large.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_names import ELEMENTWISE, JOINING, MOVING, REDUCING, RESHAPING
from convboard.anatomy.receptive_field.boxes import EMPTY, Extents, TensorBoxes, maximum
from convboard.anatomy.receptive_field.dimensions import COMPARISON_RULES, DIMENSION_RULES
from convboard.anatomy.receptive_field.indexing import INDEX_RULES, selected, taken
from convboard.anatomy.receptive_field.products import PRODUCT_RULES
from convboard.anatomy.receptive_field.propagation import (
    KnownTensors,
    Rule,
    has_same_numbers,
    moved,
    union,
    union_of_all,
    written_through,
)
from convboard.anatomy.receptive_field.windows import UNPOOLING_RULES, WINDOW_RULES, ranges_of

_OF_ALL_ARGUMENTS: dict[str, Rule] = PRODUCT_RULES | INDEX_RULES | COMPARISON_RULES | UNPOOLING_RULES
_OF_THE_FIRST_ARGUMENT: dict[str, Rule] = WINDOW_RULES | DIMENSION_RULES


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
        self._known[images] = TensorBoxes.of((-rows, -columns, rows + 1, columns + 1), images.shape)

    def value(self, tensor: Tensor) -> TensorBoxes | None:
        """Return the boxes of a tensor's units; None if they do not depend on the images."""
        return self._known.get(tensor)

    def update(self, call: FunctionCall, result: Any) -> None:
        """Compute the boxes of what a function returned."""
        returned = tensors_in(result)
        sources = self._known.in_order(call.sources)
        if not sources:
            for tensor in returned:  # an in-place function may have replaced its values
                self._known.remove(tensor)
            return
        try:
            after = self._apply(call, sources, returned)
            boxes = [TensorBoxes.of(extents, tensor.shape) for extents, tensor in zip(after, returned, strict=True)]
        except (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
            # Arguments that are not known here.
            boxes = [TensorBoxes.of(union_of_all(sources, tensor.shape), tensor.shape) for tensor in returned]
        for tensor, its in zip(returned, boxes):
            self._known[tensor] = its
        if call.name.startswith("max_pool") and len(returned) == 2:
            ranges, given = ranges_of(call), call.tensors[0]
            self._known.pooled[returned[1]] = (ranges, given.shape[-len(ranges) :])

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """A tensor was written to: those that share its memory have the new boxes where they have its numbers."""
        new = self._known.get(written)
        for tensor in sharing:
            if new and has_same_numbers(tensor, written):
                self._known[tensor] = new
                continue
            before = self._known.get(tensor)
            if new or before:
                both = zip(before or _NO_BOXES, new or _NO_BOXES)
                extents = tuple(written_through(old, units, tensor, written) for old, units in both)
                self._known[tensor] = TensorBoxes.of(extents, tensor.shape)

    def forget(self, tensor: Tensor) -> None:
        """The trace does not know what this tensor depends on."""
        self._known.remove(tensor)

    def _apply(self, call: FunctionCall, sources: Sequence[Extents], returned: list[Tensor]) -> list[Extents]:
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
        return list(zip(*moved(call, each, EMPTY, returned), strict=True))

    def _moved(self, call: FunctionCall, sources: Sequence[Extents], returned: list[Tensor]) -> list[Extents]:
        """The extents after a function that moves units; it may take the places from a tensor of the images."""
        moving = call.args[0] if call.args else call.kwargs["input"]
        if call.name in RESHAPING and returned[0].shape == moving.shape:
            return list(sources)
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
