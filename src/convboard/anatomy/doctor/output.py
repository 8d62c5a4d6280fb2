"""Is what a network returns a row of scores for each image?"""

from math import prod
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.doctor.case import Case, Finding
from convboard.anatomy.doctor.features import eaten_batch_in_output, missing_flatten_in_output
from convboard.anatomy.doctor.tries import other_argument
from convboard.anatomy.doctor.wording import batch_of, line_of, product, sizes
from convboard.anatomy.functions import tensors_in
from convboard.anatomy.trace import Shape


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
        return None
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
        reason, cure = "The network returns nothing.", "let its forward end with return x"
        return Finding("output", reason, (cure,), wanted, "None")
    parts = _parts(case, output)
    held = f" of {', '.join(text for _, text in parts)}" if parts else ""
    reason = f"The network returns a {kind}{held} instead of one tensor {wanted}."
    fitting = [access for access, text in parts if text.endswith(wanted)]
    cure = f"return the scores of the classes alone{f': out{fitting[0]}' if len(fitting) == 1 else ''}"
    return Finding("output", reason, (cure,), wanted, kind)


def _parts(case: Case, output: Any) -> list[tuple[str, str]]:
    """How to get at each thing in a collection, and what it is; of many the first four."""
    if isinstance(output, dict):
        things = [(f"[{key!r}]", key, value) for key, value in output.items()]
    elif isinstance(output, (tuple, list)):
        things = [(f"[{place}]", None, value) for place, value in enumerate(output)]
    else:
        return []
    texts = []
    for access, key, value in things[:4]:
        tensor = next(tensors_in(value), None) if isinstance(value, Tensor) else None
        text = batch_of(tuple(tensor.shape), case.batch) if tensor is not None else type(value).__name__
        texts.append((access, f"{key!r}: {text}" if key is not None else text))
    return texts


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
    reason = f"The network gives {shape[1]} scores an image{made}, but the data has {classes} classes."
    cures = [*other_argument(case, shape[1], classes, ("num_classes",))]
    if last is not None and isinstance(last.module, nn.Linear):
        cures.append(f"write {line_of(last.module, out_features=classes)} for {last.name}")
    else:
        cures.append(f"let it end with nn.Linear({shape[1]}, {classes})")
    return Finding("num_classes", reason, tuple(cures), f"{classes} scores", f"{shape[1]} scores", last)


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
