"""What a forward that returns nothing has to return."""

import ast
import sys
from types import FrameType
from typing import Any

from torch import Tensor

from convboard.anatomy.diagnostics.context import Context
from convboard.anatomy.diagnostics.source_edits import rewritten
from convboard.anatomy.diagnostics.trials import run_again
from convboard.anatomy.diagnostics.user_code import Failure, Place, failure_at, is_installed, user_frame

_LONGEST = 80  # characters of an expression that is shown


def return_of_scores(context: Context, wanted: str) -> tuple[str, Place | None]:
    """Return the remedy for a network that returns None, and the user's line that it is about.

    Args:
        context: The network.
        wanted: The shape of its scores, in words.
    """
    place = _last_line(context) if context.is_user_defined else None
    if place is None or place.function is None:
        return f"let {type(context.model).__name__}.forward return the scores of the classes, {wanted}", None
    function = place.frame.f_code.co_qualname.replace(".<locals>", "")
    value = _scores(context, place, _last_statement(place.function))
    end = f"end with return {value}" if value else f"return the scores of the classes, {wanted}"
    return f"let {function} {end}", place.place


def _last_line(context: Context) -> Failure | None:
    """The end of the user's function that returned None first: that of the forward, or of one whose value it returns.

    The functions that returned None are recorded, each with its place at that time.
    """
    ended: list[Failure] = []
    forward: Any = context.model.forward
    outermost = getattr(getattr(forward, "__func__", forward), "__code__", None)

    def note(frame: FrameType, event: str, result: Any) -> None:
        if event != "return" or user_frame(frame) is not frame or (ended and ended[-1].frame.f_code is outermost):
            return
        if result is not None or is_installed(frame.f_code.co_filename):
            ended.clear()
        else:
            ended.append(failure_at(frame))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run_again(context, context.model)
    finally:
        sys.setprofile(before)
    while len(ended) > 1 and _is_handed_on(ended[-1]):
        ended.pop()
    return ended[-1] if ended and ended[-1].source else None


def _is_handed_on(place: Failure) -> bool:
    """Return whether a function ends with `return` and a call."""
    last = _last_statement(place.function) if place.source and place.function is not None else None
    return isinstance(last, ast.Return) and isinstance(last.value, ast.Call)


def _last_statement(function: ast.AST) -> ast.AST | None:
    """The last statement of a function; of a `with`, that in it."""
    body = getattr(function, "body", None)
    while isinstance(body, list) and isinstance(body[-1], ast.With):
        body = body[-1].body
    return body[-1] if isinstance(body, list) else None


def _scores(context: Context, place: Failure, last: ast.AST | None) -> str:
    """The expression that has the scores: the last statement, or a variable; empty if none is known to have them."""
    if isinstance(last, ast.Expr):
        written = " ".join(place.written(last.value).split())
        with rewritten(place, {last: f"return {place.written(last.value)}"}) as is_possible:
            run = run_again(context, context.model) if is_possible else None
        if run is not None and isinstance(run.output, Tensor) and len(written) <= _LONGEST:
            return written
    target = last.targets[-1] if isinstance(last, ast.Assign) else None
    rows = {name: v for name, v in place.frame.f_locals.items() if isinstance(v, Tensor) and v.ndim > 1}
    if target is not None and isinstance(place.value(target), Tensor):
        return place.written(target)
    fitting = [name for name, v in rows.items() if v.shape == (context.batch, context.num_classes)]
    return fitting[-1] if len(fitting) == 1 else ""
