"""Theoretical receptive fields: size, stride and position in an image without borders.

The formulas are those of A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill, 2019. They hold while all units have fields of the same size. Each tensor has the position of the field of each
of its units beside it, so that units that a transpose, a shuffle or an index moves keep theirs. After a function that
gives units fields of different sizes, such as an interpolation or a Linear over all features, there is no theoretical
field, and `bounding_boxes` has the field of each unit.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, Pair, tensors_in
from convboard.anatomy.function_names import CUMULATIVE, ELEMENTWISE, JOINING, MOVING, RESHAPING
from convboard.anatomy.receptive_field.axis import NOWHERE, Axis
from convboard.anatomy.receptive_field.dimensions import dims_of, mixed_dims
from convboard.anatomy.receptive_field.products import PRODUCT_RULES, aligned, letters_of
from convboard.anatomy.receptive_field.propagation import Range, moved, on_the_host, written_through
from convboard.anatomy.receptive_field.windows import WINDOW_RULES, convolved, pooled, ranges_of
from convboard.anatomy.tensor_map import TensorMap

_SLIDING = frozenset(name for name, rule in WINDOW_RULES.items() if rule in {convolved, pooled})
Axes = tuple[Axis, ...]  # vertical and horizontal


@dataclass(frozen=True)
class Field:
    """The receptive field of the units of a tensor; every pair is (height, width) in pixels.

    Attributes:
        size: Of the field of one unit.
        stride: From the field of one unit to the next; negative if the units are in reverse order.
        start: Top left corner of the first unit's field. 0 is the image's first pixel; padding has negative positions.
        is_spatial: Whether the units have rows and columns, as the last two dimensions; False after a flatten.
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


def field_of(axes: Axes) -> Field:
    """Return the receptive field of the units of a tensor, from its value of `FieldTracker`."""
    vertical, horizontal = axes
    is_spatial = len(vertical.shape) >= 4 and vertical.is_along(-2) and horizontal.is_along(-1)
    start = (int(vertical.first), int(horizontal.first)) if is_spatial else (0, 0)
    return Field((vertical.size, horizontal.size), (vertical.stride, horizontal.stride), start, is_spatial)


