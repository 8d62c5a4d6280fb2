"""Rules for functions of several branches: sums and concatenations of shapes that do not match."""

import ast
from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.layer_changes import working_layer
from convboard.anatomy.diagnostics.remedies import more_padding, other_images
from convboard.anatomy.diagnostics.source_edits import alias_of, input_name, write
from convboard.anatomy.diagnostics.trials import FAILS, best_edits, grade, with_parameter
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_names import JOINING
from convboard.anatomy.trace import INPUT, Call, Shape

_SUMS = ("add", "sub", "mul", "div", "radd", "rsub", "rmul", "multiply", "subtract", "maximum", "minimum")


def different_branches(context: Context, call: Call) -> Finding | None:
    """Recognise a sum, such as that of a residual block, or a product of shapes that do not match."""
    function = call.function(*_SUMS)
    shapes = [tuple(tensor.shape) for tensor in function.tensors] if function else []
    if len(shapes) != 2 or _match(*shapes):
        return None
    first, second = (_without_batch(context, shape) for shape in shapes)
    names = _branches(context, call, function)
    reason = (
        f"{context.title(call)} cannot join two branches of unlike shapes: {names[0]} gives {sizes(first)}, "
        f"{names[1]} gives {sizes(second)}."
    )
    remedies = [*_other_parameter(context, call, shapes), *more_padding(context)]
    remedies = remedies or _other_stride(context, names, (first, second)) or _shortcut(context, names, (first, second))
    if not remedies:
        remedies = ["let both branches give the same channels and the same size"]
    return Finding("branches", reason, tuple(remedies), sizes(first), sizes(second), call)


def different_sizes(context: Context, call: Call) -> Finding | None:
    """Recognise a concatenation of tensors that differ in another dimension than the one they are joined along."""
    function = call.function(*JOINING)
    if function is None:
        return None
    tensors = tensors_in(function.arguments.get("tensors", function.args[:1]))
    dim = function.arguments.get("dim", 0)
    shapes = [_without(tuple(tensor.shape), dim) for tensor in tensors]
    if len(set(shapes)) == 1:
        return None
    names = _branches(context, call, function)
    parts = [f"{name} gives {sizes(_without_batch(context, tuple(t.shape)))}" for name, t in zip(names, tensors)]
    reason = f"{context.title(call)} cannot join along dimension {dim} what differs in another: {', '.join(parts)}."
    remedies = [*_for_each_image(context, tensors), *more_padding(context)]
    pictures = [tuple(tensor.shape) for tensor in tensors]
    is_of_pictures = dim in (1, -3) and all(len(shape) == 4 for shape in pictures)
    if is_of_pictures and not remedies:
        reason += _lost_in_halving(context, pictures)
        remedies += [*_interpolated(context, tensors), *other_images(context)]
    if is_of_pictures and not remedies:
        height, width = (min(shape[axis] for shape in pictures) for axis in (2, 3))
        remedies.append(f"bring all to {height}x{width} first: F.adaptive_avg_pool2d(x, ({height}, {width}))")
    elif dim == 0:
        remedies.append("join along the channels: dim=1")
    elif not remedies:
        remedies.append("give all the same sizes but that one")
    return Finding("branches", reason, tuple(remedies), parts[0], parts[-1], call)


def _lost_in_halving(context: Context, pictures: list[Shape]) -> str:
    """A sentence on an odd size that is halved and doubled again; empty if there is none."""
    sides = [{shape[axis] for shape in pictures} for axis in (2, 3)]
    odd = next((max(side) for side in sides if max(side) % 2 and side == {max(side), max(side) - 1}), None)
    is_enlarged = any(call.function("interpolate", "conv_transpose2d") for call in context.run.calls)
    if odd is None or not is_enlarged:
        return ""
    return f" {odd} is odd: half of it is {odd // 2}, and twice that {odd - 1}."


def _interpolated(context: Context, tensors: list[Tensor]) -> list[str]:
    """The smaller of two tensors of a concatenation, enlarged to the size of the other."""
    failure = context.failure
    call = failure.node if failure is not None else None
    items = call.args[0] if isinstance(call, ast.Call) and call.args else None
    if failure is None or not isinstance(items, ast.List | ast.Tuple) or not len(items.elts) == len(tensors) == 2:
        return []
    smaller = min((0, 1), key=lambda at: tensors[at].shape[2:])
    node, other = items.elts[smaller], items.elts[1 - smaller]
    alias, names = alias_of(failure, functional, "F")
    new = f"{alias}.interpolate({failure.written(node)}, size={failure.written(other)}.shape[-2:])"
    edit = write(failure, node, new)
    return best_edits(failure, [replace(edit, names=names)], lambda: grade(context))


