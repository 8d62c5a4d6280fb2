"""What goes wrong where two branches meet: a sum of unlike shapes, or pictures of unlike sizes in one."""

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.remedies import more_padding
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.function_call import FunctionCall, tensors_in
from convboard.anatomy.function_kinds import JOINING
from convboard.anatomy.trace import IMAGE, Call, Shape

_SUMS = ("add", "sub", "mul", "div", "radd", "rsub", "rmul", "multiply", "subtract", "maximum", "minimum")


def unlike_branches(case: Case, call: Call) -> Finding | None:
    """A residual sum, or another sum or product, of shapes that don't match."""
    function = call.function(*_SUMS)
    shapes = [tuple(tensor.shape) for tensor in function.tensors] if function else []
    if len(shapes) != 2 or _match(*shapes):
        return None
    first, second = (_without_batch(case, shape) for shape in shapes)
    names = _branches(call, function)
    reason = (
        f"{case.title(call)} cannot join two branches of unlike shapes: {names[0]} gives {sizes(first)}, "
        f"{names[1]} gives {sizes(second)}."
    )
    cures = [*more_padding(case)] or _shortcut(case, names, (first, second))
    if not cures:
        cures = ["let both branches give the same channels and the same size"]
    return Finding("branches", reason, tuple(cures), sizes(first), sizes(second), call)


def unlike_sizes(case: Case, call: Call) -> Finding | None:
    """A concatenation of pictures that differ in more than what they are joined along."""
    function = call.function(*JOINING)
    if function is None or not function.args:
        return None
    tensors = list(tensors_in(function.args[0]))
    dim = function.kwargs.get("dim", function.args[1] if len(function.args) > 1 else 0)
    shapes = [_without(tuple(tensor.shape), dim) for tensor in tensors]
    if len(set(shapes)) == 1:
        return None
    names = _branches(call, function)
    parts = [f"{name} gives {sizes(_without_batch(case, tuple(t.shape)))}" for name, t in zip(names, tensors)]
    reason = f"{case.title(call)} cannot join along dimension {dim} what differs in another: {', '.join(parts)}."
    cures = [*more_padding(case)]
    pictures = [tuple(tensor.shape) for tensor in tensors]
    if dim in (1, -3) and all(len(shape) == 4 for shape in pictures):
        height, width = (min(shape[axis] for shape in pictures) for axis in (2, 3))
        cures.append(f"bring all to {height}x{width} first: F.adaptive_avg_pool2d(x, ({height}, {width}))")
    elif dim == 0:
        cures.append("join along the channels: dim=1")
    else:
        cures.append("give all the same sizes but that one")
    return Finding("branches", reason, tuple(cures), parts[0], parts[-1], call)


def _shortcut(case: Case, names: list[str], shapes: tuple[Shape, Shape]) -> list[str]:
    """A 1x1 convolution that makes of the shorter branch what the other one is, if there is one."""
    if any(len(shape) != 3 for shape in shapes):
        return []
    lengths = [len(case.path(case.by_name[name])) if name in case.by_name else -1 for name in names]
    early, late = sorted((0, 1), key=lambda at: lengths[at])
    (inputs, *before), (outputs, *after) = shapes[early], shapes[late]
    stride = before[0] // after[0] if after[0] else 0
    if stride < 1 or any((side - 1) // stride + 1 != wanted for side, wanted in zip(before, after)):
        return []
    strided = f", stride={stride}" if stride > 1 else ""
    skipped = "the input" if names[early] == IMAGE else names[early]
    return [f"put a 1x1 convolution on the shortcut from {skipped}: nn.Conv2d({inputs}, {outputs}, 1{strided})"]


def _branches(call: Call, function: FunctionCall | None) -> list[str]:
    """The names of what arrives; for a tensor of no known origin, that."""
    count = len(function.tensors) if function else 0
    names = [name if name != IMAGE else "the input" for name in call.inputs]
    return names if len(names) == count else [*names, *["another tensor"] * (count - len(names))]


def _match(first: Shape, second: Shape) -> bool:
    return all(1 in (one, other) or one == other for one, other in zip(reversed(first), reversed(second)))


def _without_batch(case: Case, shape: Shape) -> Shape:
    return shape[1:] if shape[:1] == (case.batch,) else shape


def _without(shape: Shape, dim: int) -> Shape:
    return tuple(size for at, size in enumerate(shape) if at != dim % len(shape))
