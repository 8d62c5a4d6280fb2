"""Propagation of boxes through torch functions: a rule for each category of function.

The extents of a tensor are four tensors of its shape: −top, −left, bottom and right of the box of each unit, in pixels.
With these signs a larger value is always a larger box, so that the union of boxes is a maximum. `bounding_boxes`
decides which rule applies to which function.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall, Pair, as_pair

EMPTY = float("-inf")  # extent of a box without pixels
Extents = tuple[Tensor, ...]  # four tensors of the same shape
_TRANSPOSED_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}


def without_repetitions(extent: Tensor, dims: tuple[int, ...] | None = None) -> Tensor:
    """Return a view of size 1 along dimensions that `expand` has repeated.

    Args:
        extent: Any shape.
        dims: The dimensions to look at; None for all.
    """
    for dim in range(extent.ndim) if dims is None else dims:
        if extent.stride(dim) == 0 and extent.shape[dim] > 1:
            extent = extent.narrow(dim, 0, 1)
    return extent


def maximum(extent: Tensor, dims: tuple[int, ...], keepdim: bool = True) -> Tensor:
    """Return the maximum over some dimensions.

    Args:
        extent: Any shape.
        dims: The dimensions; () for none.
        keepdim: Whether they stay with size 1, rather than being removed.
    """
    if not dims:
        return extent
    largest = without_repetitions(extent).amax(dims, keepdim=True)
    dims = tuple(dim % extent.ndim for dim in dims)
    full = largest.expand([1 if dim in dims else size for dim, size in enumerate(extent.shape)])
    return full if keepdim else full.squeeze(dims)


def union(many: list[Extents]) -> Extents:
    """Return the extents of units that each depend on one unit of every tensor; they may still need an expand."""
    compact = [[without_repetitions(extent) for extent in extents] for extents in many]
    result = []
    for number in range(4):
        extent = compact[0][number]
        for other in compact[1:]:
            extent = torch.maximum(extent, other[number])
        result.append(extent)
    return tuple(result)


def union_of_all(many: list[Extents], shape: torch.Size) -> Extents:
    """Returns, for every unit of a tensor of this shape, the union of the boxes of all units of some tensors.

    It covers the whole batch: all images have equal boxes, and the dimension of the batch is not known here.
    """
    largest = (
        torch.stack([maximum(its[at], tuple(range(its[at].ndim))).max() for its in many]).max() for at in range(4)
    )
    return tuple(extent.expand(shape) for extent in largest)


def dims_of(call: FunctionCall, ndim: int) -> tuple[int, ...]:
    """Return the dimensions that a function reduces, or along which it mixes units.

    Args:
        call: A function of `REDUCING` or `ALONG_DIMENSION`.
        ndim: Number of dimensions of its input.
    """
    given = call.kwargs.get("dim", call.kwargs.get("axis"))
    position = 2 if call.name in {"norm", "normalize"} else 1
    if given is None and len(call.args) > position and not isinstance(call.args[position], (torch.dtype, bool)):
        given = call.args[position]
    if given is None:
        return (1,) if call.name == "normalize" else tuple(range(ndim))
    return (given,) if isinstance(given, int) else tuple(given)


def _windowed(call: FunctionCall, extents: Extents, shape: torch.Size) -> Extents:
    """A convolution or a pooling: the maximum in the window, over the channels of the group."""
    window = call.window
    assert window is not None
    compact, repeats = _over_input_channels(call, extents, shape[1]) if call.name == "conv2d" else _flat(extents)
    before = (window.total_padding[0] // 2, window.total_padding[1] // 2)
    pooled = _pool(compact, window.kernel_size, window.stride, window.dilation, before, (shape[2], shape[3]))
    return tuple(extent.repeat_interleave(repeats, dim=1).expand(shape) for extent in pooled)


def _transposed(call: FunctionCall, extents: Extents, shape: torch.Size) -> Extents:
    """A transposed convolution: a convolution of units that are `stride` apart, with nothing between them."""
    given = call.arguments
    weight: Tensor = given["weight"]
    kernel = (weight.shape[2], weight.shape[3])
    stride, padding, dilation = (as_pair(given.get(name, default)) for name, default in _TRANSPOSED_DEFAULTS.items())
    compact, repeats = _over_input_channels(call, extents, shape[1])
    dilated = []
    for extent in compact:
        size = [(n - 1) * s + 1 for n, s in zip(extent.shape[2:], stride)]
        wide = torch.full((*extent.shape[:2], *size), EMPTY)
        wide[:, :, :: stride[0], :: stride[1]] = extent
        dilated.append(wide)
    before = (dilation[0] * (kernel[0] - 1) - padding[0], dilation[1] * (kernel[1] - 1) - padding[1])
    pooled = _pool(dilated, kernel, (1, 1), dilation, before, (shape[2], shape[3]))
    return tuple(extent.repeat_interleave(repeats, dim=1).expand(shape) for extent in pooled)


def _flat(extents: Extents) -> tuple[list[Tensor], int]:
    """The extents without repeated images and channels; each channel stays as it is."""
    return [without_repetitions(extent, (0, 1)) for extent in extents], 1


def _over_input_channels(call: FunctionCall, extents: Extents, out_channels: int) -> tuple[list[Tensor], int]:
    """The maximum over the channels of each group, [n, groups, h, w], and how often to repeat each for the output."""
    compact, repeats = _flat(extents)
    if compact[0].shape[1] > 1:
        groups = call.arguments.get("groups", 1)
        compact = [_in_groups(extent, groups).amax(2) for extent in compact]
        repeats = out_channels // groups if groups > 1 else 1
    return compact, repeats


def _pool(extents: list[Tensor], kernel: Pair, stride: Pair, dilation: Pair, before: Pair, size: Pair) -> list[Tensor]:
    """Slide a window over [n, c, h, w], beginning `before` pixels outside, to `size` positions."""
    height, width = extents[0].shape[2:]
    needed = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(size, stride, dilation, kernel)]
    behind = needed[0] - before[0] - height, needed[1] - before[1] - width
    padded = F.pad(torch.cat(extents), (before[1], behind[1], before[0], behind[0]), value=EMPTY)
    return list(F.max_pool2d(padded, kernel, stride, 0, dilation).chunk(4))


def _adaptive(_call: FunctionCall, extents: Extents, shape: torch.Size) -> Extents:
    """An adaptive pooling: the maximum in torch's own windows."""
    pooled = F.adaptive_max_pool2d(torch.cat(_flat(extents)[0]), tuple(shape[2:]))
    return tuple(extent.expand(shape) for extent in pooled.chunk(4))


