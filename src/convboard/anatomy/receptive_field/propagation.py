"""What units see, worked out for a whole tensor at once: four planes beside it, and a rule for each kind of function.

The planes hold −top, −left, bottom and right of each unit's box, so that more is always larger: units that come
together see the most of what each saw. Which function follows which rule is decided in `boxes`.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.sliding_window import Pair

NOTHING = float("-inf")  # seen of the image
Planes = tuple[Tensor, ...]  # four, of the tensor's shape


def compacted(plane: Tensor, dims: tuple[int, ...] | None = None) -> Tensor:
    """The plane without the repetitions of `expand` along some dimensions, or all."""
    for dim in range(plane.ndim) if dims is None else dims:
        if plane.stride(dim) == 0 and plane.shape[dim] > 1:
            plane = plane.narrow(dim, 0, 1)
    return plane


def reduced(plane: Tensor, dims: tuple[int, ...], keeps: bool = True) -> Tensor:
    """The most that is seen along some dimensions."""
    if not dims:
        return plane
    most = compacted(plane).amax(dims, keepdim=True)
    dims = tuple(dim % plane.ndim for dim in dims)
    full = most.expand([1 if dim in dims else size for dim, size in enumerate(plane.shape)])
    return full if keeps else full.squeeze(dims)


def together(many: list[Planes]) -> Planes:
    """What is seen by units that depend on a unit of each."""
    compact = [[compacted(plane) for plane in planes] for planes in many]
    result = []
    for number in range(4):
        plane = compact[0][number]
        for other in compact[1:]:
            plane = torch.maximum(plane, other[number])
        result.append(plane)
    return tuple(result)  # not yet as large as what they are broadcast to


def everything(planes: list[Planes], returned: Tensor) -> Planes:
    """All that the units of some tensors see together, for each unit of another.

    Of the whole batch: its images have equal boxes, and which dimension counts them nobody knows.
    """
    most = (
        torch.stack([reduced(its[at], tuple(range(its[at].ndim))).max() for its in planes]).max() for at in range(4)
    )
    return tuple(plane.expand(returned.shape) for plane in most)


def dims_of(call: FunctionCall, ndim: int) -> tuple[int, ...]:
    """Along which dimensions a function looks."""
    given = call.kwargs.get("dim", call.kwargs.get("axis"))
    place = 2 if call.name in {"norm", "normalize"} else 1
    if given is None and len(call.args) > place and not isinstance(call.args[place], (torch.dtype, bool)):
        given = call.args[place]
    if given is None:
        return (1,) if call.name == "normalize" else tuple(range(ndim))
    return (given,) if isinstance(given, int) else tuple(given)


def _windowed(call: FunctionCall, planes: Planes, shape: torch.Size) -> Planes:
    """A convolution or a pooling: the most of what lies in the window, of the channels of its group."""
    window = call.window
    assert window is not None
    compact = [compacted(plane, (0, 1)) for plane in planes]
    out_channels, repeats = shape[1], 1
    if call.name == "conv2d" and compact[0].shape[1] > 1:
        groups = call.arguments.get("groups", 1)
        compact = [_in_groups(plane, groups).amax(2) for plane in compact]
        repeats = out_channels // groups if groups > 1 else 1
    before = (window.total_padding[0] // 2, window.total_padding[1] // 2)
    pooled = _pool(compact, window.kernel_size, window.stride, window.dilation, before, (shape[2], shape[3]))
    return tuple(plane.repeat_interleave(repeats, dim=1).expand(shape) for plane in pooled)


def _pool(planes: list[Tensor], kernel: Pair, stride: Pair, dilation: Pair, before: Pair, size: Pair) -> list[Tensor]:
    """Slide a window over planes ``[n, c, h, w]`` that begins `before` them and comes to `size` places."""
    height, width = planes[0].shape[2:]
    needed = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(size, stride, dilation, kernel)]
    behind = needed[0] - before[0] - height, needed[1] - before[1] - width
    padded = F.pad(torch.cat(planes), (before[1], behind[1], before[0], behind[0]), value=NOTHING)
    return list(F.max_pool2d(padded, kernel, stride, 0, dilation).chunk(4))


def _transposed(call: FunctionCall, planes: Planes, shape: torch.Size) -> Planes:
    """A transposed convolution: a convolution of what lies `stride` apart, with nothing between."""
    given = call.arguments
    weight: Tensor = given["weight"]
    kernel = (weight.shape[2], weight.shape[3])
    stride, padding, dilation = (_pair(given.get(name, usual)) for name, usual in _TRANSPOSED.items())
    groups = given.get("groups", 1)
    compact = [compacted(plane, (0, 1)) for plane in planes]
    repeats = 1
    if compact[0].shape[1] > 1:
        compact = [_in_groups(plane, groups).amax(2) for plane in compact]
        repeats = shape[1] // groups if groups > 1 else 1
    spread = []
    for plane in compact:
        size = [(n - 1) * s + 1 for n, s in zip(plane.shape[2:], stride)]
        wide = torch.full((*plane.shape[:2], *size), NOTHING)
        wide[:, :, :: stride[0], :: stride[1]] = plane
        spread.append(wide)
    before = (dilation[0] * (kernel[0] - 1) - padding[0], dilation[1] * (kernel[1] - 1) - padding[1])
    pooled = _pool(spread, kernel, (1, 1), dilation, before, (shape[2], shape[3]))
    return tuple(plane.repeat_interleave(repeats, dim=1).expand(shape) for plane in pooled)


_TRANSPOSED = {"stride": 1, "padding": 0, "dilation": 1}


def _adaptive(_call: FunctionCall, planes: Planes, shape: torch.Size) -> Planes:
    """An adaptive pooling: torch's own windows, and the most in each."""
    pooled = F.adaptive_max_pool2d(torch.cat([compacted(plane, (0, 1)) for plane in planes]), tuple(shape[2:]))
    return tuple(plane.expand(shape) for plane in pooled.chunk(4))


