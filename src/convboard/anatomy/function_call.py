"""One call of a torch function: its arguments by name, and the window that it slides over a picture, if any.

Modules call functions: what is known of a function is known of the module that calls it, and of networks that call it
themselves.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.sliding_window import Pair, Window

AVERAGING = {"count_include_pad": True, "divisor_override": None}  # by what avg_pool2d divides, usually
# The parameters of torch's functions that are looked at here, in torch's order.
_PARAMETERS = {
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose2d": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", *AVERAGING),
    "lp_pool2d": ("input", "norm_type", "kernel_size", "stride", "ceil_mode"),
    "linear": ("input", "weight", "bias"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training"),
    "instance_norm": ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats"),
    "group_norm": ("input", "num_groups"),
    "layer_norm": ("input", "normalized_shape"),
    "local_response_norm": ("input", "size"),
    "flatten": ("input", "start_dim", "end_dim"),
    "pad": ("input", "pad", "mode", "value"),
    "unfold": ("input", "kernel_size", "dilation", "padding", "stride"),
}


@dataclass(frozen=True)
class FunctionCall:
    """A call of a torch function.

    Attributes:
        name: Its name in torch, without the underscores of the in-place and the special ones: ``add`` for ``+=``.
        function: The function itself.
        args: Its arguments by place.
        kwargs: Its arguments by name.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """The arguments by name, so far as the names are known here."""
        return dict(zip(_PARAMETERS.get(self.name, ("input",)), self.args)) | dict(self.kwargs)

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors among the arguments, those in lists too, in order."""
        return list(tensors_in((self.args, tuple(self.kwargs.values()))))

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters of the network among them."""
        return [tensor for tensor in self.tensors if isinstance(tensor, nn.Parameter)]

    @property
    def window(self) -> Window | None:
        """The window that it slides over a picture; None where it has none."""
        given = self.arguments
        if self.name == "conv2d":
            kernel, dilation = _pair(tuple(given["weight"].shape[2:])), _pair(given.get("dilation", 1))
            padding = given.get("padding", 0)
            if padding == "same":
                total = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
            else:
                total = _both_sides(0 if isinstance(padding, str) else padding)  # "valid" is torch's other word
            return Window(kernel, _pair(given.get("stride", 1)), total, dilation)
        if self.name in {"max_pool2d", "avg_pool2d", "lp_pool2d"}:
            kernel = _pair(given["kernel_size"])
            stride = given.get("stride")
            dilation = _pair(given.get("dilation", 1))
            padding = _both_sides(given.get("padding", 0))
            is_given = stride is not None and stride != ()
            return Window(
                kernel, _pair(stride) if is_given else kernel, padding, dilation, bool(given.get("ceil_mode"))
            )
        return None


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and mappings, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from tensors_in(tuple(value.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)


def _pair(value: Any) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _both_sides(padding: int | tuple[int, ...]) -> Pair:
    height, width = _pair(padding)
    return 2 * height, 2 * width
