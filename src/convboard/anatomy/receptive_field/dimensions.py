"""Propagation of boxes through functions that mix units along dimensions: sums, softmax, normalisations."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.function_names import ALONG_DIMENSION, CUMULATIVE, REDUCING
from convboard.anatomy.receptive_field.boxes import EMPTY, Extents, TensorBoxes, maximum
from convboard.anatomy.receptive_field.propagation import KnownTensors, Rule, union

# Position of the argument `dim` where it is not the second one, and its default where this is not all dimensions.
_POSITIONS = {"norm": 2, "normalize": 2, "topk": 2, "kthvalue": 2, "linalg_norm": 2, "linalg_vector_norm": 2}
_POSITIONS |= {"quantile": 2, "nanquantile": 2, "renorm": 2, "diff": 2, "gumbel_softmax": 4, "cosine_similarity": 2}
_POSITIONS |= {f"fft_{kind}": 2 for kind in ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "rfft2", "irfft2")}
_DEFAULTS: dict[str, int | tuple[int, ...]] = {
    **{f"fft_{kind}": -1 for kind in ("fft", "ifft", "rfft", "irfft")},
    **{f"fft_{kind}": (-2, -1) for kind in ("fft2", "ifft2", "rfft2", "irfft2")},
    "normalize": 1,
    "cosine_similarity": 1,
    "msort": 0,
    **dict.fromkeys(("topk", "kthvalue", "sort", "argsort", "mode", "diff", "glu", "gumbel_softmax"), -1),
}


def dims_of(call: FunctionCall, ndim: int) -> tuple[int, ...]:
    """Return the dimensions that a function reduces, or along which it mixes units.

    Args:
        call: A function with an argument `dim`.
        ndim: Number of dimensions of its input.
    """
    given = call.kwargs.get("dim", call.kwargs.get("axis"))
    position = _POSITIONS.get(call.name, 1)
    if given is None and len(call.args) > position and not isinstance(call.args[position], (torch.dtype, bool)):
        given = call.args[position]
    if given is None:
        given = _DEFAULTS.get(call.name, tuple(range(ndim)))
    return (given,) if isinstance(given, int) else tuple(given) or tuple(range(ndim))


def mixed_dims(call: FunctionCall, ndim: int) -> tuple[int, ...] | None:
    """Return the dimensions along which each unit of the output depends on all units of the first argument.

    Args:
        call: Any function.
        ndim: Number of dimensions of its first argument.

    Returns:
        The dimensions, () for none; None for a function that is not of this kind.
    """
    name, given = call.name, call.arguments
    if name in REDUCING and len(call.args) > 1 and isinstance(call.args[1], Tensor):
        return None  # torch.max(x, y)
    if name in REDUCING | ALONG_DIMENSION | {"cosine_similarity"}:
        return dims_of(call, ndim)
    if name == "batch_norm":
        uses_images = given.get("training") or given.get("running_mean") is None
        return (0, *range(2, ndim)) if uses_images else ()
    if name == "instance_norm":
        return tuple(range(2, ndim)) if given.get("use_input_stats", True) else ()
    if name in {"layer_norm", "rms_norm"}:
        return tuple(range(ndim - len(tuple(given["normalized_shape"])), ndim))
    return (-1,) if name in {"linear", "bilinear", "pairwise_distance"} else None


def mixed(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A function with `mixed_dims`: the maximum over these dimensions."""
    return _without_dims(call, call.arguments["input"], _first(call, known), shape)


