"""What goes wrong where a picture becomes a row of features, and where features meet a Linear."""

from math import prod

from torch import Tensor, nn

from convboard.anatomy.diagnostics.case import Case, Finding, tensor
from convboard.anatomy.diagnostics.remedies import more_padding, other_argument, other_images
from convboard.anatomy.diagnostics.wording import batch_of, count, factors, line_of, product, sizes
from convboard.anatomy.layer_rows import formula
from convboard.anatomy.trace import Call

_ROWS_OF_FEATURES = ("transpose", "swapaxes", "permute", "movedim", "moveaxis", "unfold", "Unfold")
KEEP_THE_BATCH = "keep the batch apart: torch.flatten(x, 1) or nn.Flatten()"


def eaten_batch(case: Case, call: Call) -> Finding | None:
    """A Linear to which images come in another number than they went in: the batch was flattened or reshaped too.

    Windows or patches laid into the batch are none: there are so many rows for each image, and no Linear wants a whole
    image's features.
    """
    wanted = wanted_features(call)
    shape = call.input_shape
    culprit = case.where_the_batch_went(shape, call) if wanted is not None else None
    if wanted is None or culprit is None:
        return None
    rows = shape[0] if len(shape) > 1 else 1
    if rows > 1 and rows % case.batch == 0 and wanted != prod(culprit.input_shape[1:]):
        return None
    return _eaten(case, culprit, f"{case.title(call)} wants {count(wanted, 'feature')} of each image")


def eaten_batch_in_output(case: Case, shape: tuple[int, ...]) -> Finding | None:
    """The same where the network runs through, and the number of rows tells."""
    culprit = case.where_the_batch_went(shape, None)
    if culprit is None or shape == (case.batch,):  # there is a number for each image: it is the scores that are gone
        return None
    return _eaten(case, culprit, f"The network gives {list(shape)}, which is not a row for each image")


def _eaten(case: Case, culprit: Call, complaint: str) -> Finding:
    given, made = culprit.input_shape, culprit.output_shape or ()
    features = prod(given[1:])
    what = "one row" if len(made) == 1 else f"{made[0]} rows"
    text = (
        f"{complaint}, but {case.title(culprit)} turns the batch of {case.batch} images {list(given)} into "
        f"{list(made)}: {what} of {case.batch} images."
    )
    if culprit.type in ("view", "reshape"):
        cure = f"{KEEP_THE_BATCH}, or x.{culprit.type}(x.size(0), -1)"
    elif culprit.type in ("flatten", "ravel", "Flatten"):
        cure = KEEP_THE_BATCH
    else:
        cure = f"let {culprit.name} leave the first size as it is: it is the batch"
    if len(given) > 2:
        cure += f". Each image then is a row of {product(given[1:])} features"
    return Finding("batch", text, (cure,), f"[N, {features}]", str(list(made)), culprit)


def missing_flatten(case: Case, call: Call) -> Finding | None:
    """A Linear that is given a picture."""
    wanted, shape = wanted_features(call), call.input_shape
    if wanted is None or len(shape) < 3 or shape[-1] == wanted:
        return None
    if prod(shape[1:]) != wanted and _is_sequence(case, call):
        return None
    reason = (
        f"{case.title(call)} wants {count(wanted, 'feature')} but gets pictures of {sizes(shape[1:])}, not flattened."
    )
    return _flatten(call, wanted, reason)


def _is_sequence(case: Case, call: Call) -> bool:
    """Whether what arrives is rows of features on purpose, such as patches: its last size was brought there."""
    return call.input_shape[0] != case.batch or any(step.type in _ROWS_OF_FEATURES for step in case.path(call))


def missing_flatten_in_output(case: Case, shape: tuple[int, ...]) -> Finding | None:
    """The same where the last size of the picture happens to be what the Linear wants, and the output tells."""
    call = next((call for call in case.run.calls if wanted_features(call) and len(call.input_shape) == 4), None)
    if call is None or len(shape) != 4:
        return None
    wanted = call.input_shape[-1]
    reason = (
        f"{case.title(call)} gets {_pictures(call)}, not flattened: it takes each line of "
        f"{wanted} pixels for an image of its own, and the network gives {batch_of(shape, case.batch)}."
    )
    return _flatten(call, wanted, reason)


def _flatten(call: Call, wanted: int, reason: str) -> Finding:
    features = prod(call.input_shape[1:])
    cure = "put nn.Flatten() before it, or torch.flatten(x, 1)"
    if features != wanted:
        cure += f", and give it {product(call.input_shape[1:])} features: {_line(call, features)}"
    return Finding("flatten", reason, (cure,), count(wanted, "feature"), _pictures(call), call)


