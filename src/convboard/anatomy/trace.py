"""The trace of a network's run: a record of every layer, and of every function that is called outside of layers.

A layer is a module of torch's own (Conv2d, ReLU, or a subclass of one); the functions that it calls belong to it. All
other modules, from the network itself down to a small block of the user's, are containers: a function that their
forward calls (`F.relu`, `torch.flatten`, `+`) is recorded as a call like that of a layer.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.function_call import (
    CREATING,
    FunctionCall,
    Window,
    first_tensor,
    share_memory,
    tensors_in,
    words,
)

Shape = tuple[int, ...]
INPUT = "input"  # stands for the images among the inputs of a call

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_QUANTISED = "torch.ao.nn."  # torch's quantised layers, whose weights are in a child
# Functions that change neither values nor shape are not recorded. Attributes such as `.T` arrive as `get`.
_NOT_RECORDED = words("get set clone contiguous cpu cuda detach double float to type")


@dataclass(eq=False)
class Call:
    """One call of a layer, or of a function outside of layers.

    Attributes:
        name: Module path; the second call of a shared module is `name:2`. The name of a function follows the path of
            the module that calls it: `layer1.0.add`.
        type: The module's class, such as Conv2d, or the function's name, such as relu.
        module: The layer; None for a function.
        inputs: Names of the calls whose outputs are the arguments, in order; `input` stands for the images.
        input_shape: Shape of the first tensor argument, with the batch; () if there is none.
        output_shape: Shape of the first tensor returned, with the batch; () if there is none, None if the call raised.
        functions: The torch functions that were called: one for a function, all inside the layer for a layer.
        output_bytes: Bytes of the first tensor returned.
        tracked: Value of each tracker of the run for the output, in the order of the trackers.
        version: How often the first tensor argument had been written to in place.
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
    tracked: tuple[Any, ...] = ()
    version: int = 0
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

    def invalidate(self, written: Tensor) -> None:
        """Handle a write in place to a tensor, which changes all tensors that share its memory."""


