"""Rules for how a module's class is written: its constructor, its forward, and weights that are not registered.

The constructor functions explain an exception, as there is no network yet.
"""

import ast
import inspect
import linecache
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import PurePath
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.unregistered import explanation, holders, made_in_forward
from convboard.anatomy.diagnostics.user_code import definition, failure_of
from convboard.anatomy.diagnostics.wording import divisors, listed, sizes
from convboard.anatomy.dry_run import black_images, dry_run
from convboard.anatomy.trace import Call

REGISTER = "keep layers in nn.ModuleList instead of a list, and weights as nn.Parameter on self"
_LABELS = ("label", "target", "y")  # parts of the names of what a forward computes a loss from
_IMAGES = "the images alone, model(images)"
_SEVERAL = " A data set has one image for each label: a network of several inputs cannot be trained here."


def invalid_groups(error: BaseException, with_line: bool = True) -> str | None:
    """Explain a constructor's exception on groups that do not divide the channels.

    Args:
        error: What the constructor of a convolution or a GroupNorm raised.
        with_line: Whether to show the line that called it.

    Returns:
        The explanation; None for other exceptions.
    """
    given, where = _constructor_call(error)
    if "divisible" not in str(error) or "self" not in given:
        return None
    if "num_groups" in given:
        channels, groups = given["num_channels"], given["num_groups"]
        made, good = f"GroupNorm({groups}, {channels})", divisors(channels)
        fault = f"{groups} groups do not divide its {channels} channels"
    elif "groups" in given:
        sides, groups = {"input": given["in_channels"], "output": given["out_channels"]}, given["groups"]
        made = f"{type(given['self']).__name__}({sides['input']}, {sides['output']}, ..., groups={groups})"
        good = divisors(*sides.values())
        fault = next(f"groups={groups} does not divide its {n} {s} channels" for s, n in sides.items() if n % groups)
    else:
        return None
    line = f"{where}, builds {made}: " if with_line else ""
    return f"{line}{fault}. Take {'one of ' if len(good) > 1 else ''}{listed(good)}."


def padding_for_stride(error: BaseException) -> int | tuple[int, ...] | None:
    """Return the padding to write for `same`, which torch has only for stride 1; None for other exceptions."""
    given, _ = _constructor_call(error)
    if "padding='same' is not supported for strided" not in str(error) or "kernel_size" not in given:
        return None
    sides = [dilation * (kernel - 1) // 2 for kernel, dilation in zip(given["kernel_size"], given["dilation"])]
    return sides[0] if len(set(sides)) == 1 else tuple(sides)


def missing_super_init(error: BaseException) -> str | None:
    """Explain the exception of a constructor that did not call nn.Module's first; returns None for other exceptions."""
    if not isinstance(error, AttributeError) or "before Module.__init__() call" not in str(error):
        return None
    failure, where = failure_of(error), _constructor_call(error)[1]
    for node in failure.nodes if failure is not None and failure.source else ():
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Attribute) and value.attr == "__init__" and isinstance(value.value, ast.Call):
            assert failure is not None
            line, written = value.lineno, failure.written(value)
            place = f"{PurePath(failure.file).name}, line {line}, {written}"
            return f"{place}, lacks the brackets that call it. Write {written}()."
    return f"{where}, comes before nn.Module is ready. Let __init__ begin with super().__init__()."


def _constructor_call(error: BaseException) -> tuple[dict[str, Any], str]:
    """The local variables of torch's constructor that raised, and its call: `net.py, line 9, self.fc = ...`."""
    traceback, where, given = error.__traceback__, "", {}
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__", "").startswith("torch.nn.modules."):
            given = frame.f_locals
        else:
            file = frame.f_code.co_filename
            line = linecache.getline(file, traceback.tb_lineno).strip()
            where = ", ".join(part for part in (PurePath(file).name, f"line {traceback.tb_lineno}", line) if part)
        traceback = traceback.tb_next
    return given, where


