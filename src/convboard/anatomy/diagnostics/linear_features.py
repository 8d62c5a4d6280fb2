"""Rules for flattening a feature map, and for the number of features that a Linear gets."""

from math import prod

from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.layer_changes import as_good, working_layer
from convboard.anatomy.diagnostics.new_layer import new_layer
from convboard.anatomy.diagnostics.remedies import more_padding, other_argument, other_images
from convboard.anatomy.diagnostics.wording import KEEP_THE_BATCH, batch_of, count, factors, product, sizes
from convboard.anatomy.function_names import JOINING
from convboard.anatomy.layer_rows import size_formula
from convboard.anatomy.trace import Call

_MOVING_FEATURES_LAST = ("transpose", "swapaxes", "permute", "movedim", "moveaxis", "unfold", "Unfold")


def batch_flattened(context: Context, call: Call) -> Finding | None:
    """Recognise a Linear that gets another number of rows than there are images: a flatten included the batch.

    Windows or patches that are moved into the batch on purpose are not a mistake. Then there are as many rows for each
    image, and no Linear expects the features of a whole image.
    """
    wanted = call.in_features
    shape = call.input_shape
    flattening = context.where_batch_was_lost(shape, call) if wanted is not None else None
    if wanted is None or flattening is None:
        return None
    rows = shape[0] if len(shape) > 1 else 1
    if rows > 1 and rows % context.batch == 0 and wanted != prod(flattening.input_shape[1:]):
        return None
    return _batch_flattened(
        context, flattening, f"{context.title(call)} wants {count(wanted, 'feature')} of each image"
    )


def batch_flattened_in_output(context: Context) -> Finding | None:
    """Recognise the same mistake in a network that does not raise, by the number of rows that it returns."""
    shape = tuple(context.run.output.shape)
    flattening = context.where_batch_was_lost(shape, None)
    if flattening is None or shape in ((), (context.batch,)):  # one number for each image: the classes are missing
        return None
    return _batch_flattened(context, flattening, f"The network gives {list(shape)}, which is not a row for each image")


def _batch_flattened(context: Context, flattening: Call, problem: str) -> Finding:
    """Explain the call that flattened the batch; `problem` is the first half of the reason."""
    given, made = flattening.input_shape, flattening.output_shape or ()
    features = prod(given[1:])
    what = "one row" if len(made) < 2 else f"{made[0]} rows"
    text = (
        f"{problem}, but {context.title(flattening)} turns the batch of {context.batch} images {list(given)} into "
        f"{list(made)}: {what} of {context.batch} images."
    )
    if flattening.type in ("view", "reshape"):
        remedy = f"{KEEP_THE_BATCH}, or x.{flattening.type}(x.size(0), -1)"
    elif flattening.type in ("flatten", "ravel", "Flatten"):
        remedy = KEEP_THE_BATCH
    elif "pool" in flattening.type.lower() and len(given) < 4:
        remedy = f"put {flattening.name} before the flatten: it pools pictures, and gets rows of features"
    elif flattening.type in JOINING:
        return _joined_batch(flattening, text)
    else:
        remedy = f"let {flattening.name} leave the first size as it is: it is the batch"
    if len(given) > 2:
        remedy += (
            f". Each image then is a row of {product(given[1:])} features{_linear_for(context, flattening, features)}"
        )
    return Finding("batch", text, (remedy,), f"[N, {features}]", str(list(made)), flattening)


def _linear_for(context: Context, flattening: Call, features: int) -> str:
    """The change of the Linear behind a flatten, if it is for another number of features."""
    later = context.run.calls[context.run.calls.index(flattening) + 1 :]
    linear = next((call for call in later if isinstance(call.module, nn.Linear)), None)
    if linear is None or linear.in_features == features:
        return ""
    return f": write {_line(linear, features)} for {linear.name}"


def _joined_batch(joining: Call, reason: str) -> Finding:
    """Explain a concatenation along the batch."""
    tensors = joining.functions[0].tensors
    channels = sum(tensor.shape[1] for tensor in tensors)
    remedy = f"join along the channels: torch.{joining.type}(..., dim=1), which gives {count(channels, 'channel')}"
    wanted = f"[N, {', '.join(map(str, (channels, *joining.input_shape[2:])))}]"
    return Finding("batch", reason, (remedy,), wanted, str(list(joining.output_shape or ())), joining)


def missing_flatten(context: Context, call: Call) -> Finding | None:
    """Recognise a Linear that gets a feature map."""
    wanted, shape = call.in_features, call.input_shape
    if wanted is None or len(shape) < 3 or shape[-1] == wanted:
        return None
    if prod(shape[1:]) != wanted and _is_sequence(context, call):
        return None
    wants = f"{context.title(call)} wants {count(wanted, 'feature')}"
    return _missing_flatten(call, wanted, f"{wants} but gets {_pictures(call)}, not flattened.")


def _is_sequence(context: Context, call: Call) -> bool:
    """Return whether the last dimension was moved there on purpose, as that of patches is."""
    return call.input_shape[0] != context.batch or any(
        step.type in _MOVING_FEATURES_LAST for step in context.path_to(call)
    )


def missing_flatten_in_output(context: Context) -> Finding | None:
    """Recognise the same mistake if the width of the feature map happens to be the number of features expected."""
    shape = tuple(context.run.output.shape)
    call = next((call for call in context.run.calls if call.in_features and len(call.input_shape) == 4), None)
    if call is None or len(shape) != 4:
        return None
    wanted = call.input_shape[-1]
    reason = (
        f"{context.title(call)} gets {_pictures(call)}, not flattened: it takes each line of "
        f"{wanted} pixels for an image of its own, and the network gives {batch_of(shape, context.batch)}."
    )
    return _missing_flatten(call, wanted, reason)


