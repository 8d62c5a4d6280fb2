"""Rules for mistakes of a forward as a whole: tuples, a fixed batch size, calls of itself, writes in place."""

import ast
import copy
from collections.abc import Mapping
from math import prod
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.source_edits import Edit, input_name, write
from convboard.anatomy.diagnostics.trials import (
    GETS_FURTHER,
    best_edits,
    fits,
    grade,
    quiet_run,
    with_layer,
)
from convboard.anatomy.diagnostics.user_code import Failure, repeated_call
from convboard.anatomy.diagnostics.value_slips import calls_itself, misspelled_constructor
from convboard.anatomy.diagnostics.wording import KEEP_THE_BATCH, in_python

_LARGEST_BATCH = 1024
_LARGEST_RUN = 1_000_000_000  # bytes of all outputs together: other batch sizes are tried only if they cost little
_FIRST_OF_TUPLE = {  # what the layers of torch return beside their output
    nn.RNNBase: "the state after the last step",
    nn.RNNCellBase: "the state of the cell",
    nn.MultiheadAttention: "the weights of the attention",
}


def fixed_batch_size(context: Context) -> Finding | None:
    """Recognise a batch size that is written into the network: it works with just that many images."""
    failure = context.failure
    if failure is None or context.is_training:
        return None
    numbers = {node.value for node in failure.nodes if isinstance(node, ast.Constant) and type(node.value) is int}
    numbers |= {value for name, value in _settings(failure).items() if "batch" in name.lower()}
    largest = min(_LARGEST_BATCH, _LARGEST_RUN * context.batch // max(_memory(context), 1))
    for size in sorted(number for number in numbers if context.batch < number <= largest):
        run = quiet_run(context.model, context.run.image_shape, size, context.run.other_shapes)
        if run is not None and fits(context, run):
            return _fixed_batch_size(context, failure, size)
    return None


def _memory(context: Context) -> int:
    """The bytes of the images and of all outputs in the run that failed."""
    images = 4 * context.batch * prod(context.run.image_shape)
    return images + sum(call.output_bytes for call in context.run.calls)


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
        quiet_run(context.model, context.run.image_shape, other_shapes=context.run.other_shapes)
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
    changed = attempt(type(cls.__name__, (cls,), {"__init__": lambda self: function(self)}))
    if changed is None:
        return None
    reason = f"{cls.__name__} has a function {name}, but no __init__: Python never calls it, so no layer was made."
    remedies = ("write __init__, with two underscores on each side",) if grade(context, changed) >= GETS_FURTHER else ()
    return Finding("constructor", reason, remedies, "__init__", name)
