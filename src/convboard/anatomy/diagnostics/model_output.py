"""Rules for what a network returns, which must be logits [N, num_classes]."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.context import Context, Finding
from convboard.anatomy.diagnostics.foreign_network import replaced_layer
from convboard.anatomy.diagnostics.layer_changes import working_layer
from convboard.anatomy.diagnostics.layer_construction import lines_that_make
from convboard.anatomy.diagnostics.missing_return import return_of_scores
from convboard.anatomy.diagnostics.new_layer import new_layer
from convboard.anatomy.diagnostics.remedies import other_argument, other_switch
from convboard.anatomy.diagnostics.source_lines import in_brackets
from convboard.anatomy.diagnostics.training_output import are_probabilities
from convboard.anatomy.diagnostics.wording import batch_of, listed_names, product, sizes
from convboard.anatomy.trace import Call, Shape

_LOSSES = ("cross_entropy", "nll_loss", "mse_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")


@dataclass(frozen=True)
class _Item:
    """An item of a collection that a network returns.

    Attributes:
        place: Its position in words.
        access: Its position in Python.
        shape: Its shape, or its type if it is not a tensor.
        key: Text before the shape.
        is_softmax: Whether each row adds up to 1, as what a softmax gives.
    """

    place: str
    access: str
    shape: str
    key: str = ""
    is_softmax: bool = False

    @property
    def text(self) -> str:
        """`'logits': [N, 10]`."""
        return f"{self.key}{self.shape}"


def wrong_type(context: Context) -> Finding | None:
    """Recognise an output that is no tensor of floating-point numbers, and scores that depend on the other images."""
    output = context.run.output
    if not isinstance(output, Tensor):
        return not_a_tensor(context)
    if not (output.is_floating_point() or output.is_complex()):
        return _chosen_class(context, output)
    return _softmax_of_the_batch(context) if output.shape == (context.batch, context.num_classes) else None


def wrong_shape(context: Context) -> Finding | None:
    """Recognise a tensor that is not logits [N, num_classes]."""
    shape = tuple(context.run.output.shape)
    if shape == (context.batch, context.num_classes):
        return None
    return _wrong_classes(context, shape) or _returned_loss(context, shape) or _wrong_dimensions(context, shape)


def not_a_tensor(context: Context) -> Finding:
    """Explain an output that is a tuple, a dict or another object instead of a tensor."""
    output, kind = context.run.output, type(context.run.output).__name__
    wanted = f"[N, {context.num_classes or 'classes'}]"
    if output is None:
        remedy, place = return_of_scores(context, wanted)
        return Finding("output", "The network returns nothing.", (remedy,), wanted, "None", place=place)
    items = _items(context, output)
    held = f" of {', '.join(item.text for item in items)}" if items else ""
    when = "In training mode, the" if context.is_training else "The"
    reason = f"{when} network returns a {kind}{held} instead of one tensor {wanted}."
    remedies: list[str] = [*other_switch(context)]
    if context.is_user_defined or not remedies:
        remedies.append(_one_tensor(context, kind, items, wanted))
    return Finding("output", reason, tuple(remedies), wanted, kind)


def _one_tensor(context: Context, kind: str, items: Sequence[_Item], wanted: str) -> str:
    """Return the remedy: how to return a tensor of logits instead."""
    forward, fitting = _forward(context), [item for item in items if item.shape == wanted]
    if len(fitting) > 1:
        fitting = [item for item in fitting if not item.is_softmax]
    if isinstance(context.run.output, nn.Module):
        return f"write brackets in __init__, self.layer = nn.{kind}(), and let {forward} call self.layer(x)"
    if type(context.run.output).__module__ == "torch.return_types":
        return f"leave {kind} out of {forward}, and return the scores that it was given"
    if len(fitting) != 1 and not context.is_user_defined:
        return "choose another network: this one does not classify images"
    if len(fitting) != 1:
        return f"let {forward} return one tensor {wanted} alone: the scores of the classes"
    if context.is_user_defined and not type(context.model).__module__.startswith("torch."):
        return f"let {forward} return {fitting[0].place} alone, which is {wanted}: the scores of the classes"
    return f"wrap it in a module of your own, whose forward ends with return self.net(x){fitting[0].access}"


def _forward(context: Context) -> str:
    return f"{type(context.model).__name__}.forward"


def _items(context: Context, output: Any) -> list[_Item]:
    """The items of a collection; of more than four, the first four."""
    if isinstance(output, dict):
        places = [(f"what stands under {key!r}", f"[{key!r}]", f"{key!r}: ", value) for key, value in output.items()]
    elif isinstance(output, (tuple, list)):
        words = ("the first", "the second", "the third", "the fourth")
        places = [(word, f"[{at}]", "", value) for at, (word, value) in enumerate(zip(words, output))]
    else:
        return []
    return [_Item(word, at, _shape(context, value), key, _is_softmax(value)) for word, at, key, value in places[:4]]


def _is_softmax(value: object) -> bool:
    """Return whether a value is rows of probabilities."""
    if not isinstance(value, Tensor) or value.ndim != 2 or not value.is_floating_point() or value.is_meta:
        return False
    return are_probabilities(value)


def _shape(context: Context, value: Any) -> str:
    return batch_of(tuple(value.shape), context.batch) if isinstance(value, Tensor) else type(value).__name__


def _softmax_of_the_batch(context: Context) -> Finding | None:
    """Recognise a softmax over the images of a batch instead of the classes."""
    last = context.run.calls[-1] if context.run.calls else None
    function = last.function("softmax", "log_softmax") if last else None
    if last is None or function is None or len(last.input_shape) != 2:
        return None
    dim = function.arguments.get("dim")
    if dim not in (0, -2):
        return None
    reason = (
        f"{context.title(last)} runs along dim={dim}, the images of the batch: each class adds up to 1 over all of "
        "them, and no image by itself."
    )
    remedies = ("leave it out: the cross-entropy loss has one of its own, along the classes",)
    return Finding("output", reason, remedies, "along dim=1", f"shares along dim={dim}", last)


def _chosen_class(context: Context, output: Tensor) -> Finding:
    """Explain an output of whole numbers, such as an argmax."""
    dtype = str(output.dtype).removeprefix("torch.")
    reason = (
        f"The network gives whole numbers ({dtype}), {batch_of(tuple(output.shape), context.batch)}, not the "
        f"{context.num_classes} scores of each image: nothing can be learned from them."
    )
    remedy = "return the scores, without argmax or a comparison"
    return Finding("output", reason, (remedy,), f"[N, {context.num_classes}]", dtype)


def _wrong_classes(context: Context, shape: Shape) -> Finding | None:
    """Recognise a number of logits that is not that of the classes."""
    classes = context.num_classes
    if len(shape) != 2 or shape[0] != context.batch or classes is None:
        return None
    last = context.run.calls[-1] if context.run.calls else None
    made = f" (out_features of {last.name})" if last and isinstance(last.module, nn.Linear) else ""
    scores = "1 score" if shape[1] == 1 else f"{shape[1]} scores"
    reason = f"The network gives {scores} an image{made}, but the data has {classes} classes."
    remedies = _other_classes(context, last, shape[1], classes)
    return Finding("num_classes", reason, tuple(remedies), f"{classes} scores", scores, last)


def _other_classes(context: Context, last: Call | None, given: int, classes: int) -> list[str]:
    """Remedies that give the network another number of classes."""
    remedies: list[str] = [*other_argument(context, given, classes, ("num_classes",))]
    linear = last.module if last is not None and isinstance(last.module, nn.Linear) else None
    if linear is not None and not (remedies or context.is_user_defined):
        remedies += replaced_layer(context, context.path_of(linear), out_features=classes)
    if remedies and not context.is_user_defined:
        return remedies
    if last is not None and linear is not None:
        name = last.name
        return remedies + working_layer(context, last, lambda code: f"write {code} for {name}", out_features=classes)
    return [*remedies, f"let it end with nn.Linear({given}, {classes})"]


def _returned_loss(context: Context, shape: Shape) -> Finding | None:
    """Recognise a forward that returns a loss instead of the logits that it is computed from."""
    last = context.run.calls[-1] if context.run.calls else None
    function = last.function(*_LOSSES) if last is not None and not shape else None
    if last is None or function is None:
        return None
    scores, wanted = batch_of(last.input_shape, context.batch), f"[N, {context.num_classes}]"
    reason = f"The network returns one number, the loss that {last.name} computes, instead of the scores {wanted}."
    remedy = f"return what {last.name} is given first, {scores}: the run computes the loss itself"
    return Finding("output", reason, (remedy,), wanted, "one number", last)


def _wrong_dimensions(context: Context, shape: Shape) -> Finding:
    """Explain an output that is not two-dimensional."""
    classes, last = context.num_classes, context.run.calls[-1] if context.run.calls else None
    reason = f"The network gives {batch_of(shape, context.batch)} instead of a row of {classes} scores for each image."
    features = prod(shape[1:])
    if features == classes:
        remedies = ["let it end with torch.flatten(x, 1), or nn.Flatten()"]
    elif len(shape) == 4:
        end = f"nn.Flatten() and nn.Linear({features}, {classes}): {product(shape[1:])} features"
        pooled = f"nn.AdaptiveAvgPool2d(1), nn.Flatten() and nn.Linear({shape[1]}, {classes})"
        if shape[1] == classes:
            pooled = f"nn.AdaptiveAvgPool2d(1) and nn.Flatten(): the mean of each of the {classes} pictures"
        remedies = [f"let it end with {pooled}", f"let it end with {end}"]
    elif len(shape) > 2:
        remedies = [f"let it end with nn.Flatten() and nn.Linear({features}, {classes}): {product(shape[1:])} features"]
    else:
        remedies = [_without_reduction(context, last, classes)]
    return Finding("output", reason, tuple(remedies), f"[N, {classes}]", sizes(shape[1:]) or "one number", last)


def _without_reduction(context: Context, last: Call | None, classes: int | None) -> str:
    """The remedy for an output without the dimension of the classes: its last Linear, and nothing behind it."""
    path = [*context.path_to(last), last] if last is not None else []
    at = max((at for at, call in enumerate(path) if isinstance(call.module, nn.Linear)), default=None)
    if at is None or classes is None:
        return f"let it end with nn.Linear(..., {classes}), and with no sum, mean or squeeze behind it"
    linear = path[at].module
    assert isinstance(linear, nn.Linear)
    made = in_brackets(*lines_that_make(context.model, context.origin, context.path_of(linear)))
    behind = f"leave out {listed_names([call.type for call in path[at + 1 :]])} behind"
    if linear.out_features == classes:
        return f"{behind} {path[at].name}"
    return f"write {new_layer(linear, out_features=classes).code} for {path[at].name}{made}, and {behind} it"
