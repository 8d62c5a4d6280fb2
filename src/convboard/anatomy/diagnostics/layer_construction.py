"""The call in the user's code that makes a layer, found by building the network once more."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torch import nn

from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.source_lines import SourceLine, lines_of_assignment
from convboard.anatomy.diagnostics.user_code import Failure, failure_at, is_installed, user_frame
from convboard.anatomy.origin import Origin

_COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>")


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

    @property
    def line(self) -> SourceLine:
        """The line of the call."""
        return SourceLine(self.failure.file, self.failure.line, self.failure.frame.f_code.co_name)


def lines_that_make(model: nn.Module, origin: Origin, path: str) -> tuple[SourceLine, ...]:
    """Return the line of the call that makes a layer; if it is unknown, the lines that assign the layer.

    Args:
        model: The network.
        origin: How it was built.
        path: Path of the layer.
    """
    made = constructions(origin).get(path)
    return (made.line,) if made is not None else lines_of_assignment(model, path)


def constructions(origin: Origin) -> dict[str, Construction]:
    """Build a network once more, and return the calls in the user's code that make its layers, by path.

    A layer in a comprehension is made by the function that has the comprehension.
    """
    factory = origin.factory
    if factory is None:
        return {}
    with recorded_constructions() as made:
        model = attempt(factory, **origin.arguments)
    modules = model.named_modules() if isinstance(model, nn.Module) else ()
    return {path: made[module] for path, module in modules if module in made}


@contextmanager
def recorded_constructions() -> Iterator[dict[nn.Module, Construction]]:
    """Record the calls in the user's code that make layers, while the context lasts."""
    made: dict[nn.Module, Construction] = {}

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code is nn.Module.__init__.__code__:
            module: nn.Module = frame.f_locals["self"]
            if (found := _construction(frame, module)) is not None:
                made[module] = found

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield made
    finally:
        sys.setprofile(before)


def _construction(frame: FrameType, module: nn.Module) -> Construction | None:
    """The call that makes a module in whose constructor a frame is; None if it is none of the user's."""
    caller: FrameType | None = frame
    while caller is not None and caller.f_code.co_name == "__init__" and caller.f_locals.get("self") is module:
        caller = caller.f_back
    maker = user_frame(caller) if caller is not None else None
    if maker is None or is_installed(maker.f_code.co_filename):
        return None
    position, values = failure_at(maker).position, dict(maker.f_locals)
    while maker.f_code.co_name in _COMPREHENSIONS and (outer := user_frame(maker.f_back)) is not None:
        maker = outer
        values = {**maker.f_locals, **values}
    return Construction(Failure(Exception(), maker, position), values)