def _pictures(call: Call) -> str:
    return f"pictures of {sizes(call.input_shape[1:])}"


def wrong_in_features(case: Case, call: Call) -> Finding | None:
    """A Linear for another number of features, such as one for images of another size."""
    wanted = wanted_features(call)
    if wanted is None or not call.input_shape or call.input_shape[-1] == wanted:
        return None
    arrived = call.input_shape[-1]
    picture = case.flattened(call)
    reason = f"{case.title(call)} wants {factors(wanted, picture)} features but gets {product(picture)}"
    before = case.source(call)
    if len(picture) == 1 and before is not None:
        reason += f", which is what {before.name} gives."
        cures = [f"write {_line(call, arrived)} for {call.name}"]
        if isinstance(before.module, nn.Linear):
            cures.append(f"let {before.name} give as many: {line_of(before.module, out_features=wanted)}")
        cures = [*other_argument(case, wanted, arrived), *cures]
    else:
        reason += f": {case.trail(call)}."
        cures = _other_sizes(case, call, wanted, arrived)
    found = f"{arrived} features"
    return Finding("in_features", reason, tuple(cures), f"{wanted} features", found, call, _last_formula(case, call))


def wrong_view(case: Case, call: Call) -> Finding | None:
    """A view for another number of features: ``x.view(-1, 16 * 5 * 5)`` where an image has 16·4·4."""
    function = call.function("view", "reshape")
    if function is None or not call.input_shape or "invalid for input of size" not in str(case.run.error):
        return None
    given = function.args[1:] or tuple(function.kwargs.values())
    asked = tuple(given[0]) if given and isinstance(given[0], (tuple, list)) else tuple(given)
    features = prod(call.input_shape[1:])
    written = f"{call.type}({', '.join(map(str, asked))})"
    if len(asked) != 2 or not isinstance(asked[1], int):
        return None
    if asked[1] == -1:
        reason = f"{written} wants {asked[0]} images, but there are {case.batch}: the batch is not always as large."
        return Finding("batch", reason, (KEEP_THE_BATCH,), f"{asked[0]} images", f"{case.batch} images", call)
    picture = call.input_shape[1:]
    reason = (
        f"{written} wants {factors(asked[1], picture)} features of each image, but it has {product(picture)}: "
        f"{case.trail(call)}."
    )
    linear = [(n, m) for n, m in case.model.named_modules() if isinstance(m, nn.Linear) and m.in_features == asked[1]]
    change = f" and {line_of(linear[0][1], in_features=features)} for {linear[0][0]}" if len(linear) == 1 else ""
    cures = [
        *other_argument(case, asked[1], features),
        f"write torch.flatten(x, 1) for it{change}",
        *more_padding(case),
        *other_images(case),
    ]
    arrived = f"{features} features"
    return Finding(
        "in_features", reason, tuple(cures), f"{asked[1]} features", arrived, call, _last_formula(case, call)
    )


def wanted_features(call: Call) -> int | None:
    """How many features a Linear, or a product with a weight, wants; None for anything else."""
    if function := call.function("linear"):
        weight = tensor(function, "weight")
        return weight.shape[1] if weight is not None and weight.ndim == 2 else None
    function = call.function("matmul", "mm")
    if function is not None and len(function.args) > 1 and isinstance(function.args[1], nn.Parameter):
        return int(function.args[1].shape[-2]) if function.args[1].ndim == 2 else None
    return None


def _other_sizes(case: Case, call: Call, wanted: int, arrived: int) -> list[str]:
    cures = [*other_argument(case, wanted, arrived)]
    if isinstance(call.module, nn.Linear):
        lazy = f"nn.LazyLinear({call.module.out_features}), which finds the number itself"
        cures.append(f"write {_line(call, arrived)} for {call.name}, or {lazy}")
    else:
        name = call.name if call.module is not None else case.weight_name(call) or call.name
        cures.append(f"write {_line(call, arrived)} for {name}")
    return [*cures, *more_padding(case), *other_images(case)]


def _line(call: Call, features: int) -> str:
    """The line that makes the same weight for so many features."""
    if isinstance(call.module, nn.Linear):
        return line_of(call.module, in_features=features)
    function = call.function("linear", "matmul", "mm")
    assert function is not None
    weight = tensor(function, "weight") if function.name == "linear" else function.args[1]
    assert isinstance(weight, Tensor)
    sides = (weight.shape[0], features) if function.name == "linear" else (features, weight.shape[1])
    return f"a weight of {sides[0]}x{sides[1]}"


def _last_formula(case: Case, call: Call) -> str:
    """The output size of the last window before this call, with its numbers."""
    return next((formula(step) for step in reversed(case.path(call)) if step.window), "")
