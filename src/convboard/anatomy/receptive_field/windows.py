"""Propagation of boxes through convolutions, poolings and other functions that slide a window.

A window is the product of one range along each dimension. The maximum over it is therefore taken along one dimension
after the other, in any number of dimensions, with or without a batch.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.receptive_field.boxes import EMPTY, Extents, TensorBoxes, maximum, without_repetitions
from convboard.anatomy.receptive_field.propagation import KnownTensors, Range, Rule, union


def ranges_of(call: FunctionCall) -> list[Range]:
    """Return the ranges of the window of a convolution or a pooling, one for each spatial dimension."""
    given = call.arguments
    count = int(call.name.removesuffix("_with_indices")[-2])  # conv2d has 2
    weight = given.get("weight")
    kernel = tuple(weight.shape[2:]) if isinstance(weight, Tensor) else as_tuple(given["kernel_size"], count)
    stride = given.get("stride")
    is_default = stride is None or stride == ()
    strides = as_tuple(1 if "conv" in call.name else kernel, count) if is_default else as_tuple(stride, count)
    dilation = as_tuple(given.get("dilation", 1), count)
    padding = given.get("padding", 0)
    if padding == "same":
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel))
    paddings = as_tuple(0 if padding == "valid" else padding, count)
    return [Range(*numbers) for numbers in zip(kernel, strides, paddings, dilation)]


def as_tuple(value: Any, count: int) -> tuple[int, ...]:
    """Return a number, or a tuple of one or `count`, as a tuple of `count`."""
    values = (value,) if isinstance(value, int) else tuple(value)
    return tuple(map(int, values * count if len(values) == 1 else values))


def convolved(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A convolution: the maximum in the window, over the channels of the group."""
    ranges = ranges_of(call)
    extents = _over_input_channels(call, known, shape, len(ranges))
    return _slide_along_each(extents, ranges, call.arguments["input"].shape, shape)


