"""Receptive fields as if the image had no borders: how large, how far apart, where the first one lies.

The arithmetic is that of A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill, 2019. It holds where the fields of all units are alike; where they are not (behind an interpolation, say, or a
Linear), nothing is said here, and `boxes` knows each unit's own.
"""

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_kinds import ELEMENTWISE, FRESH, JOINING, MOVING
from convboard.anatomy.sliding_window import Pair, Window
from convboard.anatomy.trace import share_memory

Sizes = tuple[float, float]


@dataclass(frozen=True)
class Field:
    """What the units of a picture see of the image; every pair is (height, width), in pixels.

    Attributes:
        size: Of what one unit sees.
        stride: From one unit to the next.
        start: Top left corner of what the first unit sees, in which 0 is the image's first pixel; padding is negative.
        slides: Whether the units lie in rows and columns; false once they are flattened.
    """

    size: Pair
    stride: Pair
    start: Pair
    slides: bool = True

    @property
    def center(self) -> Sizes:
        """The middle of what the first unit sees: pixel i reaches from i − 0.5 to i + 0.5."""
        vertical, horizontal = (start + (size - 1) / 2 for start, size in zip(self.start, self.size))
        return vertical, horizontal

    def through(self, window: Window) -> "Field":
        """What the units see that look through a window at the units of this field."""
        return Field(
            size=_pairwise(lambda r, s, e: r + (e - 1) * s, self.size, self.stride, window.extent),
            stride=_pairwise(lambda s, w: s * w, self.stride, window.stride),
            # "same" with an odd sum pads more behind
            start=_pairwise(lambda a, s, p: a - s * (p // 2), self.start, self.stride, window.total_padding),
        )

    def joined(self, other: "Field") -> "Field | None":
        """What a unit sees that depends on a unit of each; None if these move apart."""
        if self.stride != other.stride or not (self.slides and other.slides):
            return None
        start = _pairwise(min, self.start, other.start)
        ends = (_pairwise(lambda a, r: a + r, field.start, field.size) for field in (self, other))
        return Field(_pairwise(lambda a, b, s: max(a, b) - s, *ends, start), self.stride, start)


class Fields:
    """Follows the fields through a network's functions.

    Args:
        images: What the network is given.
    """

    def __init__(self, images: Tensor) -> None:
        self._known: dict[int, tuple[Tensor, Field | None]] = {id(images): (images, Field((1, 1), (1, 1), (0, 0)))}

    def of(self, tensor: Tensor) -> Field | None:
        """The field of a picture's units; None where they are not all alike."""
        return self._known.get(id(tensor), (tensor, None))[1]

    def overwrite(self, written: Tensor) -> None:
        """A tensor has been written to: what shares its memory no longer sees alike."""
        for tensor, _ in list(self._known.values()):
            if tensor is not written and share_memory(tensor, written):
                self._known[id(tensor)] = (tensor, None)

    def follow(self, call: FunctionCall, result: Any) -> None:
        """Work out the field of what a function returned."""
        if call.name in FRESH:
            for tensor in tensors_in(result):
                self._known.pop(id(tensor), None)
            return
        given = [tensor for tensor in call.tensors if id(tensor) in self._known]
        if not given:
            return
        field = self._through(call, given)
        for tensor in tensors_in(result):
            if field and not (tensor.ndim >= 4 and self._keeps(call, given, tensor)):
                field = replace(field, slides=False)
            self._known[id(tensor)] = (tensor, field)

    def _through(self, call: FunctionCall, given: list[Tensor]) -> Field | None:
        """The field behind a function, for as long as its output still is a picture."""
        field = self.of(given[0])
        for tensor in given[1:]:
            other = self.of(tensor)
            field = field.joined(other) if field and other else None
        if field is None:
            return None
        name = call.name
        if not field.slides:
            return field if name in ELEMENTWISE | MOVING or _is_fixed_norm(call) else None
        if window := _window(call, given[0]):
            return field.through(window)
        if call.name == "pad":
            left, _, top, _ = (*call.arguments["pad"], 0, 0)[:4]
            return replace(
                field, start=(field.start[0] - top * field.stride[0], field.start[1] - left * field.stride[1])
            )
        is_alike = name in ELEMENTWISE | MOVING | JOINING | {"local_response_norm"}
        return field if is_alike or _is_fixed_norm(call) else None

    def _keeps(self, call: FunctionCall, given: list[Tensor], returned: Tensor) -> bool:
        """Whether the units are still where they were: a function that moves them may have moved rows and columns."""
        if _window(call, given[0]) or call.name == "pad":
            return True
        return all(tensor.shape[-2:] == returned.shape[-2:] for tensor in given) and not _turns(call)


def _window(call: FunctionCall, given: Tensor) -> Window | None:
    """The window of a function; an adaptive pooling that divides a picture evenly has one as well."""
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


def _is_fixed_norm(call: FunctionCall) -> bool:
    """Whether it is a batch normalisation by statistics that it remembers."""
    return call.name == "batch_norm" and not call.arguments.get("training")


def _turns(call: FunctionCall) -> bool:
    """Whether rows or columns have changed places although the size is the same."""
    return call.name in {
        "transpose",
        "permute",
        "flip",
        "roll",
        "rot90",
        "swapaxes",
        "movedim",
        "t",
        "get",
        "fliplr",
        "flipud",
    }


def _pairwise(combine: Any, *pairs: Pair) -> Pair:
    height, width = (combine(*values) for values in zip(*pairs))
    return height, width
