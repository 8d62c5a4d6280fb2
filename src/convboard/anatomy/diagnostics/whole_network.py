"""Rules for mistakes of a forward as a whole: tuples, a fixed batch size, calls of itself, writes in place."""

import ast
import copy
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.linear_features import KEEP_THE_BATCH
from convboard.anatomy.diagnostics.source_edits import Edit, input_name, write
from convboard.anatomy.diagnostics.trials import (
    FAILS,
    GETS_FURTHER,
    WORKS,
    best_edits,
    fits,
    grade,
    quiet_run,
    silenced,
    with_layer,
)
from convboard.anatomy.diagnostics.user_code import Failure, repeated_call, sentence, user_line
from convboard.anatomy.diagnostics.value_slips import calls_itself, misspelled_constructor
from convboard.anatomy.diagnostics.wording import in_python
from convboard.anatomy.trace import Call

_LARGEST_BATCH = 1024
_FIRST_OF_TUPLE = {  # what the layers of torch return beside their output
    nn.RNNBase: "the state after the last step",
    nn.RNNCellBase: "the state of the cell",
    nn.MultiheadAttention: "the weights of the attention",
}
_IN_PLACE_WORDS = ("inplace", "in-place", "in place")


def fixed_batch_size(context: Context) -> Finding | None:
    """Recognise a batch size that is written into the network: it works with just that many images."""
    failure = context.failure
    if failure is None or context.is_training:
        return None
    numbers = {node.value for node in failure.nodes if isinstance(node, ast.Constant) and type(node.value) is int}
    numbers |= {value for name, value in _settings(failure).items() if "batch" in name.lower()}
    for size in sorted(number for number in numbers if context.batch < number <= _LARGEST_BATCH):
        run = quiet_run(context.model, context.run.image_shape, size)
        if run is not None and fits(context, run):
            return _fixed_batch_size(context, failure, size)
    return None


def _settings(failure: Failure) -> dict[str, int]:
    """The whole numbers among the attributes of the module, and among the names of the file."""
    own = vars(failure.frame.f_locals.get("self", object)) if "self" in failure.frame.f_locals else {}
    return {name: value for name, value in {**failure.frame.f_globals, **own}.items() if type(value) is int}


def _fixed_batch_size(context: Context, failure: Failure, size: int) -> Finding:
    written = [node for node in failure.nodes if isinstance(node, ast.Constant) and node.value == size]
    tensor = input_name(failure)
    edits = [write(failure, node, f"{tensor}.size(0)") for node in written]
    if len(written) > 1:
        changes: Mapping[ast.AST, str] = dict.fromkeys(written, f"{tensor}.size(0)")
        edits.append(Edit(changes, f"write {tensor}.size(0) for each {size}"))
    reason = (
        f"The network works only with batches of {size} images: a batch size is written into it. Batches of a run have "
        "other sizes too, as the last batch of an epoch has the images that are left."
    )
    remedies: list[str] = best_edits(failure, edits, lambda: grade(context))
    if not remedies:
        remedies = [
            KEEP_THE_BATCH if "view" in failure.text else f"take the batch size from the images: {tensor}.size(0)"
        ]
    failed = context.run.failed_call
    return Finding("batch", reason, tuple(remedies), "any batch size", str(size), failed)


def tuple_as_tensor(context: Context) -> Finding | None:
    """Recognise the tuple of a layer, such as an LSTM's, that is used as a tensor."""
    if "tuple" not in str(context.run.error):
        return None
    returned = _layers_with_tuples(context)
    for path, layer in returned.items():
        changed = with_layer(context.model, path, copy.deepcopy(layer))
        if changed is None:
            continue
        changed.get_submodule(path).register_forward_hook(lambda _module, _args, result: result[0])
        if grade(context, changed) >= GETS_FURTHER:
            return _tuple_as_tensor(context, path, layer)
    return None


def _layers_with_tuples(context: Context) -> dict[str, nn.Module]:
    """The modules that return a tuple in a run, by path."""
    found: dict[str, nn.Module] = {}
    handles = []
    for name, module in context.model.named_modules():

        def look(module: nn.Module, _args: Any, result: Any, name: str = name) -> None:
            if name and isinstance(result, tuple) and result and isinstance(result[0], Tensor):
                found[name] = module

        handles.append(module.register_forward_hook(look))
    try:
        quiet_run(context.model, context.run.image_shape)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _tuple_as_tensor(context: Context, path: str, layer: nn.Module) -> Finding:
    kind = type(layer).__name__
    call = context.by_name.get(path)
    if getattr(layer, "return_indices", False):
        reason = f"{kind} {path} returns a tuple, (output, indices), because of return_indices=True."
        remedy = f"leave return_indices out of {path}, or take the first: x, _ = self.{in_python(path)}(x)"
    else:
        others = next((text for cls, text in _FIRST_OF_TUPLE.items() if isinstance(layer, cls)), "more")
        reason = f"{kind} {path} returns a tuple, its output and {others}."
        layer_call = f"self.{in_python(path)}(...)"
        remedy = f"take the first: x, _ = {layer_call}, or {layer_call}[0]"
    return Finding("tuple", reason, (remedy,), "a tensor", "a tuple", call)