def _in_groups(extent: Tensor, groups: int) -> Tensor:
    """[n, c, ...] as [n, groups, c / groups, ...]."""
    return extent.reshape(extent.shape[0], groups, -1, *extent.shape[2:])


def _padded(call: FunctionCall, extents: Extents, _shape: torch.Size) -> Extents:
    """Constant padding: its boxes are empty."""
    return tuple(F.pad(extent, tuple(call.arguments["pad"]), value=EMPTY) for extent in extents)


def _unfolded(call: FunctionCall, extents: Extents, _shape: torch.Size) -> Extents:
    """Patches as columns (F.unfold), where padding is empty; Tensor.unfold can be called on the extents."""
    if call.function is not F.unfold:
        return tuple(call.function(extent, *call.args[1:], **call.kwargs) for extent in extents)
    height, width = as_pair(call.arguments.get("padding", 0))
    rest = {name: call.arguments[name] for name in ("kernel_size", "dilation", "stride") if name in call.arguments}
    return tuple(F.unfold(F.pad(extent, (width, width, height, height), value=EMPTY), **rest) for extent in extents)


def _interpolated(call: FunctionCall, extents: Extents, shape: torch.Size) -> Extents:
    """An interpolation: which units it mixes along each axis is found by calling the function on unit vectors."""
    mixed = _flat(extents)[0]
    for axis in (2, 3):
        if mixed[0].shape[axis] == shape[axis]:
            continue
        is_mixed = _mixed_units(call, axis, mixed[0].shape[axis], shape[axis])
        mixed = [_maximum_of_mixed(extent, is_mixed, axis) for extent in mixed]
    return tuple(extent.expand(shape) for extent in mixed)