def pooled(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A pooling: the maximum in the window."""
    return _slide_along_each(_input(call, known).compact, ranges_of(call), call.arguments["input"].shape, shape)


def transposed(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A transposed convolution: a convolution of units that are `stride` apart, with nothing between them."""
    ranges = ranges_of(call)
    extents = _over_input_channels(call, known, shape, len(ranges))
    return _spread(extents, ranges, call.arguments["input"].shape, shape)


def unpooled(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A max unpooling: the values of the windows that contain the position, if the indices come from a pooling."""
    given = call.arguments["input"].shape
    extents = TensorBoxes.of(union(known.in_order([call.arguments["input"], call.arguments["indices"]])), given)
    count = int(call.name[-2])
    ranges, size = known.pooled.get(call.arguments["indices"]) or ([], ())
    if ranges and size == shape[-count:]:
        return _spread(extents.compact, ranges, given, shape)
    return tuple(maximum(extent, range(-count, 0)) for extent in extents)


def adaptive(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """An adaptive pooling: the maximum in windows that divide each dimension as evenly as possible."""
    extents: Extents = _input(call, known)
    for dim in range(-int(call.name.removesuffix("_with_indices")[-2]), 0):
        extents = tuple(_divided(extent, dim, shape[dim]) for extent in extents)
    return extents


def _divided(extent: Tensor, dim: int, count: int) -> Tensor:
    """The maximum in `count` ranges along a dimension."""
    size, compact = extent.shape[dim], without_repetitions(extent)
    shape = [count if at == dim % extent.ndim else n for at, n in enumerate(extent.shape)]
    if compact.shape[dim] == 1 or count == 1:
        return maximum(compact, (dim,)).expand(shape)
    ends = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
    return torch.cat([compact.narrow(dim, a, b - a).amax(dim, keepdim=True) for a, b in ends], dim).expand(shape)


def _input(call: FunctionCall, known: KnownTensors) -> TensorBoxes:
    boxes = known.get(call.arguments["input"])
    assert boxes is not None
    return boxes


def _over_input_channels(call: FunctionCall, known: KnownTensors, shape: torch.Size, count: int) -> Extents:
    """The maximum over the channels of each group, for each output channel; of size 1 where it is the same for all."""
    groups, channel = call.arguments.get("groups", 1), -count - 1
    result = []
    for extent in _input(call, known).compact:
        if extent.shape[channel] > 1:
            extent = torch.unflatten(extent, channel, (groups, -1)).amax(channel)
            if groups > 1:
                extent = extent.repeat_interleave(shape[channel] // groups, dim=channel)
        result.append(extent)
    return tuple(result)


def _slide_along_each(extents: Extents, ranges: Sequence[Range], before: torch.Size, after: torch.Size) -> Extents:
    """Compact extents after a window slides over a tensor of shape `before`, which makes one of shape `after`."""
    for dim, along in enumerate(ranges, -len(ranges)):
        if along != Range(1, 1, 0, 1):
            extents = tuple(_slide(extent, dim, along, before[dim], after[dim]) for extent in extents)
    return extents


def _slide(extent: Tensor, dim: int, along: Range, size: int, count: int) -> Tensor:
    """The maximum in a range along a dimension of `size` units, at `count` positions; nothing is outside of these."""
    units, is_inside = _units_of(size, along, count, extent.device)
    if extent.shape[dim] > 1:
        extent = torch.unflatten(extent.index_select(dim, units.flatten()), dim, units.shape).amax(dim)
    if is_inside is None:
        return extent
    return torch.where(is_inside.view([-1, *[1] * (-dim - 1)]), extent, torch.tensor(EMPTY))


@lru_cache(maxsize=1000)
def _units_of(size: int, along: Range, count: int, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """The units in each of `count` windows over `size` units.

    Returns:
        [count, kernel_size], in which a unit that is inside stands for those that are outside; and whether each window
        has a unit that is inside, None if all have.
    """
    units = torch.arange(count, device=device)[:, None] * along.stride - along.padding
    units = units + torch.arange(along.kernel_size, device=device) * along.dilation
    is_inside = (units >= 0) & (units < size)
    first = is_inside.int().argmax(1, keepdim=True)
    units = torch.where(is_inside, units, units.gather(1, first)).clamp(0, size - 1)
    has_one = is_inside.any(1)
    return units, None if bool(has_one.all()) else has_one


def _spread(extents: Extents, ranges: Sequence[Range], before: torch.Size, after: torch.Size) -> Extents:
    """The reverse of a sliding window: for each position, the maximum over the windows that contain it."""
    for dim, (kernel, stride, padding, dilation) in enumerate(ranges, -len(ranges)):
        length, apart = (before[dim] - 1) * stride + 1, []
        for extent in extents:
            wide = torch.full([length if at == extent.ndim + dim else n for at, n in enumerate(extent.shape)], EMPTY)
            wide.movedim(dim, -1)[..., ::stride] = extent.movedim(dim, -1)
            apart.append(wide)
        reverse = Range(kernel, 1, dilation * (kernel - 1) - padding, dilation)
        extents = tuple(_slide(extent, dim, reverse, length, after[dim]) for extent in apart)
    return extents


def unfolded(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """Patches as columns (F.unfold), where padding is empty; Tensor.unfold can be called on the extents."""
    extents = _input(call, known)
    if call.function is not F.unfold:
        return tuple(call.function(extent, *call.args[1:], **call.kwargs) for extent in extents)
    height, width = as_tuple(call.arguments.get("padding", 0), 2)
    rest = {name: call.arguments[name] for name in ("kernel_size", "dilation", "stride") if name in call.arguments}
    return tuple(F.unfold(F.pad(extent, (width, width, height, height), value=EMPTY), **rest) for extent in extents)


def folded(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """Columns as patches (F.fold): for each pixel, the maximum over the patches that contain it."""
    given = call.arguments
    kernel = as_tuple(given["kernel_size"], 2)
    how = [as_tuple(given.get(name, default), 2) for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))]
    (stride, padding, dilation), (height, width) = how, shape[-2:]
    rows, columns = (
        (side + 2 * p - d * (k - 1) - 1) // s + 1
        for side, p, d, k, s in zip((height, width), padding, dilation, kernel, stride)
    )
    result = []
    for extent in _input(call, known):
        patches = torch.unflatten(torch.unflatten(extent, -1, (rows, columns)), -3, (shape[-3], *kernel))
        pixels = torch.full((*patches.shape[:-4], height + 2 * padding[0], width + 2 * padding[1]), EMPTY)
        for y, x in product(*map(range, kernel)):
            at = [
                slice(d * k, d * k + s * (n - 1) + 1, s)
                for d, k, s, n in zip(dilation, (y, x), stride, (rows, columns))
            ]
            here = pixels[..., at[0], at[1]]
            here.copy_(torch.maximum(here, patches[..., y, x, :, :]))
        result.append(pixels[..., padding[0] : padding[0] + height, padding[1] : padding[1] + width])
    return tuple(result)


def interpolated(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """An interpolation: which units it mixes along each axis is found by calling the function on unit vectors."""
    extents: Extents = _input(call, known)
    for axis in range(2, len(shape)):
        if (size := extents[0].shape[axis]) != shape[axis]:
            is_mixed = _mixed_units(call, axis, size, shape[axis])
            extents = tuple(_maximum_of_mixed(extent, is_mixed, axis) for extent in extents)
    return extents


def _mixed_units(call: FunctionCall, axis: int, before: int, after: int) -> Tensor:
    """Return which of `before` units along an axis each of `after` new ones depends on, bool [after, before]."""
    given = call.arguments
    how = {name: given[name] for name in ("mode", "align_corners", "antialias") if given.get(name) is not None}
    if how.get("mode") in {"linear", "trilinear"}:
        how["mode"] = "bilinear"
    factor = given.get("scale_factor")
    if factor is None or given.get("recompute_scale_factor"):
        how["size"] = (after, 2)
    else:  # torch then computes with the factor, not with the ratio of the sizes
        how["scale_factor"] = (factor[axis - 2] if isinstance(factor, (tuple, list)) else factor, 1.0)
    unit_vectors = torch.eye(before).view(1, before, before, 1).expand(-1, -1, -1, 2)
    return F.interpolate(unit_vectors, **how)[0, :, :, 0].T != 0


def _maximum_of_mixed(extent: Tensor, is_mixed: Tensor, axis: int) -> Tensor:
    """Along an axis, the maximum over the units that each new unit depends on."""
    compact = without_repetitions(extent, (axis,))
    if compact.shape[axis] == 1:
        return compact
    rows = [extent.index_select(axis, chosen.nonzero().flatten()).amax(axis, keepdim=True) for chosen in is_mixed]
    return torch.cat(rows, axis)


_MAX_POOLS = (f"max_pool{n}d{indices}" for n in (1, 2, 3) for indices in ("", "_with_indices"))
_ADAPTIVE = (f"adaptive_{kind}{n}d" for n in (1, 2, 3) for kind in ("avg_pool", "max_pool"))
WINDOW_RULES: dict[str, Rule] = {
    **{f"conv{n}d": convolved for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": transposed for n in (1, 2, 3)},
    **dict.fromkeys(_MAX_POOLS, pooled),
    **{f"{kind}_pool{n}d": pooled for n in (1, 2, 3) for kind in ("avg", "lp")},
    **{f"{name}{indices}": adaptive for name in _ADAPTIVE for indices in ("", "_with_indices")},
    **dict.fromkeys(("interpolate", "upsample", "upsample_nearest", "upsample_bilinear"), interpolated),
    "unfold": unfolded,
    "fold": folded,
}
UNPOOLING_RULES: dict[str, Rule] = {f"max_unpool{n}d": unpooled for n in (1, 2, 3)}