def _in_groups(plane: Tensor, groups: int) -> Tensor:
    """Channels `[n, c, ...]` by groups: `[n, groups, c / groups, ...]`."""
    return plane.reshape(plane.shape[0], groups, -1, *plane.shape[2:])


def _padded(call: FunctionCall, planes: Planes, _shape: torch.Size) -> Planes:
    """Constant padding: there is nothing to see in it."""
    return tuple(F.pad(plane, tuple(call.arguments["pad"]), value=NOTHING) for plane in planes)


def _unfolded(call: FunctionCall, planes: Planes, _shape: torch.Size) -> Planes:
    """Patches as columns (F.unfold); Tensor.unfold moves units as it stands."""
    if not hasattr(F, call.name) or call.function is not F.unfold:
        return tuple(call.function(plane, *call.args[1:], **call.kwargs) for plane in planes)
    height, width = _pair(call.arguments.get("padding", 0))
    rest = {name: call.arguments[name] for name in ("kernel_size", "dilation", "stride") if name in call.arguments}
    return tuple(F.unfold(F.pad(plane, (width, width, height, height), value=NOTHING), **rest) for plane in planes)


def _interpolated(call: FunctionCall, planes: Planes, shape: torch.Size) -> Planes:
    """An interpolation: along each axis, the function itself tells which pixels it mixes into each place."""
    mixed = [compacted(plane, (0, 1)) for plane in planes]
    for axis in (2, 3):
        if mixed[0].shape[axis] == shape[axis]:
            continue
        mixes = _mixes(call, axis, mixed[0].shape[axis], shape[axis])
        mixed = [_mix(plane, mixes, axis) for plane in mixed]
    return tuple(plane.expand(shape) for plane in mixed)


def _mixes(call: FunctionCall, axis: int, before: int, after: int) -> Tensor:
    """Which of `before` places along an axis each of `after` places is made of: ``[after, before]``."""
    given = call.arguments
    how = {name: given[name] for name in ("mode", "align_corners", "antialias") if given.get(name) is not None}
    factor = given.get("scale_factor")
    if factor is None or given.get("recompute_scale_factor"):
        how["size"] = (after, 2)
    else:  # torch then computes with the factor, not with the ratio of the sizes
        how["scale_factor"] = (factor[axis - 2] if isinstance(factor, (tuple, list)) else factor, 1.0)
    pictures = torch.eye(before).view(1, before, before, 1).expand(-1, -1, -1, 2)
    return F.interpolate(pictures, **how)[0, :, :, 0].T != 0


def _mix(plane: Tensor, mixes: Tensor, axis: int) -> Tensor:
    """Along an axis, the most of the places that each new one is made of."""
    rows = [plane.index_select(axis, chosen.nonzero().flatten()).amax(axis, keepdim=True) for chosen in mixes]
    return torch.cat(rows, axis)


def _normalised(call: FunctionCall, planes: Planes, _shape: torch.Size) -> Planes:
    """A normalisation by statistics: whatever these are taken over is seen."""
    given = call.arguments
    ndim = planes[0].ndim
    if call.name == "batch_norm":
        dims = (0, *range(2, ndim)) if given.get("training") or given.get("running_mean") is None else ()
    elif call.name == "instance_norm":
        dims = tuple(range(2, ndim)) if given.get("use_input_stats", True) else ()
    elif call.name == "layer_norm":
        dims = tuple(range(ndim - len(tuple(given["normalized_shape"])), ndim))
    else:
        groups = given["num_groups"]
        spread = [_in_groups(plane, groups) for plane in planes]
        return tuple(reduced(s, tuple(range(2, ndim + 1))).expand(s.shape).flatten(1, 2) for s in spread)
    return tuple(reduced(plane, dims).expand(plane.shape) for plane in planes)


def _over_channels(call: FunctionCall, planes: Planes, shape: torch.Size) -> Planes:
    """Local response normalisation: the channels beside each one."""
    size = call.arguments["size"]
    stacked = torch.stack(planes).flatten(3).unsqueeze(2)  # [4, N, 1, C, places]
    padded = F.pad(stacked.flatten(0, 1), (0, 0, size // 2, (size - 1) // 2), value=NOTHING)
    return tuple(F.max_pool2d(padded, (size, 1), 1).view(4, *shape))


def _linear(_call: FunctionCall, planes: Planes, shape: torch.Size) -> Planes:
    """A Linear: all features."""
    return tuple(reduced(plane, (-1,)).expand(shape) for plane in planes)


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


RULES: dict[str, Callable[[FunctionCall, Planes, torch.Size], Planes]] = {
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