def leaf_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return torch's layers and other modules without children by module path; a network by the name of its class.

    What a layer has inside, such as torch's parametrizations of its weights, is not listed.
    """
    leaves: dict[str, nn.Module] = {}
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if not f"{name}.".startswith(inside or "\0") and (is_layer(module) or not has_children(module)):
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


@contextmanager
def record_calls(model: nn.Module, images: Tensor, trackers: Sequence[Tracker] = ()) -> Iterator[list[Call]]:
    """Record the calls of a network while the context lasts.

    Args:
        model: The network.
        images: The images, [N, C, H, W], with which the network is called within the context.
        trackers: Trackers to update after every function call.

    Yields:
        The calls, in the order of their start; the list grows while the network runs.
    """
    recorder = _Recorder(model, images, trackers)
    handles = []
    try:
        for name, module in model.named_modules():
            before, after = recorder.hooks(name or (type(module).__name__ if is_layer(module) else ""), module)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(after, always_call=True))  # also if the forward raises
        with recorder:
            yield recorder.calls
    finally:
        for handle in handles:
            handle.remove()


class _Recorder(TorchFunctionMode):
    """A recorder of the calls, and of the call that returned each tensor."""

    def __init__(self, model: nn.Module, images: Tensor, trackers: Sequence[Tracker]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._trackers = trackers
        self._names = CallNames()
        self._paths = {name for name, _ in model.named_modules()}
        self._containers: list[str] = []  # paths of the containers that are running
        self._layer: Call | None = None  # the layer that is running
        self._is_paused = False  # functions that the recorder itself calls are not the network's
        # Tensor id to (tensor, name of the call). Holding the tensor keeps its id from being used again.
        self._origins: dict[int, tuple[Tensor, str]] = {id(images): (images, INPUT)}

    def hooks(self, name: str, module: nn.Module) -> tuple[Callable[..., None], Callable[..., Any]]:
        """Return the hooks to run before and after the forward of the module at this path."""
        if not is_layer(module):
            return (lambda *_: self._containers.append(name)), (lambda *_: self._leave_container())

        def before(_module: nn.Module, args: Any, kwargs: Any) -> None:
            if self._layer is None:
                self._layer = self._begin(self._names.next(name), type(module).__name__, module, (args, kwargs))

        def after(_module: nn.Module, args: Any, result: Any) -> Any:
            call = self._layer
            if call is None or call.module is not module:
                return None
            self._layer = None
            if result is None and isinstance(raised := sys.exc_info()[1], Exception):
                call.error = raised
                return None
            given = first_tensor(args)
            if result is given and given is not None and given._version == call.version:
                # The layer returned its input, unchanged. A view of it can be told apart from its other uses.
                with self._paused():
                    result = given.view_as(given)
                self._update(FunctionCall("view_as", Tensor.view_as, (given, given), {}), result)
            self._end(call, result)
            return result

        return before, after

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called by torch in place of every function of its own."""
        if self._is_paused:
            return func(*args, **(kwargs or {}))
        function = FunctionCall(getattr(func, "__name__", "").strip("_"), func, args, kwargs or {})
        call = self._layer
        if call is not None:
            if function.name not in _NOT_RECORDED:
                call.functions.append(function)
        elif function.name not in _NOT_RECORDED | CREATING and self._origins_of(function.tensors):
            call = self._begin(self._function_name(function.name), function.name, None, (args, kwargs), function)
        given = next(iter(function.tensors), None)
        version = given._version if given is not None else 0
        try:
            result = func(*args, **(kwargs or {}))
        except Exception as error:
            if call is not None and self._layer is None:
                call.error = error
            raise
        is_written = given is not None and given._version != version
        returned = given if function.name == "setitem" else result
        if first_tensor(returned) is None:
            if call is not None and self._layer is None:
                self.calls.remove(call)  # it asked for a size or the like
            return result
        self._update(function, returned)
        if is_written and given is not None:
            self._invalidate(given, call.name if call else None)
        if self._layer is None:
            if call is not None:
                self._end(call, returned)
            elif function.name not in CREATING and (origins := self._origins_of(function.tensors)):
                self._set_origin(origins[0], returned)
        return result

    def _begin(self, name: str, type_: str, module: nn.Module | None, given: Any, *functions: FunctionCall) -> Call:
        tensors = list(tensors_in(given))
        shape, version = (tuple(tensors[0].shape), tensors[0]._version) if tensors else ((), 0)
        call = Call(name, type_, module, self._origins_of(tensors), shape, functions=list(functions), version=version)
        self.calls.append(call)
        return call

    def _end(self, call: Call, result: Any) -> None:
        returned = first_tensor(result)
        call.output_shape = tuple(returned.shape) if returned is not None else ()
        if returned is not None:
            call.output_bytes = returned.numel() * returned.element_size()
            call.tracked = tuple(tracker.value(returned) for tracker in self._trackers)
        self._set_origin(call.name, result)

    def _update(self, function: FunctionCall, result: Any) -> None:
        with self._paused():
            for tracker in self._trackers:
                tracker.update(function, result)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def _invalidate(self, written: Tensor, name: str | None) -> None:
        """A tensor was written to by the call of this name: all tensors that share its memory have changed too."""
        with self._paused():
            for tracker in self._trackers:
                tracker.invalidate(written)
            if name is not None:
                for tensor, _ in list(self._origins.values()):
                    if share_memory(tensor, written):
                        self._set_origin(name, tensor)

    def _set_origin(self, name: str, result: Any) -> None:
        for tensor in tensors_in(result):
            self._origins[id(tensor)] = (tensor, name)

    def _origins_of(self, tensors: Sequence[Tensor]) -> tuple[str, ...]:
        return tuple(self._origins[id(tensor)][1] for tensor in tensors if id(tensor) in self._origins)

    def _function_name(self, function: str) -> str:
        """A name for the next call of a function here; `relu()` if a module is called relu."""
        path = ".".join(filter(None, [self._containers[-1] if self._containers else "", function]))
        return self._names.next(f"{path}()" if path in self._paths else path)

    def _leave_container(self) -> None:
        self._containers.pop()