class FieldTracker:
    """The theoretical fields of all tensors of a run; a `trace.Tracker`.

    Args:
        images: [N, C, H, W], what the network is called with.
    """

    def __init__(self, images: Tensor) -> None:
        self._known: TensorMap[Axes | None] = TensorMap()  # None for units with different fields
        self._known[images] = tuple(Axis.line(1, 1, images.shape, 0.0, dim) for dim in (-2, -1))

    def value(self, tensor: Tensor) -> Axes | None:
        """Return the fields of a tensor's units, for `field_of`; None if they differ or do not depend on the image."""
        return self._known.get(tensor)

    def forget(self, tensor: Tensor) -> None:
        """The trace does not know what this tensor depends on."""
        self._known.remove(tensor)

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """A tensor was written to: those that share its memory have the new fields where they have its numbers."""
        if written in self._known:
            for tensor in sharing:
                through = partial(written_through, tensor=tensor, written=written)
                self._known[tensor] = self._placed(tensor, written, through)

    def update(self, call: FunctionCall, result: Any) -> None:
        """Compute the field of what a function returned."""
        returned = tensors_in(result)
        given = [tensor for tensor in call.sources if tensor in self._known]
        if not given:
            for tensor in returned:
                self._known.remove(tensor)
            return
        try:
            after = self._apply(call, given, returned)
        except (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
            after = [None] * len(returned)  # arguments that are not known here
        for tensor, axes in zip(returned, after):
            self._known[tensor] = axes

    def _apply(self, call: FunctionCall, given: list[Tensor], returned: list[Tensor]) -> Sequence[Axes | None]:
        """The fields of each returned tensor; `given` are the arguments that depend on the images."""
        name, shape = call.name, returned[0].shape
        if name == "setitem":
            return [self._written(call, returned[0])]
        known = [axes for tensor in given if (axes := self._known.get(tensor))]
        if len(known) < len(given):
            return [None] * len(returned)
        if name in MOVING:
            return self._moved(call, given, known[0], returned)
        if name in ELEMENTWISE or call.replaces_values:
            return [_joined(known, shape)] * len(returned)
        if name in JOINING:
            return self._joined_at(call, given, returned) or [_concatenated(call, known, shape)]
        is_of_one = len(given) == 1 and (name in PRODUCT_RULES or given[0] is call.arguments.get("input"))
        return [_through(call, known[0], given[0], tensor.shape) if is_of_one else None for tensor in returned]

    def _moved(
        self, call: FunctionCall, given: list[Tensor], axes: Axes, returned: list[Tensor]
    ) -> Sequence[Axes | None]:
        """Call the function itself on the positions in place of the tensor."""
        moving = call.args[0] if call.args else call.kwargs["input"]
        if len(given) > 1 or given[0] is not moving:
            raise ValueError("A place that comes from the images is not known.")
        if call.name in RESHAPING and (reshaped := _all(axis.reshaped(returned[0].shape) for axis in axes)):
            return [reshaped]
        results = moved(call, [{id(moving): axis.positions} for axis in axes], NOWHERE, returned)
        return list(zip(*([axis.at(each) for each in result] for axis, result in zip(axes, results)), strict=True))

    def _joined_at(self, call: FunctionCall, given: list[Tensor], returned: list[Tensor]) -> list[Axes]:
        """Call the function itself on the positions, if the units then are on a grid; else return nothing."""
        known = {id(tensor): axes for tensor in given if (axes := self._known.get(tensor))}
        sides = list(zip(*known.values()))
        if all(axis.is_like(axes[0]) for axes in sides for axis in axes):
            return []  # they need no positions
        if any(axis.size != axes[0].size for axes in sides for axis in axes):
            return []
        positions = [{key: its[number].positions for key, its in known.items()} for number in range(2)]
        results = moved(call, positions, NOWHERE, returned)
        joined = list(
            zip(*([axes[0].at(each) for each in result] for axes, result in zip(sides, results)), strict=True)
        )
        return joined if all(axis.uneven is None for axes in joined for axis in axes) else []

    def _written(self, call: FunctionCall, target: Tensor) -> Axes | None:
        """`x[index] = value`."""
        _, index, value = call.args
        if any(tensor in self._known for tensor in call.tensors if tensor is not target and tensor is not value):
            return None

        def assigned(old: Tensor, new: Tensor) -> Tensor:
            result = old.clone(memory_format=torch.contiguous_format)
            result[on_the_host(index)] = new
            return result

        return self._placed(target, value, assigned) if value in self._known else self._known.get(target)

    def _placed(self, tensor: Tensor, part: Tensor, place: Callable[[Tensor, Tensor], Tensor]) -> Axes | None:
        """The fields of a tensor into which the units of another are written; None if these have fields of other sizes.

        Args:
            tensor: What is written to.
            part: What is written.
            place: From the positions of both, those of the tensor then.
        """
        new, nowhere = self._known.get(part), torch.tensor(NOWHERE).expand(tensor.shape)
        old = self._known.get(tensor)
        if new is None or (old is None and tensor in self._known):
            return None
        if old is None:
            return tuple(axis.at(place(nowhere, axis.positions)) for axis in new)
        if any(a.size != b.size for a, b in zip(old, new)):
            return None
        return tuple(b.at(place(a.positions, b.positions)) for a, b in zip(old, new))


def _joined(many: list[Axes], shape: Sequence[int]) -> Axes | None:
    """The field of units that depend on a unit of each of several tensors."""
    if len(many) == 1 and many[0][0].shape == shape:
        return many[0]  # the same object, so that what is computed from it need not be computed again
    result: list[Axis] = []
    for first, *others in zip(*many):
        axis: Axis | None = first.expanded(shape)
        for other in others:
            axis = axis and axis.joined(other, shape)
        if axis is None:
            return None
        result.append(axis)
    return tuple(result)


def _all(axes: Iterable[Axis | None]) -> Axes | None:
    found = [axis for axis in axes if axis is not None]
    return tuple(found) if len(found) == 2 else None


def _concatenated(call: FunctionCall, known: list[Axes], shape: torch.Size) -> Axes | None:
    """The field after tensors are joined along a dimension in which all their units have the same position."""
    dims = dims_of(call, 1) if len(call.args) > 1 or call.kwargs.keys() & {"dim", "axis"} else (0,)
    dim = dims[0] % len(shape)
    if call.name not in {"cat", "concat", "concatenate", "stack"}:
        return None
    size = [1 if at == dim else n for at, n in enumerate(shape)]
    parts = []
    for axes in known:
        if call.name == "stack":
            axes = tuple(axis.at(axis.positions.unsqueeze(dim)) for axis in axes)
        part = _all(axis.over((dim,), size) for axis in axes)
        if part is None:
            return None
        parts.append(part)
    joined = _joined(parts, size)
    return joined and tuple(axis.expanded(shape) for axis in joined)


def _through(call: FunctionCall, axes: Axes, given: Tensor, shape: torch.Size) -> Axes | None:
    """The field after a function of one tensor; None if its units have different fields."""
    vertical, horizontal = axes
    defaults = (None if horizontal.dim == -2 else -2, None if vertical.dim == -1 else -1)
    if windows := _windows(call, given.shape):
        return _all(axis.through(windows, default, shape) for axis, default in zip(axes, defaults))
    if call.name == "pad":
        before = {-at - 1: units for at, units in enumerate(call.arguments["pad"][::2])}
        return _all(axis.padded(before, default, shape) for axis, default in zip(axes, defaults))
    if call.name == "local_response_norm":
        return axes
    if call.name == "einsum":
        term, output = _term_of(call, given)
        lost = [at for at, letter in enumerate(term) if letter not in output]
        if any(axis.over(lost, given.shape) is None for axis in axes):
            return None
        return tuple(axis.at(aligned(axis.positions, term, output).expand(shape)) for axis in axes)
    dims = _mixed_dims(call, given)
    if dims == () and shape == given.shape:
        return axes
    return None if dims is None else _all(axis.over(dims, shape) for axis in axes)


def _windows(call: FunctionCall, given: torch.Size) -> dict[int, Range]:
    """The window by dimension; an adaptive pooling that divides an image evenly has one too. Empty for others."""
    name = call.name.removesuffix("_with_indices")
    if call.name in _SLIDING:
        ranges = ranges_of(call)
    elif name in {"adaptive_avg_pool2d", "adaptive_max_pool2d"}:
        asked = call.arguments.get("output_size")
        asked = asked if isinstance(asked, (tuple, list)) else (asked, asked)
        sizes = [(side, units or side) for side, units in zip(given[-2:], asked)]
        if all(units == 1 for _, units in sizes) or any(side % units for side, units in sizes):
            return {}
        ranges = [Range(side // units, side // units, 0, 1) for side, units in sizes]
    else:
        return {}
    return dict(enumerate(ranges, -len(ranges)))


def _mixed_dims(call: FunctionCall, given: Tensor) -> tuple[int, ...] | None:
    """The dimensions along which a function mixes units; None if it is not known here."""
    if call.name in {"matmul", "mm", "bmm"}:
        return (-1,) if given is call.tensors[0] else (-2,)
    if call.name in CUMULATIVE | {"glu", "diff", "gather"}:
        return dims_of(call, given.ndim)
    return mixed_dims(call, given.ndim)


def _term_of(call: FunctionCall, given: Tensor) -> tuple[str, str]:
    """The letters of an operand of torch.einsum, and those of the output."""
    operands = call.tensors
    terms, output = letters_of(call.args[0], [tensor.ndim for tensor in operands])
    return terms[next(at for at, tensor in enumerate(operands) if tensor is given)], output
