"""What happens in a network while it runs: a record of every layer and every function that it calls itself.

A layer is a module that torch brings (Conv2d, ReLU, a subclass of one); what it calls inside belongs to it. Everything
else, from the network itself down to a small block of the user's own, is looked into: a function that its forward
calls (``F.relu``, ``torch.flatten``, ``+``) is a call like that of a layer.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_kinds import FRESH
from convboard.anatomy.sliding_window import Window

Shape = tuple[int, ...]
IMAGE = "input"  # stands for the images where the inputs of a call are named

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
# What changes neither values nor shape is no row of its own; attributes such as `.T` come as `get`.
_UNSEEN = frozenset(["get", "set", "clone", "contiguous", "cpu", "cuda", "detach", "double", "float", "to", "type"])


@dataclass(eq=False)
class Call:
    """One call of a layer, or of a function outside of layers.

    Attributes:
        name: Module path; the second call of a shared module is ``name:2``. A function's name stands behind the path of
            the module that calls it: ``layer1.0.add``.
        type: The module's class, such as Conv2d, or the function's name, such as relu.
        module: The layer; None for a function.
        inputs: Names of the calls whose outputs arrive here, ``input`` for the images; in the order of the arguments.
        input_shape: Shape of the first tensor it was given, with the batch; () where there was none.
        output_shape: Shape of the first tensor it returned, with the batch; None if it raised.
        functions: The torch functions behind it: one for a function, those that were called inside for a layer.
        output_bytes: Bytes of what it returned.
        views: What the trace's followers know of the output, in their order.
        version: How often the first tensor it was given had been written to.
        error: What it raised, whether or not the network goes on after it.
    """

    name: str
    type: str
    module: nn.Module | None
    inputs: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape | None = None
    functions: list[FunctionCall] = field(default_factory=list)
    output_bytes: int = 0
    views: tuple[Any, ...] = ()
    version: int = 0
    error: Exception | None = None

    def function(self, *names: str) -> FunctionCall | None:
        """The first of its functions with one of these names; None where it has none."""
        return next((call for call in self.functions if call.name in names), None)

    @property
    def window(self) -> Window | None:
        """The window that it slides over a picture; None where it has none."""
        return next((window for call in self.functions if (window := call.window)), None)


class Follower(Protocol):
    """Follows something through the functions of a run: told of each, it knows something of every tensor."""

    def follow(self, call: FunctionCall, result: Any) -> None:
        """A function has been called, inside a layer or outside."""

    def of(self, tensor: Tensor) -> Any:
        """What is known of a tensor."""

    def overwrite(self, written: Tensor) -> None:
        """A tensor has been written to: so have those that share its memory."""


def leaf_modules(model: nn.Module) -> dict[str, nn.Module]:
    """The modules without children, by module path; a network that is one itself goes by its type's name."""
    return {name or type(module).__name__: module for name, module in model.named_modules() if not has_parts(module)}


def has_parts(module: nn.Module) -> bool:
    """Whether a module has children, not counting those by which torch computes its weights (parametrizations)."""
    return any(name != "parametrizations" for name, _ in module.named_children())


def is_layer(module: nn.Module) -> bool:
    """Whether a module is one of torch's own layers, or a subclass of one, rather than something of the user's."""
    if isinstance(module, _CONTAINERS):
        return False
    kinds = [nn.MultiheadAttention] if has_parts(module) else type(module).__mro__
    return any(
        kind.__module__.startswith("torch.nn.modules.") and kind is not nn.Module and isinstance(module, kind)
        for kind in kinds
    )


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor in what a module takes or returns: the tensor itself, or looked for in a collection."""
    return next(tensors_in(value), None)


def share_memory(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are views of the same memory, on whatever device."""
    return bool(one.untyped_storage()._cdata == other.untyped_storage()._cdata)


