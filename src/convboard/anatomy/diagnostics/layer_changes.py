"""Remedies that make a layer with other settings, in the terms of the line that makes it, each tried before."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from typing import Any

import torch
from torch import nn

from convboard.anatomy.diagnostics.context import Context
from convboard.anatomy.diagnostics.layer_construction import Construction, constructions
from convboard.anatomy.diagnostics.new_layer import NewLayer, new_layer, rebuilt
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.source_edits import Edit, arguments_of, with_arguments
from convboard.anatomy.diagnostics.trials import FAILS, best_edits, fits, grade, run_again, with_layer
from convboard.anatomy.diagnostics.user_code import Failure
from convboard.anatomy.trace import Call

_MOST_EDITS = 8  # that are tried
_MOST_NAMES = 8  # local variables of which expressions are formed
_MOST_WEIGHTS = 2**24  # of a layer that is tried: 64 MB


def working_layer(
    context: Context, call: Call, text: Callable[[str], str], kind: type[nn.Module] | None = None, **changes: Any
) -> list[str]:
    """Return the remedy of a layer with other settings; none if the network then fails as before.

    It does where an earlier call uses the same layer: see `second_layer`.

    Args:
        context: The network.
        call: The call of the layer.
        text: Returns the remedy for the code that makes the new layer.
        kind: Class of the new layer; None for the same.
        **changes: Settings with another value.
    """
    module = call.module
    assert module is not None
    new = new_layer(module, kind, **changes)
    if _is_useless(context, module, new):
        return []
    plain = text(new.code)
    return [changed_layer(context, module, plain, **changes) if kind is None else plain]


def _is_useless(context: Context, module: nn.Module, new: NewLayer) -> bool:
    """Return whether the network was tried with another layer, and fails as before."""
    if new.kind is None:
        return False
    with torch.device("meta"):
        sketch = attempt(new.build)
    if sketch is None or sum(weight.numel() for weight in sketch.parameters()) > _MOST_WEIGHTS:
        return False
    layer = attempt(new.build)
    changed = with_layer(context.model, context.path_of(module), layer) if layer is not None else None
    return changed is not None and grade(context, changed) == FAILS


def changed_layer(context: Context, module: nn.Module, plain: str, **change: Any) -> str:
    """Return the remedy for a layer, in terms of local variables where one line makes several layers.

    Args:
        context: The network.
        module: The layer.
        plain: The remedy for a line that makes this layer alone.
        **change: The setting to change, and its new value.
    """
    made = constructions(context.origin) if context.is_user_defined else {}
    path = context.path_of(module)
    one = made.get(path)
    sharing = [name for name, other in made.items() if one is not None and other.key == one.key]
    if one is None or len(sharing) < 2 or len(change) != 1:
        return plain
    ((name, value),) = change.items()
    # Those that have not run yet may be wrong too.
    right = [other for other in sharing if other in context.by_name and other != path]
    wanted = {other: _setting(context.model.get_submodule(other), name) for other in right} | {path: value}
    where = one.failure.where.partition(", in ")[0]
    edits = [_edit(one.failure, type(module), name, form, where) for form in _expressions(made, wanted)]
    if remedies := best_edits(one.failure, filter(None, edits[:_MOST_EDITS]), lambda: _grade_of_built(context)):
        return remedies[0]
    others = " and ".join(other for other in sharing if other != path)
    return f"give {path} {name}={value}: {where}, makes it and {others}, which keep theirs"


LayerChange = tuple[nn.Module, Mapping[str, int]]  # a layer and its new settings


def as_good(context: Context, first: LayerChange | None, second: LayerChange) -> bool:
    """Return whether a network with a changed layer works, or gets as far as with another one changed.

    Args:
        context: The network.
        first: The other change; None if there is none: then the network has to get further than without any.
        second: The change in question.
    """
    best, other = (_progress(context, *change) if change is not None else None for change in (first, second))
    done = sum(call.error is None for call in context.run.calls)
    return other is not None and (other[0] or other >= (best or (False, done + 1)))


def _progress(context: Context, module: nn.Module, changes: Mapping[str, int]) -> tuple[bool, int] | None:
    """Whether the network works with another layer, and how many calls it gets through."""
    made = attempt(rebuilt, module, **changes)
    changed = with_layer(context.model, context.path_of(module), made[0]) if made is not None else None
    run = run_again(context, changed) if changed is not None else None
    return (fits(context, run), sum(call.error is None for call in run.calls)) if run is not None else None


def _setting(layer: nn.Module, name: str) -> Any:
    value: Any = getattr(layer, name)
    return value[0] if isinstance(value, tuple) else value


def _expressions(made: Mapping[str, Construction], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Expressions of the local variables that have the value wanted for each layer."""
    numbers = [{key: one for key, one in made[path].values.items() if type(one) is int} for path in wanted]
    names = [name for name in numbers[0] if all(name in one for one in numbers)][:_MOST_NAMES]
    forms = [*names, *(f"{a} {sign} {b}" for sign in "+*" for a, b in permutations(names, 2) if sign == "+" or a < b)]
    forms += [f"{a} + {b} * {c}" for a, b, c in permutations(names, 3) if b < c]
    for form in forms:
        code = compile(form, "expression", "eval")
        if all(eval(code, {}, values) == value for values, value in zip(numbers, wanted.values())):
            yield form


def _edit(failure: Failure, kind: type[nn.Module], name: str, new: str, where: str) -> Edit | None:
    """The edit of a constructor's call that gives an argument another value."""
    call = failure.node
    if not isinstance(call, ast.Call) or any(isinstance(one, ast.Starred) for one in call.args):
        return None
    parameters, keywords = list(inspect.signature(kind).parameters), [one.arg for one in call.keywords]
    given, at = arguments_of(failure, call), parameters.index(name) if name in parameters else -1
    if name in keywords:
        given[len(call.args) + keywords.index(name)] = f"{name}={new}"
    elif 0 <= at < len(call.args):
        given[at] = new
    else:
        given.append(f"{name}={new}")
    text = with_arguments(failure, call, *given)
    return Edit({call: text}, f"write {text} for {failure.written(call)} in {where}")


def _grade_of_built(context: Context) -> int:
    """Build the network once more, and grade it."""
    factory = context.origin.factory
    model = attempt(factory, **context.origin.arguments) if factory is not None else None
    return grade(context, model) if isinstance(model, nn.Module) else FAILS
