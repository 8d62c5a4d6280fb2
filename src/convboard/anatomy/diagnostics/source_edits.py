"""Edits of the user's code that mend common slips, for the message of the exception that they cause.

An edit is only proposed here; `remedies.best_edits` tries it before it is suggested.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.user_code import Change, Failure


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
    if whole is not None:
        before, at = failure.written(whole), failure.offset(node) - failure.offset(whole)
        return Edit({node: new}, f"write {before[:at]}{new}{before[at + len(old) :]} for {before}{end}")
    return Edit({node: new}, f"write {new} for {old}{end}")


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