class CallNames:
    """Names the calls of modules: ``conv1`` for the first, ``conv1:2`` for the second, and so on."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def next(self, name: str) -> str:
        """The name of this call of the module called ``name``."""
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name}:{self._seen[name]}"


@contextmanager
def recorded(model: nn.Module, images: Tensor, followers: Sequence[Follower] = ()) -> Iterator[list[Call]]:
    """Record the calls of a network for as long as the context lasts.

    Args:
        model: The network.
        images: What it will be called with.
        followers: Are told of every function.

    Yields:
        The calls, in the order in which they began.
    """
    recorder = _Recorder(model, images, followers)
    handles = []
    try:
        for name, module in model.named_modules():
            before, after = recorder.hooks(name or (type(module).__name__ if is_layer(module) else ""), module)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(after, always_call=True))  # a network may catch what it raises
        with recorder:
            yield recorder.calls
    finally:
        for handle in handles:
            handle.remove()


class _Recorder(TorchFunctionMode):
    """Keeps the calls, and knows for each tensor which call it comes from."""

    def __init__(self, model: nn.Module, images: Tensor, followers: Sequence[Follower]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._followers = followers
        self._names = CallNames()
        self._paths = {name for name, _ in model.named_modules()}
        self._inside: list[str] = []  # paths of the modules that run, layers excepted
        self._layer: Call | None = None  # the layer that runs
        self._is_paused = False  # what the recorder itself calls is none of the network's
        # Tensor id to (tensor, name of the call). Holding the tensor keeps its id from being used again.
        self._origins: dict[int, tuple[Tensor, str]] = {id(images): (images, IMAGE)}

    def hooks(self, name: str, module: nn.Module) -> tuple[Callable[..., None], Callable[..., Any]]:
        """What is to run before and after the module of this path."""
        if not is_layer(module):
            return (lambda *_: self._inside.append(name)), (lambda *_: self._leave())

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
                # Nothing was done: as a tensor of its own it can be told from what else becomes of the input.
                with self._paused():
                    result = given.view_as(given)
                self._tell(FunctionCall("view_as", Tensor.view_as, (given, given), {}), result)
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
            if function.name not in _UNSEEN:
                call.functions.append(function)
        elif function.name not in _UNSEEN | FRESH and self._origins_of(function.tensors):
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
        self._tell(function, returned)
        if is_written and given is not None:
            self._overwrite(given, call.name if call else None)
        if self._layer is None:
            if call is not None:
                self._end(call, returned)
            elif function.name not in FRESH and (origins := self._origins_of(function.tensors)):
                self._come_from(origins[0], returned)
        return result

    def _begin(self, name: str, kind: str, module: nn.Module | None, given: Any, *functions: FunctionCall) -> Call:
        tensors = list(tensors_in(given))
        shape, version = (tuple(tensors[0].shape), tensors[0]._version) if tensors else ((), 0)
        call = Call(name, kind, module, self._origins_of(tensors), shape, functions=list(functions), version=version)
        self.calls.append(call)
        return call

    def _end(self, call: Call, result: Any) -> None:
        returned = first_tensor(result)
        call.output_shape = tuple(returned.shape) if returned is not None else ()
        if returned is not None:
            call.output_bytes = returned.numel() * returned.element_size()
            call.views = tuple(follower.of(returned) for follower in self._followers)
        self._come_from(call.name, result)

    def _tell(self, function: FunctionCall, result: Any) -> None:
        with self._paused():
            for follower in self._followers:
                follower.follow(function, result)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def _overwrite(self, written: Tensor, name: str | None) -> None:
        """What shares the memory of a tensor that was written to has changed as well."""
        with self._paused():
            for follower in self._followers:
                follower.overwrite(written)
            if name is not None:
                for tensor, _ in list(self._origins.values()):
                    if share_memory(tensor, written):
                        self._come_from(name, tensor)

    def _come_from(self, name: str, result: Any) -> None:
        for tensor in tensors_in(result):
            self._origins[id(tensor)] = (tensor, name)

    def _origins_of(self, tensors: Sequence[Tensor]) -> tuple[str, ...]:
        return tuple(self._origins[id(tensor)][1] for tensor in tensors if id(tensor) in self._origins)

    def _function_name(self, function: str) -> str:
        """A name for the next call of a function here; ``relu()`` where a module is called relu."""
        path = ".".join(filter(None, [self._inside[-1] if self._inside else "", function]))
        return self._names.next(f"{path}()" if path in self._paths else path)

    def _leave(self) -> None:
        self._inside.pop()