def _for_each_image(context: Context, tensors: list[Tensor]) -> list[str]:
    """A parameter, such as a class token, that is expanded to the batch."""
    failure = context.failure
    if failure is None:
        return []
    edits = []
    for node in failure.nodes:
        value = failure.value(node)
        if isinstance(value, nn.Parameter) and value.shape[0] == 1 and any(value is tensor for tensor in tensors):
            each = ", ".join(["-1"] * (value.ndim - 1))
            new = f"{failure.written(node)}.expand({input_name(failure)}.size(0), {each})"
            edits.append(write(failure, node, new, end=", one for each image"))
    return best_edits(failure, edits, lambda: grade(context))


def _other_parameter(context: Context, call: Call, shapes: list[Shape]) -> list[str]:
    """A parameter, such as an embedding of positions, of the shape of what it is added to."""
    name = context.weight_name(call)
    if name is None:
        return []
    held = tuple(context.model.get_parameter(name).shape)
    other = next((shape for shape in shapes if shape != held), ())
    right = tuple(new if old not in (1, new) else old for old, new in zip(held, other[-len(held) :]))
    changed = with_parameter(context.model, name, right) if len(right) == len(held) else None
    if changed is None or grade(context, changed) == FAILS:
        return []
    return [f"make {name} {sizes(right)} instead of {sizes(held)}"]


def _other_stride(context: Context, names: list[str], shapes: tuple[Shape, Shape]) -> list[str]:
    """Another stride of the 1x1 convolution that a shortcut has already."""
    if any(len(shape) != 3 for shape in shapes) or shapes[0][0] != shapes[1][0]:
        return []
    large, small = sorted((0, 1), key=lambda at: shapes[at][1:], reverse=True)
    branch = context.by_name.get(names[large])
    source = context.channel_source(branch) if branch is not None and not branch.function("conv2d") else branch
    conv = source.module if source is not None else None
    if not isinstance(conv, nn.Conv2d) or conv.kernel_size != (1, 1):
        return []
    stride = conv.stride[0] * -(-shapes[large][1] // shapes[small][1])
    assert source is not None
    return working_layer(context, source, lambda code: f"write {code} for {context.path_of(conv)}", stride=stride)


def _shortcut(context: Context, names: list[str], shapes: tuple[Shape, Shape]) -> list[str]:
    """A 1x1 convolution that gives the shorter branch the shape of the other, if there is one."""
    if any(len(shape) != 3 for shape in shapes):
        return []
    lengths = [len(context.path_to(context.by_name[name])) if name in context.by_name else -1 for name in names]
    early, late = sorted((0, 1), key=lambda at: lengths[at])
    (inputs, *before), (outputs, *after) = shapes[early], shapes[late]
    stride = before[0] // after[0] if after[0] else 0
    if stride < 1 or any((side - 1) // stride + 1 != wanted for side, wanted in zip(before, after)):
        return []
    strided = f", stride={stride}" if stride > 1 else ""
    skipped = "the input" if names[early] == INPUT else names[early]
    return [f"put a 1x1 convolution on the shortcut from {skipped}: nn.Conv2d({inputs}, {outputs}, 1{strided})"]


def _branches(context: Context, call: Call, function: FunctionCall | None) -> list[str]:
    """The names of the inputs, in order; `another tensor` for those whose origin is not known."""
    own = {id(weight): f"the parameter {name}" for name, weight in context.model.named_parameters()}
    known = [name if name != INPUT else "the input" for name in call.inputs if name in (INPUT, *context.by_name)]
    tensors = function.tensors if function else []
    others = sum(id(tensor) not in own for tensor in tensors)
    rest = iter(known if len(known) == others else [*known, *["another tensor"] * (others - len(known))])
    return [own.get(id(tensor)) or next(rest) for tensor in tensors]


def _match(first: Shape, second: Shape) -> bool:
    return all(1 in (one, other) or one == other for one, other in zip(reversed(first), reversed(second)))


def _without_batch(context: Context, shape: Shape) -> Shape:
    return shape[1:] if shape[:1] == (context.batch,) else shape


def _without(shape: Shape, dim: int) -> Shape:
    return tuple(size for at, size in enumerate(shape) if at != dim % len(shape))
