"""The operations on boxes of units that all rules of propagation share."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_names import JOINING, RESHAPING
from convboard.anatomy.receptive_field.boxes import Extents, TensorBoxes, compacted, maximum, without_repetitions
from convboard.anatomy.tensor_map import TensorMap


class Range(NamedTuple):
    """The units of a window along one dimension.

    Attributes:
        kernel_size: Number of units.
        stride: Units from one window to the next.
        padding: Units before the first one, where the first window begins.
        dilation: From one unit of the window to the next.
    """

    kernel_size: int
    stride: int
    padding: int
    dilation: int


class KnownTensors(TensorMap[TensorBoxes]):
    """The boxes of the tensors that depend on the images.

    Attributes:
        pooled: For the indices that a max pooling returned, its window and the spatial shape of its input.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pooled: TensorMap[tuple[Sequence[Range], Sequence[int]]] = TensorMap()

    def in_order(self, tensors: Sequence[Tensor]) -> list[TensorBoxes]:
        """Return the boxes of those of the tensors that depend on the images."""
        return [boxes for tensor in tensors if (boxes := self.get(tensor))]


Rule = Callable[[FunctionCall, KnownTensors, torch.Size], Extents]
"""A function from a call and the known extents to the extents of an output, which can be broadcast to its shape."""


def union(many: Sequence[Extents]) -> Extents:
    """Return the extents of units that each depend on one unit of every tensor; they may still need an expand."""
    if all(extents is many[0] for extents in many):
        return many[0]
    compact = [
        extents.compact if isinstance(extents, TensorBoxes) else tuple(map(without_repetitions, extents))
        for extents in many
    ]
    result = []
    for number in range(4):
        extent = compact[0][number]
        for other in compact[1:]:
            if other[number] is not extent:
                extent = torch.maximum(extent, other[number])
        result.append(extent)
    return tuple(result)


def union_of_all(many: Sequence[Extents], shape: Sequence[int]) -> Extents:
    """Return, for every unit of a tensor of this shape, the union of the boxes of all units of some tensors.

    It covers the whole batch: all images have equal boxes, and the dimension of the batch is not known here.
    """
    largest = (
        torch.stack([maximum(its[at], tuple(range(its[at].ndim))).max() for its in many]).max() for at in range(4)
    )
    return tuple(extent.expand(shape) for extent in largest)


def moved(
    call: FunctionCall, many: Sequence[Mapping[int, Tensor]], fill: float, returned: Sequence[Tensor]
) -> list[list[Tensor]]:
    """Call a function that moves units on other values of the units.

    Args:
        call: A function of `MOVING` or `JOINING`, or a padding.
        many: The values to take in place of those of a tensor, of the same shape, by the tensor's id; for each call.
        fill: The value of the units of other tensors that are joined.
        returned: What the function returned for the tensors themselves.

    Returns:
        The tensors that the function returns, for each call.
    """
    if call.name in JOINING:
        return [_joined(call, values, fill) for values in many]
    args, kwargs = call.args[1:], dict(call.kwargs)
    moving = id(call.args[0] if call.args else kwargs.pop("input"))
    if call.name in RESHAPING:
        return [[_reshaped(values[moving], returned[0].shape)] for values in many]
    args = on_the_host(args)  # other tensors are indices
    return [_compacted(call.function(values[moving], *args, **kwargs)) for values in many]


def _joined(call: FunctionCall, values: Mapping[int, Tensor], fill: float) -> list[Tensor]:
    def replaced(value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return [replaced(item) for item in value]
        if not isinstance(value, Tensor):
            return value
        found = values.get(id(value))
        return torch.tensor(fill).expand(value.shape) if found is None else found

    function = _concatenated if call.name in {"cat", "concat", "concatenate"} else call.function
    return _compacted(
        function(*map(replaced, call.args), **{key: replaced(value) for key, value in call.kwargs.items()})
    )


def _compacted(result: Any) -> list[Tensor]:
    return [compacted(tensor) for tensor in tensors_in(result)]


def _reshaped(tensor: Tensor, shape: torch.Size) -> Tensor:
    """A tensor in another shape that stays expanded along the first and last dimensions that are the same in both."""
    dims, size = _unchanged(tensor.shape, shape, tuple(step == 0 for step in tensor.stride()))
    return without_repetitions(tensor, dims).reshape(size).expand(shape)


@lru_cache(maxsize=1000)
def _unchanged(before: torch.Size, after: torch.Size, is_repeated: tuple[bool, ...]) -> tuple[list[int], list[int]]:
    """The repeated dimensions that are the same in both shapes, and the second shape with size 1 there."""
    same = _count_same(before, after)
    last = min(_count_same(before[::-1], after[::-1]), min(len(before), len(after)) - same)
    dims = [dim for dim in (*range(same), *range(-last, 0)) if is_repeated[dim]]
    size = list(after)
    for dim in dims:
        size[dim] = 1
    return dims, size


def _count_same(one: Sequence[int], other: Sequence[int]) -> int:
    """How many numbers at the beginning are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))


def _concatenated(tensors: Sequence[Tensor], dim: int = 0, axis: int | None = None, **_: object) -> Tensor:
    """torch.cat of tensors that stay expanded along the dimensions in which all of them are."""
    tensors = [tensor for tensor in tensors if tensor.shape != (0,)]  # torch ignores these
    shape = list(tensors[0].shape)
    dim = (dim if axis is None else axis) % len(shape)
    repeated = [at for at in range(len(shape)) if at != dim and not any(t.stride(at) for t in tensors)]
    joined = torch.cat([without_repetitions(tensor, repeated) for tensor in tensors], dim)
    return joined.expand([shape[at] if at in repeated else size for at, size in enumerate(joined.shape)])


def on_the_host(value: Any) -> Any:
    """Return an argument with its tensors on the CPU, where the extents are."""
    if isinstance(value, Tensor):
        return value.cpu()
    return type(value)(on_the_host(item) for item in value) if type(value) in {tuple, list} else value


def has_same_numbers(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors that share their memory have the same numbers at the same places."""
    return (one.dtype, one.shape, one.stride(), one.storage_offset()) == (
        *(other.dtype, other.shape, other.stride(), other.storage_offset()),
    )


def written_through(before: Tensor, new: Tensor, tensor: Tensor, written: Tensor) -> Tensor:
    """Return the values of a tensor's units after a write to another that shares its memory.

    Args:
        before: The values of the units of `tensor` before; can be broadcast to its shape.
        new: The values of the units of `written`, likewise.
        tensor: A view of the same memory.
        written: What was written to.
    """
    if tensor.element_size() != written.element_size():
        return torch.maximum(before, new.max()).expand(tensor.shape)
    if has_same_numbers(tensor, written):
        return new.expand(tensor.shape)
    memory = torch.empty(max(_end(tensor), _end(written)))
    for values, its in ((before, tensor), (new, written)):
        once = without_repetitions(its)  # of an expanded tensor, each number is written once
        repeated = [dim for dim in range(its.ndim) if once.shape[dim] < its.shape[dim]]
        numbers = memory.as_strided(once.shape, once.stride(), its.storage_offset())
        numbers.copy_(maximum(values.expand(its.shape), repeated))
    return memory.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _end(tensor: Tensor) -> int:
    """The end of a tensor in its memory, in numbers."""
    return int(tensor.storage_offset()) + 1 + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride()))
