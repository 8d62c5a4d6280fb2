"""One call of a torch function: its arguments by name, its sliding window, and the category of the function.

Modules call functions. A property of a function therefore holds both for a module that calls it and for a network
that calls it directly.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, nn

Pair = tuple[int, int]  # (height, width)

AVG_POOL_DEFAULTS = {"count_include_pad": True, "divisor_override": None}
# The values of the output do not depend on the first argument, only its size does.
CREATING = frozenset(
    (
        *("empty_like", "full_like", "ones_like", "rand_like", "randint_like", "randn_like", "zeros_like"),
        *("new_empty", "new_full", "new_ones", "new_tensor", "new_zeros", "zero"),
    )
)
# In-place functions that replace all values.
_FILLING = frozenset(
    (
        *("bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_"),
        *("copy_", "fill_", "zero_"),
    )
)
# The values of the output depend on the first argument alone; a second tensor tells its shape or its type.
_SHAPED_LIKE_OTHER = frozenset(("expand_as", "reshape_as", "to", "type_as", "view_as"))
# The parameters of the functions whose arguments are read by name, in torch's order.
_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode", *AVG_POOL_DEFAULTS)
_DROPOUT = ("input", "p", "training", "inplace")
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout")
_PARAMETERS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _CONVOLUTION),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _TRANSPOSED),
    **{f"max_pool{n}d{indices}": _MAX_POOL for n in (1, 2, 3) for indices in ("", "_with_indices")},
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), _AVG_POOL),
    **dict.fromkeys(("lp_pool1d", "lp_pool2d", "lp_pool3d"), ("input", "norm_type", *_AVG_POOL[1:3], "ceil_mode")),
    **dict.fromkeys(("max_unpool1d", "max_unpool2d", "max_unpool3d"), ("input", "indices", *_MAX_POOL[1:4])),
    **dict.fromkeys((*_DROPOUTS, "feature_alpha_dropout"), _DROPOUT),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), ("input", "dim")),
    **dict.fromkeys(("clamp", "clip"), ("input", "min", "max")),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d"), ("input", "output_size", "return_indices")),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), ("tensors", "dim")),
    "hardtanh": ("input", "min_val", "max_val"),
    "pixel_shuffle": ("input", "upscale_factor"),
    "linear": ("input", "weight", "bias"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training"),
    "instance_norm": ("input", "running_mean", "running_var", "weight", "bias", "use_input_stats"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "layer_norm": ("input", "normalized_shape"),
    "rms_norm": ("input", "normalized_shape"),
    "local_response_norm": ("input", "size"),
    "flatten": ("input", "start_dim", "end_dim"),
    "pad": ("input", "pad", "mode", "value"),
    "unfold": ("input", "kernel_size", "dilation", "padding", "stride"),
    "fold": ("input", "output_size", "kernel_size", "dilation", "padding", "stride"),
    "gather": ("input", "dim", "index"),
    "take_along_dim": ("input", "indices", "dim"),
    "embedding": ("input", "weight"),
    "index_select": ("input", "dim", "index"),
    "diff": ("input", "n", "dim", "prepend", "append"),
    "multi_head_attention_forward": ("query", "key", "value"),
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask", "dropout_p"),
    "tensordot": ("a", "b", "dims"),
    "where": ("condition", "input", "other"),
}


@dataclass(frozen=True)
class Window:
    """The sliding window of a convolution or a pooling; every pair is (height, width).

    Attributes:
        kernel_size: Pixels of the window, without the gaps of a dilation.
        stride: Pixels from one window to the next.
        total_padding: Pixels added on both sides together.
        dilation: Pixels from one row or column of the window to the next; 1 leaves no gaps.
        ceil_mode: Whether a last window that is only partly inside the image counts too.
    """

    kernel_size: Pair
    stride: Pair
    total_padding: Pair
    dilation: Pair
    ceil_mode: bool = False

    @property
    def extent(self) -> Pair:
        """Pixels that the window spans, gaps included: d·(k−1) + 1."""
        height, width = (d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation))
        return height, width

    @property
    def same_padding(self) -> Pair | str | None:
        """Padding in pixels on each side that keeps the size.

        It is `same` if one side needs one pixel more than the other, and None if the stride is not 1.
        """
        if self.stride != (1, 1):
            return None
        height, width = (extent - 1 for extent in self.extent)
        return "same" if height % 2 or width % 2 else (height // 2, width // 2)

    def padded(self, total_padding: Pair) -> "Window":
        """Return the same window with another total padding."""
        return replace(self, total_padding=total_padding)

    def fits(self, size: Pair) -> bool:
        """Return whether at least one whole window fits into an image of this size with its padding."""
        return all(n + p >= e for n, p, e in zip(size, self.total_padding, self.extent))

    def output_size(self, size: Pair) -> Pair:
        """Return the output size, by the formula in the documentation of torch.nn.Conv2d and MaxPool2d.

        Args:
            size: (height, width) of the input.
        """
        return self._along(0, size[0])[0], self._along(1, size[1])[0]

    def formula(self, size: Pair) -> str:
        """Return the formula of the output size with its numbers: `⌊(28 + 2·2 − 1·(5−1) − 1)/1⌋ + 1 = 28`.

        Args:
            size: (height, width) of the input.
        """
        height, width = (self._along(axis, size[axis])[1] for axis in (0, 1))
        return height if height == width else f"height {height}, width {width}"

    def _along(self, axis: int, size: int) -> tuple[int, str]:
        """The output size along an axis, and its formula."""
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        padding, dilation = self.total_padding[axis], self.dilation[axis]
        steps = size + padding - dilation * (kernel - 1) - 1
        result = (math.ceil(steps / stride) if self.ceil_mode else steps // stride) + 1
        correction = ""
        # torch drops a last window that would begin outside the image and its left padding.
        if self.ceil_mode and (result - 1) * stride >= size + padding // 2:
            result -= 1
            correction = " − 1"
        padded = f"{size} + 2·{padding // 2}" if padding % 2 == 0 else f"{size} + {padding}"
        left, right = "⌈⌉" if self.ceil_mode else "⌊⌋"
        fraction = f"{left}({padded} − {dilation}·({kernel}−1) − 1)/{stride}{right}"
        return result, f"{fraction} + 1{correction} = {result}"


@dataclass(eq=False)
class FunctionCall:
    """A call of a torch function.

    Attributes:
        name: Its name in torch without the underscores of in-place and special functions: `add` for `+=`.
        function: The function itself.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        is_of_images: Whether an argument depends on the images, as far as it can be seen.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    is_of_images: bool = True

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """All arguments by name; for functions not in `_PARAMETERS`, only `input` and the keyword arguments."""
        return dict(zip(_PARAMETERS.get(self.name, ("input",)), self.args)) | dict(self.kwargs)

    @cached_property
    def tensors(self) -> list[Tensor]:
        """The tensors among the arguments, including those in lists, in order."""
        return tensors_in((self.args, tuple(self.kwargs.values())))

    @property
    def replaces_values(self) -> bool:
        """Whether it gives its first argument other values: `x.copy_(y)`, `x.data = y`."""
        return getattr(self.function, "__name__", "").partition(".")[0] in _FILLING or self.name == "set"

    @cached_property
    def sources(self) -> list[Tensor]:
        """The tensors among the arguments whose values the result depends on; others tell only a shape or a type."""
        if self.replaces_values or self.name in CREATING:
            return tensors_in((self.args[1:], tuple(self.kwargs.values())))
        if self.name in _SHAPED_LIKE_OTHER:
            return tensors_in(self.args[:1])
        if "out" not in self.kwargs:
            return self.tensors
        return tensors_in((self.args, tuple(value for key, value in self.kwargs.items() if key != "out")))

    def without_values(self, is_let_go: Callable[[Tensor], bool]) -> "FunctionCall":
        """Return the same call with tensors of the same shapes and types that need no memory.

        Args:
            is_let_go: Whether to put another tensor in place of one.
        """
        args, kwargs = (_without_values(value, is_let_go) for value in (self.args, dict(self.kwargs)))
        return FunctionCall(self.name, self.function, args, kwargs, self.is_of_images)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The nn.Parameters among the arguments."""
        return [tensor for tensor in self.tensors if isinstance(tensor, nn.Parameter)]

    def tensor(self, name: str) -> Tensor | None:
        """Return the argument of this name if it is a tensor, else None."""
        found = self.arguments.get(name)
        return found if isinstance(found, Tensor) else None

    @cached_property
    def window(self) -> Window | None:
        """The sliding window of a convolution or a pooling; None for other functions."""
        given = self.arguments
        if self.name == "conv2d":
            kernel, dilation = as_pair(tuple(given["weight"].shape[2:])), as_pair(given.get("dilation", 1))
            padding = given.get("padding", 0)
            if padding == "same":
                total = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
            else:
                total = _both_sides(0 if isinstance(padding, str) else padding)  # "valid" is torch's other text
            return Window(kernel, as_pair(given.get("stride", 1)), total, dilation)
        if self.name in {"max_pool2d", "max_pool2d_with_indices", "avg_pool2d", "lp_pool2d"}:
            kernel, stride = as_pair(given["kernel_size"]), given.get("stride")
            is_given = stride is not None and stride != ()
            return Window(
                kernel,
                as_pair(stride) if is_given else kernel,
                _both_sides(given.get("padding", 0)),
                as_pair(given.get("dilation", 1)),
                bool(given.get("ceil_mode")),
            )
        return None


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and mappings, in order."""
    if isinstance(value, Tensor):
        return [value]
    found: list[Tensor] = []
    _collect((value,), found)
    return found


def _collect(values: Iterable[Any], found: list[Tensor]) -> None:
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            _collect(value, found)
        elif not isinstance(value, (int, float, str, type(None))) and isinstance(value, Mapping):
            _collect(value.values(), found)


def _without_values(value: Any, is_let_go: Callable[[Tensor], bool]) -> Any:
    if type(value) is Tensor and value.layout == torch.strided and not value.is_quantized and is_let_go(value):
        return _number(value.dtype, value.device).expand(value.shape)
    if type(value) in {tuple, list}:
        return type(value)(_without_values(item, is_let_go) for item in value)
    if type(value) is dict:
        return {key: _without_values(item, is_let_go) for key, item in value.items()}
    return value


@cache
def _number(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.empty((), dtype=dtype, device=device)


def first_tensor(value: Any) -> Tensor | None:
    """Return the first tensor in nested tuples, lists and mappings; None if there is none."""
    return value if isinstance(value, Tensor) else next(iter(tensors_in(value)), None)


def as_pair(value: Any) -> Pair:
    """Return a number, or a tuple of one or two, as (height, width)."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _both_sides(padding: int | tuple[int, ...]) -> Pair:
    height, width = as_pair(padding)
    return 2 * height, 2 * width
