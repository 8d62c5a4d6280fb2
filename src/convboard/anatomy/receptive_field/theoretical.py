"""Theoretical receptive fields: size, stride and position in an image without borders.

The formulas are those of A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill, 2019. They hold while all units have the same field. After a function that gives units different fields, such
as an interpolation or a Linear, there is no theoretical field, and `bounding_boxes` has the field of each unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from convboard.anatomy.function_call import (
    CREATING,
    ELEMENTWISE,
    JOINING,
    MOVING,
    FunctionCall,
    Pair,
    Window,
    share_memory,
    tensors_in,
    words,
)

# Functions that may exchange rows and columns although the size stays the same.
_PERMUTING = words("transpose permute flip roll rot90 swapaxes movedim t get fliplr flipud")


@dataclass(frozen=True)
class Field:
    """The receptive field of the units of a tensor; every pair is (height, width) in pixels.

    Attributes:
        size: Of the field of one unit.
        stride: From the field of one unit to the next.
        start: Top left corner of the first unit's field. 0 is the image's first pixel; padding has negative positions.
        is_spatial: Whether the units still have rows and columns; False after a flatten.
    """

    size: Pair
    stride: Pair
    start: Pair
    is_spatial: bool = True

    @property
    def center(self) -> tuple[float, float]:
        """Centre of the first unit's field, where pixel i extends from i − 0.5 to i + 0.5."""
        vertical, horizontal = (start + (size - 1) / 2 for start, size in zip(self.start, self.size))
        return vertical, horizontal

    def through(self, window: Window) -> "Field":
        """Return the field after a window slides over the units: r + (e − 1)·s, with extent e and stride s."""
        return Field(
            size=_pairwise(lambda r, s, e: r + (e - 1) * s, self.size, self.stride, window.extent),
            stride=_pairwise(lambda s, w: s * w, self.stride, window.stride),
            # "same" with an odd sum has the larger padding at the bottom and the right
            start=_pairwise(lambda a, s, p: a - s * (p // 2), self.start, self.stride, window.total_padding),
        )

    def joined(self, other: "Field") -> "Field | None":
        """Return the field of units that depend on a unit of each tensor; None if the strides differ."""
        if self.stride != other.stride or not (self.is_spatial and other.is_spatial):
            return None
        start = _pairwise(min, self.start, other.start)
        ends = (_pairwise(lambda a, r: a + r, field.start, field.size) for field in (self, other))
        return Field(_pairwise(lambda a, b, s: max(a, b) - s, *ends, start), self.stride, start)


class FieldTracker:
    """The theoretical fields of all tensors of a run; a `trace.Tracker`.

    Args:
        images: [N, C, H, W], what the network is called with.
    """

    def __init__(self, images: Tensor) -> None:
        # Tensor id to (tensor, field). Holding the tensor keeps its id from being used again.
        self._known: dict[int, tuple[Tensor, Field | None]] = {id(images): (images, Field((1, 1), (1, 1), (0, 0)))}

    def value(self, tensor: Tensor) -> Field | None:
        """Return the field of a tensor's units; None if they have different fields or do not depend on the image."""
        return self._known.get(id(tensor), (tensor, None))[1]

    def invalidate(self, written: Tensor) -> None:
        """A tensor was written to: units of a tensor that shares its memory may have different fields."""
        for tensor, _ in list(self._known.values()):
            if tensor is not written and share_memory(tensor, written):
                self._known[id(tensor)] = (tensor, None)

    def update(self, call: FunctionCall, result: Any) -> None:
        """Compute the field of what a function returned."""
        if call.name in CREATING:
            for tensor in tensors_in(result):
                self._known.pop(id(tensor), None)
            return
        given = [tensor for tensor in call.tensors if id(tensor) in self._known]
        if not given:
            return
        field = self._through(call, given)
        for tensor in tensors_in(result):
            if field and not (tensor.ndim >= 4 and _keeps_positions(call, given, tensor)):
                field = replace(field, is_spatial=False)
            self._known[id(tensor)] = (tensor, field)

    def _through(self, call: FunctionCall, given: list[Tensor]) -> Field | None:
        """The field after a function; None if its units have different fields."""
        field = self.value(given[0])
        for tensor in given[1:]:
            other = self.value(tensor)
            field = field.joined(other) if field and other else None
        if field is None:
            return None
        name = call.name
        if not field.is_spatial:
            return field if name in ELEMENTWISE | MOVING or _uses_running_statistics(call) else None
        if window := _window(call, given[0]):
            return field.through(window)
        if call.name == "pad":
            left, _, top, _ = (*call.arguments["pad"], 0, 0)[:4]
            return replace(
                field, start=(field.start[0] - top * field.stride[0], field.start[1] - left * field.stride[1])
            )
        is_unchanged = name in ELEMENTWISE | MOVING | JOINING | {"local_response_norm"}
        return field if is_unchanged or _uses_running_statistics(call) else None


def _keeps_positions(call: FunctionCall, given: list[Tensor], returned: Tensor) -> bool:
    """Return whether the units keep their rows and columns, apart from the shift of a window or a padding."""
    if _window(call, given[0]) or call.name == "pad":
        return True
    return all(tensor.shape[-2:] == returned.shape[-2:] for tensor in given) and call.name not in _PERMUTING


def _window(call: FunctionCall, given: Tensor) -> Window | None:
    """The window of a function; an adaptive pooling that divides an image evenly has one too."""
    if call.name not in {"adaptive_avg_pool2d", "adaptive_max_pool2d"} or given.ndim != 4:
        return call.window
    asked = call.arguments.get("output_size", call.args[1] if len(call.args) > 1 else None)
    height, width = given.shape[2:]
    rows, columns = asked if isinstance(asked, (tuple, list)) else (asked, asked)
    rows, columns = rows or height, columns or width
    if (rows, columns) == (1, 1) or height % rows or width % columns:
        return None
    kernel = (height // rows, width // columns)
    return Window(kernel, kernel, (0, 0), (1, 1))


def _uses_running_statistics(call: FunctionCall) -> bool:
    """Return whether it is a batch normalisation that does not depend on the other units of the batch."""
    return call.name == "batch_norm" and not call.arguments.get("training")


def _pairwise(combine: Callable[..., int], *pairs: Pair) -> Pair:
    height, width = (combine(*values) for values in zip(*pairs))
    return height, width