def wrong_forward(context: Context) -> Finding | None:
    """Recognise a network without a forward, or one that cannot be called with the images alone.

    An exception that was raised inside the forward is not of this kind.
    """
    if context.run.calls:
        return None
    name, forward = type(context.model).__name__, context.model.forward
    defined_in_class = getattr(forward, "__func__", forward)
    if defined_in_class is nn.Module.forward and isinstance(context.run.error, NotImplementedError):
        return _missing_forward(context.model, name)
    if not isinstance(context.run.error, TypeError):
        return None
    try:
        signature = inspect.signature(defined_in_class)
    except (TypeError, ValueError):
        return None
    written = f"forward({', '.join(map(str, signature.parameters.values()))})"
    try:
        signature.bind(*([context.model] if defined_in_class is not forward else []), None)
    except TypeError:
        parameters, several = list(signature.parameters), ""
        if len(parameters) < 2:
            missing = "x" if "self" in parameters else "self"
            remedy = f"write def forward(self, x): {missing} is missing"
        else:
            remedy = "let it take self and the images, and give a default to whatever else it takes"
            if any(word in name for name in parameters[2:] for word in _LABELS):
                images = parameters[1]
                remedy = f"write def forward(self, {images}), and return the scores of the classes: the run computes "
                remedy += "the loss itself, from them and the labels"
            elif len(parameters) > 2 and context.num_classes is not None:
                several = _SEVERAL
        reason = f"{name} has {written}, but it is called with {_IMAGES}.{several}"
        return Finding("forward", reason, (remedy,), "forward(self, x)", written, place=definition(defined_in_class))
    return None


def _missing_forward(model: nn.Module, name: str) -> Finding:
    """Explain a network without a forward."""
    if type(model).__module__.startswith("torch."):
        reason = f"{name} has no forward of its own: it only holds layers."
        remedy = "take nn.Sequential, or a class of your own whose forward calls them"
        return Finding("forward", reason, (remedy,), "a forward", "none")
    constructor: Any = vars(type(model)).get("__init__")
    constants = constructor.__code__.co_consts if isinstance(constructor, FunctionType) else ()
    inner = next((one for one in constants if isinstance(one, CodeType) and one.co_name == "forward"), None)
    near = get_close_matches("forward", vars(type(model)), n=1)
    reason, place = f"{name} has no forward, so that it cannot be called.", definition(constructor)
    remedy = f"give it def forward(self, x), indented as far as the __init__ of {name}"
    if inner is not None:
        reason = f"{name} has no forward: this one is indented into __init__, and so a function of __init__ alone."
        place = definition(inner)
    elif near:
        remedy, place = f"call it forward, not {near[0]}", definition(vars(type(model))[near[0]])
    return Finding("forward", reason, (remedy,), "a forward", "none", place=place)


def unregistered(context: Context, tensors: Iterable[Tensor]) -> nn.Parameter | None:
    """Return the first nn.Parameter that is not one of the network's; None if there is none."""
    own = {id(weight) for weight in context.model.parameters()}
    return next((t for t in tensors if isinstance(t, nn.Parameter) and id(t) not in own), None)


def untrained_weight(context: Context) -> Finding | None:
    """Recognise a weight that gets a gradient but is not a parameter of the network: it is not trained or saved."""
    if not any(unregistered(context, _weights(call)) is not None for call in context.run.calls):
        return None
    others = context.run.other_shapes
    run = dry_run(context.model, context.run.image_shape, gradients=True, other_shapes=others)  # with its own no_grad
    found: dict[str, nn.Parameter] = {}
    for call in run.calls:
        weight = unregistered(context, (weight for weight in _weights(call) if _has_gradient(run.output, weight)))
        if weight is not None:
            found[call.name] = weight
    if not found:
        return None
    known = holders(context.model)
    first, weight = next(iter(found.items()))
    holder = known.get(id(weight))
    names = [name for name, one in found.items() if known.get(id(one)) == holder]
    images = black_images(context.model, context.run.image_shape, context.batch)
    made = made_in_forward(context.model, images) if holder is None else None
    lines = holder.lines if holder is not None else (made.line,) if made is not None else ()
    reason, remedy = explanation(names, holder, made)
    call = next(call for call in run.calls if call.name == first)
    place = lines[0].place if lines else None
    reason += " They would be neither trained nor saved."
    arrived = f"a weight of {sizes(tuple(weight.shape))}"
    return Finding("parameters", reason, (remedy,), "a parameter of the network", arrived, call, place=place)


def _weights(call: Call) -> Iterator[Tensor]:
    return (tensor for function in call.functions for tensor in function.tensors if tensor.requires_grad)


def _has_gradient(output: object, weight: Tensor) -> bool:
    """Return whether the network's output has a gradient with respect to a weight."""
    if not isinstance(output, Tensor) or not output.requires_grad:
        return False
    try:
        (gradient,) = torch.autograd.grad(output.sum(), weight, retain_graph=True, allow_unused=True)
    except RuntimeError:  # torch cannot differentiate the output: the sanity check of a training step reports that
        return False
    return gradient is not None
