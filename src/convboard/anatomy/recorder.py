"""The recorder of a network's calls: hooks of its modules, and a mode of torch that sees every function."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.function_call import FunctionCall, first_tensor, tensors_in
from convboard.anatomy.function_names import words
from convboard.anatomy.module_paths import named_modules
from convboard.anatomy.operations import ASKING, OperationMode, call_of, sets_data
from convboard.anatomy.provenance import Provenance, TrackedTensors, parameters_of, version_of
from convboard.anatomy.trace import Call, CallNames, Tracker, is_layer

# Functions that change neither values nor shape are not recorded. Attributes such as `.T` arrive as `get`.
_NOT_RECORDED = words("alias get set clone contiguous cpu cuda detach double float to type")
_Unseen: Any = torch._C.DisableTorchFunction  # what the recorder itself calls is not the network's


@dataclass
class Recording:
    """What a recorder has seen so far.

    Attributes:
        calls: The calls, in the order of their start.
        modules: The modules that ran.
        has_unseen: Whether a tensor was met that no function seen has made. To see the operations too may tell whether
            it comes from the images.
    """

    calls: list[Call] = field(default_factory=list)
    modules: set[nn.Module] = field(default_factory=set)
    has_unseen: bool = False


@contextmanager
def record_calls(
    model: nn.Module,
    images: Tensor,
    trackers: Sequence[Tracker] = (),
    sees_operations: bool = False,
    keeps_values: bool = True,
    others: Sequence[Tensor] = (),
) -> Iterator[Recording]:
    """Record the calls of a network while the context lasts.

    Args:
        model: The network.
        images: The images, [N, C, H, W], with which the network is called within the context.
        trackers: Trackers to update after every function call.
        sees_operations: Whether to look into scripts, which takes longer; see `Recording.has_unseen`.
        keeps_values: Whether the recorded functions keep the tensors that they were given, or only their shapes.
        others: What the network is called with besides the images: `input:2` and so on among the inputs of the calls.

    Yields:
        The recording, which grows while the network runs.
    """
    modules = dict(named_modules(model))
    recorder = _Recorder(modules.keys(), images, trackers, sees_operations, keeps_values)
    recorder.provenances.name_inputs(others)
    handles = []
    try:
        for name, module in modules.items():
            if isinstance(module, torch.jit.ScriptModule):
                continue  # takes no hooks; what it returns is unknown
            before, after = recorder.hooks(name or (type(module).__name__ if is_layer(module) else ""), module)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(after, always_call=True))  # also if the forward raises
        if not isinstance(model, torch.jit.ScriptModule):
            handles.append(model.register_forward_pre_hook(recorder.start, prepend=True))
        operations = OperationMode(recorder.provenances.note_operation) if sees_operations else nullcontext()
        with uncompiled(), recorder, operations:
            yield recorder.recording
        recorder.recording.has_unseen = recorder.provenances.has_unseen
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run what torch.compile has compiled as it was written; without the compiler, do nothing."""
    if "torch._dynamo" not in sys.modules:  # then nothing is compiled, and to import it takes seconds
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