def _mixed_units(call: FunctionCall, axis: int, before: int, after: int) -> Tensor:
    """Return which of `before` units along an axis each of `after` new ones depends on, bool [after, before]."""
    given = call.arguments
    how = {name: given[name] for name in ("mode", "align_corners", "antialias") if given.get(name) is not None}
    factor = given.get("scale_factor")
    if factor is None or given.get("recompute_scale_factor"):
        how["size"] = (after, 2)
    else:  # torch then computes with the factor, not with the ratio of the sizes
        how["scale_factor"] = (factor[axis - 2] if isinstance(factor, (tuple, list)) else factor, 1.0)
    unit_vectors = torch.eye(before).view(1, before, before, 1).expand(-1, -1, -1, 2)
    return F.interpolate(unit_vectors, **how)[0, :, :, 0].T != 0


def _maximum_of_mixed(extent: Tensor, is_mixed: Tensor, axis: int) -> Tensor:
    """Along an axis, the maximum over the units that each new unit depends on."""
    rows = [extent.index_select(axis, chosen.nonzero().flatten()).amax(axis, keepdim=True) for chosen in is_mixed]
    return torch.cat(rows, axis)


def _normalised(call: FunctionCall, extents: Extents, _shape: torch.Size) -> Extents:
    """A normalisation: the maximum over the units that its statistics are computed from."""
    given = call.arguments
    ndim = extents[0].ndim
    if call.name == "batch_norm":
        dims = (0, *range(2, ndim)) if given.get("training") or given.get("running_mean") is None else ()
    elif call.name == "instance_norm":
        dims = tuple(range(2, ndim)) if given.get("use_input_stats", True) else ()
    elif call.name == "layer_norm":
        dims = tuple(range(ndim - len(tuple(given["normalized_shape"])), ndim))
    else:
        grouped = [_in_groups(extent, given["num_groups"]) for extent in extents]
        return tuple(maximum(g, tuple(range(2, ndim + 1))).expand(g.shape).flatten(1, 2) for g in grouped)
    return tuple(maximum(extent, dims).expand(extent.shape) for extent in extents)


def _over_channels(call: FunctionCall, extents: Extents, shape: torch.Size) -> Extents:
    """Local response normalisation: the maximum over neighbouring channels."""
    size = call.arguments["size"]
    stacked = torch.stack(extents).flatten(3).unsqueeze(2)  # [4, N, 1, C, H·W]
    padded = F.pad(stacked.flatten(0, 1), (0, 0, size // 2, (size - 1) // 2), value=EMPTY)
    return tuple(F.max_pool2d(padded, (size, 1), 1).view(4, *shape))


def _linear(_call: FunctionCall, extents: Extents, shape: torch.Size) -> Extents:
    """A Linear: the maximum over all features."""
    return tuple(maximum(extent, (-1,)).expand(shape) for extent in extents)


Rule = Callable[[FunctionCall, Extents, torch.Size], Extents]
"""A function from the extents of the first tensor argument to those of an output of a given shape."""

RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv2d", "max_pool2d", "avg_pool2d", "lp_pool2d"), _windowed),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), _adaptive),
    **dict.fromkeys(("interpolate", "upsample", "upsample_nearest", "upsample_bilinear"), _interpolated),
    **dict.fromkeys(("batch_norm", "instance_norm", "layer_norm", "group_norm"), _normalised),
    "conv_transpose2d": _transposed,
    "linear": _linear,
    "local_response_norm": _over_channels,
    "pad": _padded,
    "unfold": _unfolded,
}
