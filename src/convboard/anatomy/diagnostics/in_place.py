"""Rules for tensors that are changed in place although a gradient needs them as they were."""

import ast
import copy
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.trials import FAILS, WORKS, grade
from convboard.anatomy.diagnostics.user_code import sentence, user_line
from convboard.anatomy.trace import Call

_IN_PLACE_WORDS = ("inplace", "in-place", "in place")


def write_in_place(context: Context) -> Finding | None:
    """Recognise a layer or a function that changes a tensor in place which the gradient needs as it was."""
    error = context.run.error
    if error is None or not context.is_training or not any(word in str(error) for word in _IN_PLACE_WORDS):
        return None
    names = [name for name, module in context.model.named_modules() if getattr(module, "inplace", False) is True]
    for chosen in [[name] for name in names] + ([names] if len(names) > 1 else []):
        changed = _without_in_place(context.model, chosen)
        if changed is not None and grade(context, changed) == WORKS:
            layers = " and ".join(f"{type(context.model.get_submodule(n)).__name__} {n}" for n in chosen)
            call = context.by_name.get(chosen[0])
            needed = _who_needs(context, call)
            reason = f"{sentence(error)} {layers} changes its input in place, which {needed} needs as it was."
            return Finding("in_place", reason, (f"set inplace=False in {' and '.join(chosen)}",), "", "", call)
    return _operator_in_place(context, error)


def _without_in_place(model: nn.Module, names: list[str]) -> nn.Module | None:
    """A copy in which these layers compute out of place; None if the network cannot be copied."""
    changed: nn.Module | None = attempt(copy.deepcopy, model)
    if changed is None:
        return None
    for name in names:
        changed.get_submodule(name).inplace = False  # type: ignore[assignment]
    return changed


def _who_needs(context: Context, call: Call | None) -> str:
    """What needs the input of a call unchanged: a hook of the layer before, or its gradient."""
    before = context.producer(call) if call is not None else None
    while before is not None and before.module is None and before.type == "view_as":  # of torch's hook
        before = context.producer(before)
    if "hook" in str(context.run.error).lower():
        return f"a hook on {before.name}" if before is not None else "a hook"
    return f"the gradient of {before.name}" if before is not None else "a gradient"


class _OutOfPlace(TorchFunctionMode):
    """Computes results in new tensors where functions would write to their input, and notes the lines of these."""

    def __init__(self, only: tuple[str, str] | None = None) -> None:
        super().__init__()
        self.lines: dict[tuple[str, str], str] = {}
        self._only = only

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given, name = dict(kwargs or {}), getattr(func, "__name__", "")
        copying = getattr(Tensor, name[:-1], None) if name.endswith("_") and not name.endswith("__") else None
        line = user_line() if given.get("inplace") or copying is not None else None
        if line is None or (self._only is not None and line != self._only):
            return func(*args, **given)
        self.lines[line] = name
        if copying is not None:
            return copying(*args, **given)
        return func(*args, **{**given, "inplace": False})


def _operator_in_place(context: Context, error: Exception) -> Finding | None:
    """Find the line whose `x *= 2` or `F.relu(x, inplace=True)` is to be written out of place."""
    with _OutOfPlace() as found:
        if grade(context) != WORKS:
            return None
    for line in found.lines:
        with _OutOfPlace(line):
            result = grade(context)
        if result != FAILS:
            how = _written_out(line[1]) if found.lines[line].endswith("_") else "leave out inplace=True"
            reason = f"{sentence(error)} {line[0]}, {line[1]}, changes in place what a gradient needs as it was."
            return Finding("in_place", reason, (how,), "", "")
    return None


def _written_out(text: str) -> str:
    """`write x = x * 2 for x *= 2`, `write x = x.mul(2) for x.mul_(2)`."""
    try:
        (statement,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        statement = ast.Pass()
    match statement:
        case ast.AugAssign(target=target, op=operator, value=value):
            made = ast.unparse(ast.BinOp(left=target, op=operator, right=value))
            return f"write {ast.unparse(target)} = {made} for {text}"
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name() as target, attr=name)) as call):
            made = ast.unparse(call).replace(f".{name}(", f".{name.rstrip('_')}(")
            return f"write {ast.unparse(target)} = {made} for {text}"
    return "write it with a new tensor, as in x = x + 1 for x += 1"
