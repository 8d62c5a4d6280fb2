"""Edits of the user's code: what they change, and a function that runs in the other way for a trial.

`call_slips` and others propose edits; `trials.best_edits` tries them before they are suggested.
"""

import ast
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.user_code import Failure, code_in, position_of

Change = Mapping[ast.AST, str]  # parts of the source, each with the text to put in its place


@dataclass(frozen=True)
class Edit:
    """Another way to write a part of the user's code.

    Attributes:
        changes: The parts of the source, and what they are replaced by.
        remedy: What to do, for the user.
        names: Names that the module of the code needs in addition.
    """

    changes: Change
    remedy: str
    names: dict[str, Any] = field(default_factory=dict)


def write(failure: Failure, node: ast.AST, new: str, whole: ast.AST | None = None, end: str = "") -> Edit:
    """Return the edit that replaces a part of the source.

    Args:
        failure: Has the source.
        node: The part.
        new: Its new text.
        whole: A larger part that the remedy shows, with the new text in it; None for the part alone.
        end: What to append to the remedy.
    """
    old = failure.written(node)
    end = f"{_in_line(failure, node)}{end}"
    if whole is not None:
        before, at = failure.written(whole), failure.offset(node) - failure.offset(whole)
        return Edit({node: new}, f"write {before[:at]}{new}{before[at + len(old) :]} for {before}{end}")
    return Edit({node: new}, f"write {new} for {old}{end}")


def _in_line(failure: Failure, node: ast.AST) -> str:
    """Return ` in line 14` for another line than the one that raised."""
    line, last, at = getattr(node, "lineno", 0), getattr(failure.node, "end_lineno", 0) or 0, failure.line
    return "" if at <= line <= max(at, last) else f" in line {line}"


def calls_in(failure: Failure) -> Iterator[ast.Call]:
    """Yield the call that raised, or else the calls on its line."""
    if isinstance(failure.node, ast.Call):
        yield failure.node
        return
    for node in failure.nodes:
        if isinstance(node, ast.Call) and node.lineno <= failure.line <= (node.end_lineno or 0):
            yield node


def arguments_of(failure: Failure, call: ast.Call) -> list[str]:
    """Return the arguments of a call as they are written."""
    keywords = [f"{k.arg}={failure.written(k.value)}" if k.arg else failure.written(k) for k in call.keywords]
    return [failure.written(argument) for argument in call.args] + keywords


def with_arguments(failure: Failure, call: ast.Call, *arguments: str) -> str:
    """Return a call with other arguments."""
    return f"{failure.written(call.func)}({', '.join(arguments)})"


def class_for(function: object) -> type[nn.Module] | None:
    """Return torch's class of layers for a function: `nn.ReLU` for `F.relu`."""
    name = getattr(function, "__name__", "").replace("_", "").lower() if callable(function) else ""
    return next((cls for key, cls in vars(nn).items() if key.lower() == name and isinstance(cls, type)), None)


def alias_of(failure: Failure, module: object, usual: str) -> tuple[str, dict[str, Any]]:
    """Return the name under which the user's module imports another one, and the name to add if it does not."""
    for name, value in failure.frame.f_globals.items():
        if value is module:
            return name, {}
    return usual, {usual: module}


def input_name(failure: Failure) -> str:
    """Return the name of a local tensor: that of the argument `x` of `forward(self, x)`."""
    code, given = failure.frame.f_code, failure.frame.f_locals
    names = code.co_varnames[: code.co_argcount]
    return next((name for name in names if isinstance(given.get(name), Tensor)), "x")


def _changed(source: str, changes: Change) -> str:
    """The source with other text in these places."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    text = b"".join(lines)
    for node, new in sorted(changes.items(), key=lambda change: position_of(change[0]), reverse=True):
        first, last, column, end = (int(number or 0) for number in position_of(node))
        text = text[: starts[first - 1] + column] + new.encode() + text[starts[last - 1] + end :]
    return text.decode()


@contextmanager
def rewritten(failure: Failure, changes: Change, **names: Any) -> Iterator[bool]:
    """Let the user's function run with other source while the context lasts.

    Only the code of this function is replaced; nothing of the user's file is executed again.

    Args:
        failure: Has the function.
        changes: Parts of its source, and what they are replaced by.
        **names: Names that the function's module has in addition.

    Yields:
        Whether that is possible.
    """
    old = failure.frame.f_code
    new = code_in(_changed(failure.source, changes), old) if failure.source else None
    functions = [one for one in gc.get_referrers(old) if isinstance(one, FunctionType) and one.__code__ is old]
    if new is None or not functions or new.co_freevars != old.co_freevars:
        yield False
        return
    added = {name: value for name, value in names.items() if name not in failure.frame.f_globals}
    for function in functions:
        function.__code__ = new
    failure.frame.f_globals.update(added)
    try:
        yield True
    finally:
        for function in functions:
            function.__code__ = old
        for name in added:
            failure.frame.f_globals.pop(name)
