"""The user's line that a finding is about, where no exception names one: found by running the network once more."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from torch import Tensor

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.layer_construction import lines_that_make
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.trials import quiet_run
from convboard.anatomy.diagnostics.user_code import Place, failure_at, is_installed, user_frame
from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.function_call import FunctionCall


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


def place_of(context: Context, finding: Finding) -> Place | None:
    """Return the user's line that a finding is about, if no exception names one.

    It is the line that makes a layer whose sizes are wrong for the classes, the line that calls the layer or function
    of the finding, or the last line of the forward that ran.
    """
    call, place = finding.call, None
    if call is not None and call.module is not None and (finding.kind == "num_classes" or context.run.error):
        lines = lines_that_make(context.model, context.origin, context.path_of(call.module))
        place = lines[0].place if lines else None
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
