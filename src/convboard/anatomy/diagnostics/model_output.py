"""Is what a network returns a row of scores for each image?"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.linear_features import eaten_batch_in_output, missing_flatten_in_output
from convboard.anatomy.diagnostics.remedies import other_argument
from convboard.anatomy.diagnostics.wording import batch_of, line_of, product, sizes
from convboard.anatomy.trace import Shape


@dataclass(frozen=True)
class _Part:
    """A thing in a collection: where it stands in words and in Python, its shape, and what is written before that."""

    place: str
    access: str
    shape: str
    key: str = ""

    @property
    def text(self) -> str:
        """``'logits': [N, 10]``."""
        return f"{self.key}{self.shape}"


def wrong_output(case: Case) -> Finding | None:
    """Whatever is not ``[N, num_classes]``."""
    output, classes = case.run.output, case.num_classes
    if classes is None:
        return None
    if not isinstance(output, Tensor):
        return no_tensor(case)
    shape, batch = tuple(output.shape), case.batch
    if not (output.is_floating_point() or output.is_complex()):
        return _chosen_class(case, output)
    if shape == (batch, classes):
        return _softmax_of_the_batch(case)
    return (
        eaten_batch_in_output(case, shape)
        or missing_flatten_in_output(case, shape)
        or _wrong_classes(case, shape)
        or _too_many_dimensions(case, shape)
    )


def no_tensor(case: Case) -> Finding:
    """A tuple, a dict or nothing at all in place of the scores."""
    output, kind = case.run.output, type(case.run.output).__name__
    wanted = f"[N, {case.num_classes or 'classes'}]"
    if output is None:
        cure = f"let {_forward(case)} end with return x"
        return Finding("output", "The network returns nothing.", (cure,), wanted, "None")
    parts = _parts(case, output)
    held = f" of {', '.join(part.text for part in parts)}" if parts else ""
    reason = f"The network returns a {kind}{held} instead of one tensor {wanted}."
    return Finding("output", reason, (_one_tensor(case, kind, parts, wanted),), wanted, kind)


def _one_tensor(case: Case, kind: str, parts: Sequence[_Part], wanted: str) -> str:
    """How to make a row of scores of what is returned."""
    forward, fitting = _forward(case), [part for part in parts if part.shape == wanted]
    if isinstance(case.run.output, nn.Module):
        return f"write brackets in __init__, self.layer = nn.{kind}(), and let {forward} call self.layer(x)"
    if type(case.run.output).__module__ == "torch.return_types":
        return f"leave {kind} out of {forward}, and return the scores that it was given"
    if len(fitting) != 1:
        return f"let {forward} return one tensor {wanted} alone: the scores of the classes"
    if case.is_users_own and not type(case.model).__module__.startswith("torch."):
        return f"let {forward} return {fitting[0].place} alone, which is {wanted}: the scores of the classes"
    return f"wrap it in a module of your own, whose forward ends with return self.net(x){fitting[0].access}"


def _forward(case: Case) -> str:
    return f"{type(case.model).__name__}.forward"


def _parts(case: Case, output: Any) -> list[_Part]:
    """What is in a collection; of many things the first four."""
    if isinstance(output, dict):
        things = list(output.items())
        return [_Part(f"what stands under {k!r}", f"[{k!r}]", _shape(case, v), f"{k!r}: ") for k, v in things[:4]]
    if isinstance(output, (tuple, list)):
        places = ("the first", "the second", "the third", "the fourth")
        return [_Part(word, f"[{at}]", _shape(case, value)) for at, (word, value) in enumerate(zip(places, output))]
    return []


def _shape(case: Case, value: Any) -> str:
    return batch_of(tuple(value.shape), case.batch) if isinstance(value, Tensor) else type(value).__name__


def _softmax_of_the_batch(case: Case) -> Finding | None:
    """Scores that a softmax has set against those of the other images, not against those of the other classes."""
    last = case.run.calls[-1] if case.run.calls else None
    function = last.function("softmax", "log_softmax") if last else None
    if last is None or function is None or len(last.input_shape) != 2:
        return None
    dim = function.arguments.get("dim", function.args[1] if len(function.args) > 1 else None)
    if dim not in (0, -2):
        return None
    reason = (
        f"{case.title(last)} runs along dim={dim}, the images of the batch: each class adds up to 1 over all of them, "
        "and no image by itself."
    )
    cures = ("take dim=1, the classes", "leave it out: loss=cross_entropy has one of its own")
    return Finding("output", reason, cures, "along dim=1", f"shares along dim={dim}", last)


def _chosen_class(case: Case, output: Tensor) -> Finding:
    dtype = str(output.dtype).removeprefix("torch.")
    reason = (
        f"The network gives whole numbers ({dtype}), {batch_of(tuple(output.shape), case.batch)}, not the "
        f"{case.num_classes} scores of each image: nothing can be learned from them."
    )
    cure = "return the scores, without argmax or a comparison"
    return Finding("output", reason, (cure,), f"[N, {case.num_classes}]", dtype)


def _wrong_classes(case: Case, shape: Shape) -> Finding | None:
    """The number of scores is not that of the classes."""
    classes = case.num_classes
    if len(shape) != 2 or shape[0] != case.batch or classes is None:
        return None
    last = case.run.calls[-1] if case.run.calls else None
    made = f" (out_features of {last.name})" if last and isinstance(last.module, nn.Linear) else ""
    scores = "1 score" if shape[1] == 1 else f"{shape[1]} scores"
    reason = f"The network gives {scores} an image{made}, but the data has {classes} classes."
    cures = [*other_argument(case, shape[1], classes, ("num_classes",))]
    if last is not None and isinstance(last.module, nn.Linear):
        cures.append(f"write {line_of(last.module, out_features=classes)} for {last.name}")
    else:
        cures.append(f"let it end with nn.Linear({shape[1]}, {classes})")
    return Finding("num_classes", reason, tuple(cures), f"{classes} scores", scores, last)


def _too_many_dimensions(case: Case, shape: Shape) -> Finding:
    """A picture, or dimensions of size 1, in place of a row."""
    classes, last = case.num_classes, case.run.calls[-1] if case.run.calls else None
    reason = f"The network gives {batch_of(shape, case.batch)} instead of a row of {classes} scores for each image."
    features = prod(shape[1:])
    if features == classes:
        cures = ["let it end with torch.flatten(x, 1), or nn.Flatten()"]
    elif len(shape) == 4:
        end = f"nn.Flatten() and nn.Linear({features}, {classes}): {product(shape[1:])} features"
        pooled = f"nn.AdaptiveAvgPool2d(1), nn.Flatten() and nn.Linear({shape[1]}, {classes})"
        if shape[1] == classes:
            pooled = f"nn.AdaptiveAvgPool2d(1) and nn.Flatten(): the mean of each of the {classes} pictures"
        cures = [f"let it end with {pooled}", f"let it end with {end}"]
    elif len(shape) > 2:
        cures = [f"let it end with nn.Flatten() and nn.Linear({features}, {classes}): {product(shape[1:])} features"]
    else:
        cures = [f"let it end with nn.Linear(..., {classes}), and with no sum, mean or squeeze behind it"]
    return Finding("output", reason, tuple(cures), f"[N, {classes}]", sizes(shape[1:]) or "one number", last)
