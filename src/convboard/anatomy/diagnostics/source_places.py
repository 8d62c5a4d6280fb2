"""The user's lines that a finding is about, found by running or building the network once more."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.trials import attempt, quiet_run
from convboard.anatomy.diagnostics.user_code import Failure, Place, failure_at, is_installed, user_frame
from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.function_call import FunctionCall

_COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>")


class _Lines:
    """A tracker whose value is the user's line that is running."""

    def __init__(self, _images: Tensor) -> None:
        pass

    def update(self, call: FunctionCall, result: Any) -> None:
        """Do nothing."""

    def value(self, _tensor: Tensor) -> Place | None:
        """Return the user's line that calls the layer or function."""
        return _place(user_frame())

    def invalidate(self, written: Tensor, sharing: Any) -> None:
        """Do nothing."""

    def forget(self, tensor: Tensor) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Construction:
    """The call that makes a layer.

    Attributes:
        failure: The place of the call.
        values: The local variables at that time.
    """

    failure: Failure
    values: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, tuple[int | None, ...]]:
        """The place as a key, which is the same for all layers that this call makes."""
        return self.failure.file, self.failure.position


def place_of(context: Context, finding: Finding) -> Place | None:
    """Return the user's line that a finding is about, if no exception names one.

    It is the line that makes a layer whose sizes are wrong for the classes, the line that calls the layer or function
    of the finding, or the last line of the forward that ran.
    """
    call, place = finding.call, None
    if call is not None and call.module is not None and (finding.kind == "num_classes" or context.run.error):
        made = constructions(context).get(context.path_of(call.module))
        place = made.failure.place if made is not None else None
    if call is not None and place is None and context.run.error is None:
        place = _lines_of_calls(context).get(call.name)
    if place is None and context.run.error is None:
        place = _last_line(context)
    return place


def _lines_of_calls(context: Context) -> dict[str, Place]:
    """The user's lines that call the layers and functions, by the name of the call."""
    others = context.run.other_shapes
    run = attempt(dry_run, context.model, context.run.image_shape, trackers=(_Lines,), other_shapes=others)
    return {call.name: call.tracked[0] for call in run.calls if call.tracked and call.tracked[0]} if run else {}


def _last_line(context: Context) -> Place | None:
    """The line of the network's forward that runs last."""
    forward: Any = context.model.forward
    code, found = getattr(getattr(forward, "__func__", forward), "__code__", None), list[Place | None]()
    with _traced(code, lambda frame: found.append(_place(frame))):
        quiet_run(context.model, context.run.image_shape, other_shapes=context.run.other_shapes)
    return found[-1] if found and context.is_user_defined else None


@contextmanager
def _traced(code: CodeType | None, note: Callable[[FrameType], object]) -> Iterator[None]:
    """Call a function with every frame of a code that returns, while the context lasts."""

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "return":
            note(frame)
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: local if frame.f_code is code else None)
    try:
        yield
    finally:
        sys.settrace(before)


def _place(frame: FrameType | None) -> Place | None:
    """The line of the user's that a frame executes; None if it is none of theirs."""
    failure = failure_at(frame) if frame is not None else None
    return failure.place if failure is not None and not is_installed(failure.file) and failure.text else None


def constructions(context: Context) -> dict[str, Construction]:
    """Build the network once more, and return the calls in the user's code that make its layers with weights, by path.

    A layer in a comprehension is made by the function that has the comprehension.
    """
    made: dict[nn.Module, Construction] = {}

    def note(module: nn.Module, _name: str, _parameter: Any) -> None:
        frame = user_frame()
        if frame is None or module in made or is_installed(frame.f_code.co_filename):
            return
        position, values = failure_at(frame).position, dict(frame.f_locals)
        while frame.f_code.co_name in _COMPREHENSIONS and (outer := user_frame(frame.f_back)) is not None:
            frame = outer
            values = {**frame.f_locals, **values}
        made[module] = Construction(Failure(Exception(), frame, position), values)

    handle = register_module_parameter_registration_hook(note)
    try:
        factory = context.origin.factory
        model = attempt(factory, **context.origin.arguments) if factory is not None else None
    finally:
        handle.remove()
    modules = model.named_modules() if isinstance(model, nn.Module) else ()
    return {path: made[module] for path, module in modules if module in made}