def compared(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A function with `mixed_dims` of two tensors: the maximum over these dimensions of both."""
    two = call.tensors[:2]
    return union([_without_dims(call, tensor, extents, shape) for tensor in two if (extents := known.get(tensor))])


def _without_dims(call: FunctionCall, tensor: Tensor, extents: Extents, shape: torch.Size) -> Extents:
    """The maximum over the dimensions that the function mixes; they are removed if the output does not have them."""
    dims = mixed_dims(call, tensor.ndim)
    assert dims is not None
    if not dims:
        return extents
    return tuple(maximum(extent, dims, keepdim=len(shape) == tensor.ndim) for extent in extents)


def cumulative(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A cumulative function: the maximum over the units up to each."""
    (dim,) = dims_of(call, len(shape))
    return tuple(
        extent if extent.stride(dim) == 0 else torch.cummax(extent, dim).values for extent in _first(call, known)
    )


def differences(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """Differences of neighbours (torch.diff): the maximum over both, n times."""
    (dim,) = dims_of(call, len(shape))
    extents: Extents = _first(call, known)
    for _ in range(call.arguments.get("n", 1)):
        size = extents[0].shape[dim] - 1
        extents = tuple(torch.maximum(e.narrow(dim, 0, size), e.narrow(dim, 1, size)) for e in extents)
    return extents


def gated(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """A gated linear unit: the maximum over a unit of the first half and that of the second."""
    (dim,) = dims_of(call, len(shape))
    return tuple(torch.maximum(*extent.chunk(2, dim)) for extent in _first(call, known))


def group_normalised(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """A group normalisation: the maximum over the channels and positions of a group."""
    groups = call.arguments["num_groups"]
    grouped = [torch.unflatten(extent, 1, (groups, -1)) for extent in _first(call, known)]
    return tuple(maximum(g, range(2, g.ndim)).expand(g.shape).flatten(1, 2) for g in grouped)


def over_channels(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """Local response normalisation: the maximum over neighbouring channels."""
    size = call.arguments["size"]
    stacked = torch.stack(_first(call, known)).flatten(3).unsqueeze(2)  # [4, N, 1, C, H·W]
    padded = F.pad(stacked.flatten(0, 1), (0, 0, size // 2, (size - 1) // 2), value=EMPTY)
    return tuple(F.max_pool2d(padded, (size, 1), 1).view(4, *shape))


def triangular(call: FunctionCall, known: KnownTensors, shape: torch.Size) -> Extents:
    """torch.tril or triu: the boxes of the zeros are empty."""
    is_kept = call.function(torch.ones(shape[-2:]), *call.args[1:], **call.kwargs) != 0
    return tuple(torch.where(is_kept, extent, torch.tensor(EMPTY)) for extent in _first(call, known))


def padded(call: FunctionCall, known: KnownTensors, _shape: torch.Size) -> Extents:
    """Constant padding: its boxes are empty."""
    boxes, pad = _first(call, known), tuple(call.arguments["pad"])
    if not any(pad):
        return boxes
    is_padded = [any(pad[2 * at : 2 * at + 2]) for at in reversed(range(boxes[0].ndim))]
    return tuple(
        F.pad(
            compact.expand([n if pads else m for m, n, pads in zip(compact.shape, boxes[0].shape, is_padded)]),
            pad,
            value=EMPTY,
        )
        for compact in boxes.compact
    )


def _first(call: FunctionCall, known: KnownTensors) -> TensorBoxes:
    boxes = known.get(call.arguments["input"])
    assert boxes is not None
    return boxes


DIMENSION_RULES: dict[str, Rule] = {
    **dict.fromkeys(REDUCING | ALONG_DIMENSION, mixed),
    **dict.fromkeys(CUMULATIVE, cumulative),
    **dict.fromkeys(("batch_norm", "instance_norm", "layer_norm", "rms_norm", "linear"), mixed),
    "diff": differences,
    "glu": gated,
    "group_norm": group_normalised,
    "local_response_norm": over_channels,
    "pad": padded,
    "tril": triangular,
    "triu": triangular,
    "view_as_complex": lambda call, known, _: tuple(maximum(extent, (-1,), False) for extent in _first(call, known)),
    "view_as_real": lambda call, known, _: tuple(extent[..., None] for extent in _first(call, known)),
}
COMPARISON_RULES: dict[str, Rule] = dict.fromkeys(("bilinear", "cosine_similarity", "pairwise_distance"), compared)