class _Recorder(TorchFunctionMode):
    """A recorder of the calls."""

    def __init__(
        self,
        paths: Set[str],
        images: Tensor,
        trackers: Sequence[Tracker],
        sees_operations: bool,
        keeps_values: bool,
    ) -> None:
        super().__init__()
        self._keeps_values = keeps_values
        self.recording = Recording()
        self._names = CallNames()
        self._paths = paths  # of the modules
        self._containers: list[tuple[nn.Module, str]] = []  # those that are running, with their paths
        self._layer: Call | None = None  # the layer that is running
        self._layer_version = 0  # how often its first argument had been written to
        self._has_begun = False  # functions that are called before the network are not the network's
        self._tensors = TrackedTensors(images, trackers, sees_operations)
        self.provenances = self._tensors.provenances

    def start(self, model: nn.Module, _args: Any) -> None:
        """Begin to record, when the network is called. A run may have put copies in place of its buffers before."""
        if not self._has_begun:
            self.provenances.begin(model)
            self._has_begun = True

    def hooks(self, name: str, module: nn.Module) -> tuple[Callable[..., None], Callable[..., Any]]:
        """Return the hooks to run before and after the forward of the module at this path."""
        before, after = self._layer_hooks(name, module) if is_layer(module) else self._container_hooks(name, module)

        def unseen_before(_module: nn.Module, args: Any, kwargs: Any) -> None:
            with _Unseen():
                self.recording.modules.add(module)
                before(args, kwargs)

        def unseen_after(_module: nn.Module, args: Any, result: Any) -> Any:
            with _Unseen():
                return after(args, result)

        return unseen_before, unseen_after

    def _container_hooks(self, name: str, module: nn.Module) -> tuple[Callable[..., None], Callable[..., None]]:
        def before(_args: Any, _kwargs: Any) -> None:
            self._containers.append((module, name))

        def after(_args: Any, result: Any) -> None:
            for tensor in tensors_in(result):
                self.provenances.of(tensor)  # it may have been made out of sight
            if self._containers and self._containers[-1][0] is module:  # else another hook raised before ours
                self._containers.pop()

        return before, after

    def _layer_hooks(self, name: str, module: nn.Module) -> tuple[Callable[..., None], Callable[..., Any]]:
        def before(args: Any, kwargs: Any) -> None:
            if self._layer is None:
                tensors = tensors_in((args, kwargs))
                self._layer_version = version_of(tensors[0]) if tensors else 0
                provenances = [self.provenances.of(tensor) for tensor in tensors]
                self._layer = self._begin(self._names.next(name), type(module).__name__, module, tensors, provenances)

        def after(args: Any, result: Any) -> Any:
            call = self._layer
            if call is None or call.module is not module:
                return None
            self._layer = None
            if result is None and isinstance(raised := sys.exc_info()[1], Exception):
                call.error = raised
                return None
            given = first_tensor(args)
            if result is given and given is not None and version_of(given) == self._layer_version:
                # The layer returned its input, unchanged. A view of it can be told apart from its other uses.
                result = given.view_as(given)
                provenance = self.provenances.of(given)
                function = FunctionCall("view_as", Tensor.view_as, (given, given), {}, provenance.is_of_images)
                self._tensors.follow(function, result, None, [provenance])
            self._end(call, result)
            return result

        return before, after

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Called by torch in place of every function of its own."""
        if not self._has_begun or func in ASKING:
            return func(*args, **(kwargs or {}))
        function = call_of(func, args, kwargs or {})
        versions = [(tensor, version_of(tensor)) for tensor in function.tensors]
        provenances = [*map(self.provenances.of, function.sources), *self.provenances.out_of_sight(function)]
        function.is_of_images = any(provenance.is_of_images for provenance in provenances)
        call = self._layer
        if call is not None:
            if function.name not in _NOT_RECORDED:
                call.functions.append(function)
        elif function.name not in _NOT_RECORDED and any(provenance.name for provenance in provenances):
            name = self._function_name(function.name)
            call = self._begin(name, function.name, None, function.tensors, provenances, function)
        own = call if self._layer is None else None  # the function's own call, if it has one
        try:
            result = func(*args, **(kwargs or {}))
        except Exception as error:
            if own is not None:
                own.error = error
            raise
        returned = args[0] if function.name == "setitem" or sets_data(func) else result
        if first_tensor(returned) is None:
            self.provenances.note_reading(function)
            if own is not None:
                self.recording.calls.remove(own)  # it asked for a size or the like
            return result
        self._tensors.follow(function, returned, call.name if call else None, provenances)
        self._tensors.follow_writes([tensor for tensor, version in versions if version_of(tensor) != version], returned)
        if own is not None:
            self._end(own, returned)
        return result

    def _begin(
        self,
        name: str,
        type_: str,
        module: nn.Module | None,
        tensors: Sequence[Tensor],
        provenances: Sequence[Provenance],
        *functions: FunctionCall,
    ) -> Call:
        inputs = tuple(provenance.name for provenance in provenances if provenance.name)
        call = Call(name, type_, module, inputs, tuple(tensors[0].shape) if tensors else (), functions=list(functions))
        call.parameters = parameters_of(provenances)
        self.recording.calls.append(call)
        return call

    def _end(self, call: Call, result: Any) -> None:
        returned = first_tensor(result)
        call.output_shape = tuple(returned.shape) if returned is not None else ()
        if returned is not None:
            call.output_bytes = returned.numel() * returned.element_size()
            provenance = self.provenances.of(returned)
            call.is_known, call.is_of_images = provenance.is_known, provenance.is_of_images
            call.has_batch = (call.is_of_images, call.is_of_images)
            call.tracked = self._tensors.values(returned)
        if not self._keeps_values:
            call.functions = [function.without_values(self._is_of_images) for function in call.functions]
        for tensor in tensors_in(result):
            its = self.provenances.of(tensor)
            self.provenances.set(tensor, Provenance(call.name, its.version, its.is_of_images, its.is_known))

    def _is_of_images(self, tensor: Tensor) -> bool:
        return self.provenances.of(tensor).is_of_images

    def _function_name(self, function: str) -> str:
        """A name for the next call of a function here; `relu()` if a module is called relu."""
        path = ".".join(filter(None, [self._containers[-1][1] if self._containers else "", function]))
        return self._names.next(f"{path}()" if path in self._paths else path)
