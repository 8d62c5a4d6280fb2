"""Receptive fields, exactly: the smallest box of pixels that holds all which can change a unit, for every unit.

Beside each tensor of a run go four of the same shape: how far up, left, down and right its units see. Functions that
move units about move these as well; windows take the largest of what they look at, padding being nothing. So branches,
groups of channels, dilation and borders need no formulas. A function that is not known here is taken to look at all it
is given, which can only make a box too large.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_kinds import ALONG, ELEMENTWISE, FRESH, JOINING, MOVING, REDUCING
from convboard.anatomy.receptive_field.propagation import NOTHING, RULES, Planes, dims_of, everything, reduced, together
from convboard.anatomy.sliding_window import Pair
from convboard.anatomy.trace import share_memory


class Box(NamedTuple):
    """Pixels ``image[:, top:bottom, left:right]``; empty where a unit sees only padding."""

    top: int
    left: int
    bottom: int
    right: int


class View:
    """What the units of one tensor see.

    Args:
        planes: Four tensors of its shape.
    """

    def __init__(self, planes: Planes) -> None:
        self.planes = planes

    def box(self, row: int | None = None, column: int | None = None) -> Box:
        """What the units at a place see, those of all channels together; without a place, all units."""
        at = (..., slice(None) if row is None else row, slice(None) if column is None else column)
        return _box([plane if row is column is None else plane[at] for plane in self.planes])

    @cached_property
    def spans(self) -> tuple[list[Pair], list[Pair]]:
        """Of a picture: the first and last but one row of pixels for each row of units, and the same of columns."""
        vertical = torch.stack([reduced(plane, (0, 1, 3)).flatten() for plane in self.planes[::2]])
        horizontal = torch.stack([reduced(plane, (0, 1, 2)).flatten() for plane in self.planes[1::2]])
        return _pairs(vertical), _pairs(horizontal)

    def largest(self) -> Pair | None:
        """Height and width of the largest box; None where no unit sees anything."""
        up, left, down, right = self.planes
        height, width = (reduced(a + b, tuple(range(a.ndim))).item() for a, b in ((up, down), (left, right)))
        return None if height == NOTHING else (int(height), int(width))


class Boxes:
    """Follows what the units see through a network's functions.

    Args:
        images: What the network is given, ``[N, C, H, W]``.
    """

    def __init__(self, images: Tensor) -> None:
        height, width = images.shape[-2:]
        rows = torch.arange(height, dtype=torch.float32).view(1, 1, -1, 1)
        columns = torch.arange(width, dtype=torch.float32).view(1, 1, 1, -1)
        planes = tuple(plane.expand(images.shape) for plane in (-rows, -columns, rows + 1, columns + 1))
        self._known: dict[int, tuple[Tensor, Planes]] = {id(images): (images, planes)}

    def of(self, tensor: Tensor) -> View | None:
        """What the units of a tensor see; None where they do not depend on the image."""
        found = self._known.get(id(tensor))
        return View(found[1]) if found else None

    def follow(self, call: FunctionCall, result: Any) -> None:
        """Work out what the units see that a function returned."""
        returned = list(tensors_in(result))
        if call.name == "setitem":
            return self._set(call, returned[0])
        sources = call.tensors[1:] if call.name == "copy" else [] if call.name in FRESH else call.tensors
        given = [tensor for tensor in sources if id(tensor) in self._known]
        if not given:
            for tensor in returned:  # written over with something else
                self._known.pop(id(tensor), None)
            return None
        planes = [self._known[id(tensor)][1] for tensor in given]
        try:
            seen = self._apply(call, given, planes, returned)
        except (IndexError, RuntimeError, TypeError, ValueError):  # called in a way that is not known here
            seen = [everything(planes, tensor) for tensor in returned]
        for tensor, its_planes in zip(returned, seen):
            self._keep(tensor, its_planes)
        return None

    def overwrite(self, written: Tensor) -> None:
        """A tensor has been written to: whatever shares its memory may see what it sees, anywhere."""
        found = self._known.get(id(written))
        if found is None:
            return
        for tensor, planes in list(self._known.values()):
            if tensor is not written and share_memory(tensor, written):
                self._keep(tensor, together([planes, everything([found[1]], tensor)]))

    def _keep(self, tensor: Tensor, planes: Planes) -> None:
        self._known[id(tensor)] = (tensor, tuple(plane.expand(tensor.shape) for plane in planes))

    def _set(self, call: FunctionCall, written: Tensor) -> None:
        """``x[index] = value``: the units there see what the value's see."""
        _, index, value = call.args
        nothing = torch.full(written.shape, NOTHING)
        before = self._known[id(written)][1] if id(written) in self._known else (nothing,) * 4
        source = self._known.get(id(value))
        after = tuple(plane.clone(memory_format=torch.contiguous_format) for plane in before)
        seen: tuple[Tensor | float, ...] = source[1] if source else (NOTHING,) * 4
        for plane, new in zip(after, seen):
            plane[index] = new
        self._keep(written, after)

    def _apply(
        self, call: FunctionCall, given: list[Tensor], planes: list[Planes], returned: list[Tensor]
    ) -> list[Planes]:
        name, shape, first = call.name, returned[0].shape, planes[0]
        if name in MOVING | JOINING or (name == "pad" and call.arguments.get("mode", "constant") != "constant"):
            return self._moved(call, given, planes)
        if rule := RULES.get(name):
            seen = rule(call, first, shape)
            return [seen] * len(returned)
        is_of_two = name in REDUCING and len(call.args) > 1 and isinstance(call.args[1], Tensor)  # torch.max(x, y)
        if name in ELEMENTWISE or name == "copy" or is_of_two:
            return [together(planes)] * len(returned)
        if name in REDUCING or name in ALONG:
            dims = dims_of(call, given[0].ndim)
            keeps = name in ALONG or len(shape) == given[0].ndim
            return [tuple(reduced(plane, dims, keeps) for plane in first)] * len(returned)
        if name in {"matmul", "mm", "bmm"} and min(tensor.ndim for tensor in call.tensors[:2]) >= 2:
            left, right = (self._known.get(id(tensor), (None, ()))[1] for tensor in call.tensors[:2])
            sides = [tuple(reduced(plane, (-1,), True) for plane in left)] if left else []
            sides += [tuple(reduced(plane, (-2,), True) for plane in right)] if right else []
            return [together(sides)]
        return [everything(planes, tensor) for tensor in returned]

    def _moved(self, call: FunctionCall, given: list[Tensor], planes: list[Planes]) -> list[Planes]:
        """Call the function itself on the planes in place of the tensors; of `x.view_as(y)`, only x is moved."""
        function: Callable[..., Any] = call.function
        if call.name in {"view", "view_as"}:  # planes that are expanded have no views
            function = torch.Tensor.reshape if call.name == "view" else torch.Tensor.reshape_as
            if call.name == "view" and len(call.args) == 2 and isinstance(call.args[1], torch.dtype):
                return [planes[0]]
        joins = call.name in JOINING
        results = []
        for number in range(4):
            of = {id(tensor): its[number] for tensor, its in zip(given, planes)}

            def put(value: Any, of: dict[int, Tensor] = of, *, blank: bool = joins) -> Any:
                if isinstance(value, Tensor) and id(value) in of:
                    return of[id(value)]
                return torch.full(value.shape, NOTHING) if blank and isinstance(value, Tensor) else value

            head = call.args[0] if call.args else None
            first = [put(item) for item in head] if isinstance(head, (tuple, list)) else put(head)
            kwargs = {
                key: [put(item) for item in value] if joins and isinstance(value, (tuple, list)) else put(value)
                for key, value in call.kwargs.items()
            }
            rest = call.args[1:]
            results.append(list(tensors_in(function(*([first] if call.args else []), *rest, **kwargs))))
        return [tuple(planes_of) for planes_of in zip(*results)]


def _box(planes: list[Tensor]) -> Box:
    up, left, down, right = (float(plane.amax()) for plane in planes)
    return Box(0, 0, 0, 0) if up == NOTHING else Box(int(-up), int(-left), int(down), int(right))


def _pairs(edges: Tensor) -> list[Pair]:
    """[−first, last + 1] of each as pairs; (0, 0) where nothing is seen."""
    return [(0, 0) if first == NOTHING else (int(-first), int(last)) for first, last in edges.T.tolist()]
