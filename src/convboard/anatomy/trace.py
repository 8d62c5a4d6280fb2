"""The trace of a network's run: a record of every layer, and of every function that is called outside of layers.

A layer is a module of torch's own (Conv2d, ReLU, or a subclass of one); the functions that it calls belong to it. All
other modules, from the network itself down to a small block of the user's, are containers: a function that their
forward calls (`F.relu`, `torch.flatten`, `+`) is recorded as a call like that of a layer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from convboard.anatomy.function_call import FunctionCall, Window
from convboard.anatomy.module_paths import named_modules

Shape = tuple[int, ...]
Shapes = Shape | Sequence[Shape]
"""(C, H, W) of an image; for a network with several inputs, the shape of each without the batch, the image first."""
INPUT = "input"  # stands for the images among the inputs of a call
UNKNOWN = "unknown"  # stands for a tensor that was made where no trace sees: by torch.jit.script, vmap, numpy

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_QUANTISED = "torch.ao.nn."  # torch's quantised layers, whose weights are in a child


@dataclass(eq=False)
class Call:
    """One call of a layer, or of a function outside of layers.

    Attributes:
        name: Module path; the second call of a shared module is `name:2`. The name of a function follows the path of
            the module that calls it: `layer1.0.add`.
        type: The module's class, such as Conv2d, or the function's name, such as relu.
        module: The layer; None for a function.
        inputs: Names of the calls whose outputs are the arguments, in order; `input` stands for the images, `unknown`
            for a tensor of which the trace has not seen how it was made.
        input_shape: Shape of the first tensor argument, with the batch; () if there is none.
        output_shape: Shape of the first tensor returned, with the batch; () if there is none, None if the call raised.
        functions: The torch functions that were called: one for a function, all inside the layer for a layer.
        output_bytes: Bytes of the first tensor returned.
        parameters: For a function, the parameters that its arguments are made from.
        is_of_images: Whether the output depends on the images, as far as it can be seen.
        has_batch: Whether the first dimension of `input_shape` is that of the batch, and that of `output_shape`.
        is_known: Whether the trace has seen all that the output is made from.
        tracked: Value of each tracker of the run for the output, in the order of the trackers;
            that of an unknown tensor if `is_known` is false.
        error: The exception that it raised, whether or not the network caught it.
    """

    name: str
    type: str
    module: nn.Module | None
    inputs: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape | None = None
    functions: list[FunctionCall] = field(default_factory=list)
    output_bytes: int = 0
    parameters: tuple[nn.Parameter, ...] = ()
    is_of_images: bool = True
    has_batch: tuple[bool, bool] = (True, True)
    is_known: bool = True
    tracked: tuple[Any, ...] = ()
    error: Exception | None = None

    def function(self, *names: str) -> FunctionCall | None:
        """Return the first of its functions that has one of these names; None if there is none."""
        return next((call for call in self.functions if call.name in names), None)

    @property
    def window(self) -> Window | None:
        """The sliding window of a convolution or a pooling; None for other calls."""
        return next((window for call in self.functions if (window := call.window)), None)

    @property
    def in_features(self) -> int | None:
        """Features that a Linear, or a matrix product with a parameter, expects; None for other calls."""
        if function := self.function("linear"):
            weight = function.tensor("weight")
            return weight.shape[1] if weight is not None and weight.ndim == 2 else None
        function = self.function("matmul", "mm")
        if function is not None and len(function.args) > 1 and isinstance(function.args[1], nn.Parameter):
            return int(function.args[1].shape[-2]) if function.args[1].ndim == 2 else None
        return None

    @property
    def num_features(self) -> int | None:
        """Channels or features that a batch or instance normalisation expects; None for other calls."""
        function = self.function("batch_norm", "instance_norm")
        found = [function.tensor(name) for name in ("running_mean", "weight")] if function else []
        return next((int(one.shape[0]) for one in found if one is not None), None)


class Tracker(Protocol):
    """A computation for every tensor of a run from the functions that are called, such as receptive fields."""

    def update(self, call: FunctionCall, result: Any) -> None:
        """Handle a function call inside or outside of a layer, after it returned `result`."""

    def value(self, tensor: Tensor) -> Any:
        """Return the result of the computation for a tensor of any shape."""

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """Handle a write in place to a tensor, after its `update`: it changes the tensors that share its memory."""

    def forget(self, tensor: Tensor) -> None:
        """Handle a tensor of which it is not known what it depends on."""


def leaf_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return torch's layers and other modules without children by module path; a network by the name of its class.

    What a layer has inside, such as torch's parametrizations of its weights, is not listed. Scripts of torch.jit are
    not either: they take no hooks.
    """
    leaves: dict[str, nn.Module] = {}
    inside: tuple[str, ...] = ()
    for name, module in named_modules(model):
        is_inside = isinstance(module, torch.jit.ScriptModule) or f"{name}.".startswith(inside or "\0")
        if not is_inside and (is_layer(module) or not has_children(module)):
            leaves[name or type(module).__name__] = module
            inside += (f"{name}." if name else "",)
    return leaves


def has_children(module: nn.Module) -> bool:
    """Return whether a module has children, not counting torch's parametrizations of its weights."""
    return any(name != "parametrizations" for name, _ in module.named_children())


def is_layer(module: nn.Module) -> bool:
    """Return whether a module is one of torch's layers or a subclass of one, not a container or a user's class."""
    if isinstance(module, _CONTAINERS):
        return False
    with_children = isinstance(module, nn.MultiheadAttention) or _QUANTISED in type(module).__module__
    return (with_children or not has_children(module)) and any(
        cls.__module__.startswith(("torch.nn.modules.", _QUANTISED)) and cls is not nn.Module
        for cls in type(module).__mro__
    )


class CallNames:
    """Unique names of the calls of modules: `conv1` for the first, `conv1:2` for the second, and so on."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def next(self, name: str) -> str:
        """Return the name of this call of the module at path `name`."""
        self._counts[name] += 1
        return name if self._counts[name] == 1 else f"{name}:{self._counts[name]}"
