"""The operations of ATen as calls of torch's functions.

A script of torch.jit calls operations, not functions. Where an operation does the same as a function, it is recorded as
a call of this function; what another one returns is unknown.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from convboard.anatomy.function_call import CREATING, FunctionCall
from convboard.anatomy.function_names import CUMULATIVE, ELEMENTWISE, words

# Operations with the arguments of the function of the same name.
_SAME = words(
    """
    adaptive_avg_pool2d addmm addmv alias all amax amin any argmax argmin avg_pool2d baddbmm bmm cat copy count_nonzero
    dot einsum expand fill flip gather glu index_select linear log_softmax logsumexp matmul max max_pool2d
    max_pool2d_with_indices mean min mm mv narrow normal permute pixel_shuffle pixel_unshuffle prod repeat roll
    scaled_dot_product_attention select slice softmax sort split split_with_sizes squeeze stack std sum t topk transpose
    unbind uniform unsqueeze var view zero
    """
)
_SAME |= ELEMENTWISE | CUMULATIVE | CREATING
_OTHER_NAMES = {"lift_fresh": "alias", "native_layer_norm": "layer_norm", "to_copy": "to", "unsafe_view": "view"}
_CONVOLUTION = words("convolution convolution_overrideable")
_BATCH_NORM = words("native_batch_norm_legit_no_training")


ASKING = frozenset(
    (
        *(Tensor.dim, Tensor.size, Tensor.numel, Tensor.stride, Tensor.is_contiguous, Tensor.is_floating_point),
        *(getattr(Tensor, name).__get__ for name in ("shape", "ndim", "dtype", "device", "requires_grad", "is_cuda")),
    )
)
"""Functions that neither return a tensor nor read its values."""


def call_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> FunctionCall:
    """Return the call of a torch function, or of an operation of ATen as that of a function.

    Args:
        function: The function or operation.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    if not is_operation(function):
        return FunctionCall(getattr(function, "__name__", "").strip("_"), function, args, kwargs)
    name = function.__name__.partition(".")[0].strip("_")
    if name in _CONVOLUTION:
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "transposed", "output_padding", "groups")
        given = dict(zip(names, args)) | dict(kwargs)
        kind = "conv_transpose" if given.pop("transposed") else "conv"
        return FunctionCall(f"{kind}{given['weight'].ndim - 2}d", function, (), given)
    if name in _BATCH_NORM:
        weights = dict(zip(("input", "weight", "bias", "running_mean", "running_var"), args))
        return FunctionCall("batch_norm", function, (), weights)
    if name == "constant_pad_nd":
        return FunctionCall("pad", function, (), {"input": args[0], "pad": args[1]})
    return FunctionCall(_OTHER_NAMES.get(name, name), function, args, kwargs)


def is_operation(function: Callable[..., Any]) -> bool:
    """Return whether it is an operation of ATen."""
    return isinstance(function, OpOverload) and function.namespace == "aten"


def is_same(call: FunctionCall) -> bool:
    """Return whether an operation does the same as the function that `call_of` takes it for."""
    return call.name in _SAME or call.name in _OTHER_NAMES.values() or not call.args


def sets_data(function: Callable[..., Any]) -> bool:
    """Return whether a function is the assignment `x.data = y`."""
    return getattr(function, "__name__", "") == "__set__" and (
        getattr(getattr(function, "__self__", None), "__name__", "") == "data"
    )


class _Observer:
    """The method of `OperationMode`: in a class derived from torch's, torch imports its compiler at the first call."""

    note: Callable[[Any, Any], None]

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Called by torch in place of every operation, inside of scripts too."""
        result = func(*args, **(kwargs or {}))
        self.note((args, kwargs or {}), result)
        return result


class OperationMode(_Observer, TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode of torch that sees all operations.

    Args:
        note: Is called with the arguments and the result of each.
    """

    def __init__(self, note: Callable[[Any, Any], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.note = note