def recursion(context: Context) -> Finding | None:
    """Recognise a forward that calls itself, whether or not torch refuses the second call."""
    error = context.run.error
    failure = repeated_call(error) if error is not None else None
    if failure is None or error is None:
        return None
    place = f"{failure.where.partition(', in ')[0]}, {failure.text}, calls {failure.frame.f_code.co_name} again"
    reason = f"The network calls itself: {place}, which runs the same line again, without end."
    remedies = best_edits(failure, calls_itself(failure), lambda: grade(context))
    if not remedies and not isinstance(error, RecursionError):  # a function may call itself on purpose
        return None
    return Finding("recursion", reason, tuple(remedies), "one call", "a call of itself", None)


def misnamed_constructor(context: Context) -> Finding | None:
    """Recognise a constructor that is called `_init_` or the like, so that it never ran."""
    owner = context.failure.frame.f_locals.get("self") if context.failure else None
    if not isinstance(context.run.error, AttributeError) or not isinstance(owner, nn.Module):
        return None
    found = misspelled_constructor(owner)
    if found is None:
        return None
    name, function = found
    cls: Any = type(owner)
    try:
        with silenced():
            changed = type(cls.__name__, (cls,), {"__init__": lambda self: function(self)})()
    except Exception:
        return None
    reason = f"{cls.__name__} has a function {name}, but no __init__: Python never calls it, so no layer was made."
    remedies = ("write __init__, with two underscores on each side",) if grade(context, changed) >= GETS_FURTHER else ()
    return Finding("constructor", reason, remedies, "__init__", name)


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


def write_in_place(context: Context) -> Finding | None:
    """Recognise a layer or a function that changes a tensor in place which the gradient needs as it was."""
    if not context.is_training or not any(word in str(context.run.error) for word in _IN_PLACE_WORDS):
        return None
    names = [name for name, module in context.model.named_modules() if getattr(module, "inplace", False) is True]
    for chosen in [[name] for name in names] + ([names] if len(names) > 1 else []):
        changed = _without_in_place(context.model, chosen)
        if changed is not None and grade(context, changed) == WORKS:
            layers = " and ".join(f"{type(context.model.get_submodule(n)).__name__} {n}" for n in chosen)
            call = context.by_name.get(chosen[0])
            needed = _who_needs(context, call)
            reason = f"{sentence_of(context)} {layers} changes its input in place, which {needed} needs as it was."
            return Finding("in_place", reason, (f"set inplace=False in {' and '.join(chosen)}",), "", "", call)
    return _operator_in_place(context)


def _who_needs(context: Context, call: Call | None) -> str:
    """What needs the input of a call unchanged: a hook of the layer before, or its gradient."""
    before = context.producer(call) if call is not None else None
    while before is not None and before.module is None and before.type == "view_as":  # of torch's hook
        before = context.producer(before)
    if "hook" in str(context.run.error).lower():
        return f"a hook on {before.name}" if before is not None else "a hook"
    return f"the gradient of {before.name}" if before is not None else "a gradient"


def _operator_in_place(context: Context) -> Finding | None:
    """Find the line whose `x *= 2` or `F.relu(x, inplace=True)` is to be written out of place."""
    with _OutOfPlace() as found:
        if grade(context) != WORKS:
            return None
    for line in found.lines:
        with _OutOfPlace(line):
            result = grade(context)
        if result != FAILS:
            how = _written_out(line[1]) if found.lines[line].endswith("_") else "leave out inplace=True"
            reason = f"{sentence_of(context)} {line[0]}, {line[1]}, changes in place what a gradient needs as it was."
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


def sentence_of(context: Context) -> str:
    """The exception of a run in one sentence."""
    assert context.run.error is not None
    return sentence(context.run.error)


def _without_in_place(model: nn.Module, names: list[str]) -> nn.Module | None:
    """A copy in which these layers compute out of place; None if the network cannot be copied."""
    try:
        changed = copy.deepcopy(model)
    except Exception:
        return None
    for name in names:
        changed.get_submodule(name).inplace = False  # type: ignore[assignment]
    return changed
