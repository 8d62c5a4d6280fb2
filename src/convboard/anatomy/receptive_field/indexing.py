"""Propagation of boxes through functions that take or write units at an index."""

from typing import Any

import numpy
import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.receptive_field.boxes import EMPTY, Extents, maximum
from convboard.anatomy.receptive_field.propagation import KnownTensors, Rule, on_the_host, union, union_of_all


def taken(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """`x[index]` with an index from the images: all units that it may choose, and those that the index depends on."""
    source, index = call.args
    parts = index if isinstance(index, tuple) else (index,)
    tensors = [part for part in parts if isinstance(part, Tensor)]
    if any(isinstance(part, (list, bool)) for part in parts) or any(
        tensor.dtype in {torch.bool, torch.uint8} for tensor in tensors
    ):
        return union_of_all(known.in_order(call.sources), shape)
    sides = [
        tuple(_at_the_result(extent, parts, tensor, source.shape) for extent in extents)
        for tensor in tensors
        if (extents := known.get(tensor))
    ]
    if extents := known.get(source):
        sides.append(tuple(_all_along_indexed(extent, parts) for extent in extents))
    return union(sides)


def _at_the_result(extent: Tensor, parts: tuple[Any, ...], index: Tensor, shape: torch.Size) -> Tensor:
    """The extents of an index, where the result has the units that it chooses.

    They are taken out of a tensor that has them along the dimension of the index.
    """
    tensors = [part for part in parts if isinstance(part, Tensor)]
    chosen = numpy.broadcast_shapes(*[tensor.shape for tensor in tensors])  # torch's own imports the compiler
    values = extent.expand(chosen).reshape(-1)
    order = torch.arange(len(values)).view(chosen)
    numbers = [order if part is index else torch.zeros(chosen, dtype=torch.long) for part in tensors]
    dims = _dims_of(parts, len(shape))
    size, view = list(shape), [1] * len(shape)
    for part, dim in dims:
        size[dim] = len(values) if part is index else 1
        if part is index:
            view[dim] = len(values)
    replaced = iter(numbers)
    at = tuple(next(replaced) if isinstance(part, Tensor) else part for part in parts)
    return values.view(view).expand(size)[at]


def _dims_of(parts: tuple[Any, ...], ndim: int) -> list[tuple[Tensor, int]]:
    """The index tensors with the dimensions that they choose along."""
    used = sum(part is not None and part is not Ellipsis and not isinstance(part, bool) for part in parts)
    dim, result = 0, []
    for part in parts:
        if part is Ellipsis:
            dim += ndim - used
        elif part is not None:
            if isinstance(part, Tensor):
                result.append((part, dim))
            dim += 1
    return result


def _all_along_indexed(extent: Tensor, parts: tuple[Any, ...]) -> Tensor:
    """The maximum over the dimensions of the index tensors, where the result has the units that they choose."""
    dims = [dim for _, dim in _dims_of(parts, extent.ndim)]
    largest = maximum(extent, dims).expand(extent.shape)
    zeros = tuple(torch.zeros(part.shape, dtype=torch.long) if isinstance(part, Tensor) else part for part in parts)
    return largest[zeros]


def gathered(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """torch.gather or take_along_dim: units at an index along one dimension."""
    source: Tensor = call.arguments["input"]
    index: Tensor = call.arguments["index" if call.name == "gather" else "indices"]
    dim = call.arguments["dim"]
    extents, of_index = known.get(source), known.get(index)
    sides: list[Extents] = [of_index] if of_index else []
    if extents and of_index is None and not index.is_meta:
        return tuple(torch.gather(extent, dim, index.cpu().expand(shape)) for extent in extents)
    if extents:
        sides.append(tuple(_cropped(maximum(extent, (dim,)), shape) for extent in extents))
    return union(sides)


def _cropped(extent: Tensor, shape: torch.Size) -> Tensor:
    """The first units along each dimension."""
    return extent[tuple(slice(0, size) for size in shape)]


def selected(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """torch.index_select with an index from the images."""
    source, dim, index = call.arguments["input"], call.arguments["dim"], call.arguments["index"]
    sides = [tuple(maximum(extent, (dim,)) for extent in extents)] if (extents := known.get(source)) else []
    if extents := known.get(index):
        view = [-1 if at == dim % len(shape) else 1 for at in range(len(shape))]
        sides.append(tuple(extent.reshape(view) for extent in extents))
    return union(sides)


def looked_up(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """An embedding, or one_hot: each index becomes a vector."""
    index, weight = call.arguments["input"], call.arguments.get("weight")
    sides = [tuple(extent[..., None] for extent in extents)] if (extents := known.get(index)) else []
    if extents := known.get(weight):
        sides.append(tuple(maximum(extent, (0,), keepdim=False) for extent in extents))
    return union(sides)


def written(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """`x[index] = value`: the units at the index get the boxes of the value's."""
    target, index, value = call.args
    before = known.get(target) or (torch.tensor(EMPTY).expand(shape),) * 4
    of_index = [tensor for tensor in call.tensors if tensor is not target and tensor is not value]
    new: Any = known.get(value) or (torch.tensor(EMPTY),) * 4
    if extents := known.in_order(of_index):
        is_mask = isinstance(index, Tensor) and index.dtype == torch.bool and index.shape == shape
        if is_mask and known.get(value) is None:
            return union([before, extents[0]])
        return union([before, union_of_all([*extents, *known.in_order([value])], shape)])
    after = tuple(extent.clone(memory_format=torch.contiguous_format) for extent in before)
    for extent, units in zip(after, new):
        extent[on_the_host(index)] = units
    return after


def scattered(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A function that writes or adds units at an index along one dimension."""
    target, dim, index, source = (*call.args, *call.kwargs.values())[:4]
    if index in known or index.is_meta:
        return union_of_all(known.in_order(call.sources), shape)
    before = known.get(target) or (torch.tensor(EMPTY).expand(shape),) * 4
    given = source.shape if isinstance(source, Tensor) else index.shape
    units: Extents = known.get(source) or (torch.tensor(EMPTY).expand(given),) * 4
    at = index.cpu()
    if call.name == "index_fill":
        return tuple(extent.index_fill(dim, at, EMPTY) for extent in before)
    if call.name == "index_copy":
        return tuple(extent.index_copy(dim, at, new) for extent, new in zip(before, units))
    if call.name == "index_add":
        at = at.view([-1 if number == dim % len(shape) else 1 for number in range(len(shape))]).expand(given)
    if call.name == "scatter" and "reduce" not in call.kwargs:
        return tuple(extent.scatter(dim, at, new) for extent, new in zip(before, units))
    return tuple(extent.scatter_reduce(dim, at, new, "amax") for extent, new in zip(before, units))


INDEX_RULES: dict[str, Rule] = {
    **dict.fromkeys(("gather", "take_along_dim"), gathered),
    **dict.fromkeys(("embedding", "one_hot"), looked_up),
    **dict.fromkeys(["scatter", "scatter_add", "scatter_reduce", "index_add", "index_copy", "index_fill"], scattered),
    "setitem": written,
}