def _missing_flatten(call: Call, wanted: int, reason: str) -> Finding:
    features = prod(call.input_shape[1:])
    remedy = "put nn.Flatten() before it, or torch.flatten(x, 1)"
    if features != wanted:
        remedy += f", and give it {product(call.input_shape[1:])} features: {_line(call, features)}"
    return Finding("flatten", reason, (remedy,), count(wanted, "feature"), _pictures(call), call)


def _pictures(call: Call) -> str:
    return f"pictures of {sizes(call.input_shape[1:])}"


def wrong_in_features(context: Context, call: Call) -> Finding | None:
    """Recognise a Linear for another number of features, such as one for images of another size."""
    wanted = call.in_features
    if wanted is None or not call.input_shape or call.input_shape[-1] == wanted:
        return None
    arrived = call.input_shape[-1]
    feature_map = context.flattened_shape(call)
    reason = f"{context.title(call)} wants {factors(wanted, feature_map)} features but gets {product(feature_map)}"
    before = context.channel_source(call)
    if len(feature_map) == 1 and before is not None:
        reason += f", which is what {before.name} gives."
        own = (call.module, {"in_features": arrived}) if call.module is not None else None
        remedies = [*other_argument(context, wanted, arrived), *_other_in_features(context, call, arrived)]
        other = (before.module, {"out_features": wanted}) if isinstance(before.module, nn.Linear) else None
        if other is not None and (own is None or as_good(context, own, other)):
            code = new_layer(other[0], out_features=wanted).code
            remedies.append(f"let {before.name} give as many: {code}")
    else:
        reason += f": {context.sizes_to(call)}."
        remedies = _other_sizes(context, call, wanted, arrived)
    found = f"{arrived} features"
    return Finding(
        "in_features", reason, tuple(remedies), f"{wanted} features", found, call, _last_formula(context, call)
    )


def wrong_view(context: Context, call: Call) -> Finding | None:
    """Recognise a view for another number of features: `x.view(-1, 16 * 5 * 5)` for an image with 16·4·4."""
    function = call.function("view", "reshape")
    if function is None or not call.input_shape or "invalid for input of size" not in str(context.run.error):
        return None
    given = function.args[1:] or tuple(function.kwargs.values())
    asked = tuple(given[0]) if given and isinstance(given[0], (tuple, list)) else tuple(given)
    features = prod(call.input_shape[1:])
    written = f"{call.type}({', '.join(map(str, asked))})"
    if len(asked) != 2 or not isinstance(asked[1], int):
        return None
    if asked[1] == -1:
        reason = f"{written} wants {asked[0]} images, but there are {context.batch}: the batch is not always as large."
        return Finding("batch", reason, (KEEP_THE_BATCH,), f"{asked[0]} images", f"{context.batch} images", call)
    feature_map = call.input_shape[1:]
    reason = (
        f"{written} wants {factors(asked[1], feature_map)} features of each image, but it has {product(feature_map)}: "
        f"{context.sizes_to(call)}."
    )
    linear = [
        (n, m) for n, m in context.model.named_modules() if isinstance(m, nn.Linear) and m.in_features == asked[1]
    ]
    change = f" and {new_layer(linear[0][1], in_features=features).code} for {linear[0][0]}" if len(linear) == 1 else ""
    remedies = [
        *other_argument(context, asked[1], features),
        f"write torch.flatten(x, 1) for it{change}",
        *more_padding(context),
        *other_images(context),
    ]
    arrived = f"{features} features"
    return Finding(
        "in_features", reason, tuple(remedies), f"{asked[1]} features", arrived, call, _last_formula(context, call)
    )


def _other_sizes(context: Context, call: Call, wanted: int, arrived: int) -> list[str]:
    remedies: list[str] = [*other_argument(context, wanted, arrived)]
    remedies += _other_in_features(context, call, arrived)
    return [*remedies, *more_padding(context), *other_images(context)]


def _other_in_features(context: Context, call: Call, arrived: int) -> list[str]:
    """The remedy of a weight for the features that arrive."""
    module = call.module
    if module is None:
        return [f"write {_line(call, arrived)} for {context.weight_name(call) or call.name}"]
    lazy = ""
    if type(module) is nn.Linear and len(context.flattened_shape(call)) == 3:
        lazy = f", or {new_layer(module, nn.LazyLinear).code}, which finds the number itself"
    return working_layer(context, call, lambda code: f"write {code} for {call.name}{lazy}", in_features=arrived)


def _line(call: Call, features: int) -> str:
    """The code that makes the same weight for this number of features."""
    if isinstance(call.module, nn.Linear):
        return new_layer(call.module, in_features=features).code
    function = call.function("linear", "matmul", "mm")
    assert function is not None
    weight = function.tensor("weight") if function.name == "linear" else function.args[1]
    assert isinstance(weight, Tensor)
    sides = (weight.shape[0], features) if function.name == "linear" else (features, weight.shape[1])
    return f"a weight of {sides[0]}x{sides[1]}"


def _last_formula(context: Context, call: Call) -> str:
    """The formula of the output size of the last sliding window before this call."""
    return next((size_formula(step) for step in reversed(context.path_to(call)) if step.window), "")
