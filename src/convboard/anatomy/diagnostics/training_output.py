"""Rules for the last operation of a network that trains badly on its scores."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from convboard.anatomy.diagnostics.function_log import is_active_dropout
from convboard.anatomy.diagnostics.training_observation import Observation
from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.function_names import words
from convboard.anatomy.trace import Call

_BOUNDS = {  # of the values that these functions return
    "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
}
_CUTTING = words("relu relu6 threshold")
_BOTH = words("softmax log_softmax softmin")
_SMALLEST_FLOOR = 0.05  # of the loss; a smaller one does not matter


def unsuitable_output(evaluation: Observation) -> Iterator[TrainingWarning]:
    """Recognise scores that cross entropy cannot use well."""
    call, output = evaluation.last_call, evaluation.run.output
    if call is None or not isinstance(output, Tensor):
        return
    name, classes = _name(call), output.shape[1]
    shown = evaluation.title(call)
    if name == "log_softmax":
        yield _logarithms(shown, call, evaluation.is_cross_entropy)
    if name == "log_softmax" or not evaluation.is_cross_entropy:
        return
    if are_probabilities(output):
        yield TrainingWarning(
            "softmax",
            f"The scores are probabilities, made by {shown}, but the cross-entropy loss applies softmax by itself. "
            f"After a second one the loss cannot fall below {_floor(0, 1, classes):.2f}, and learning is slow.",
            "Return the scores that softmax gets.",
            call.name,
        )
        return
    low, high = _bounds(call)
    if (floor := _floor(low, high, classes)) > _SMALLEST_FLOOR:
        yield TrainingWarning(
            "bounded scores",
            f"The network ends with {shown}, whose values are between {low:g} and {high:g}. The "
            f"cross-entropy loss needs scores without bounds: it cannot fall below {floor:.2f}, and learning is slow.",
            f"Leave {name} out.",
            call.name,
        )
    elif low >= 0:
        yield TrainingWarning(
            "cut scores",
            f"The network ends with {shown}: scores below zero become zero, and a class whose score is below zero gets "
            "no gradient.",
            f"Leave {name} out, and return the scores of the last layer.",
            call.name,
        )


def dropout_of_scores(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise dropout behind the last layer."""
    call = training.last_call
    if call is not None and any(is_active_dropout(function) for function in call.functions):
        yield TrainingWarning(
            "dropout of scores",
            f"The network ends with dropout ({call.name}){training.place(call)}, which sets the scores of random "
            "classes to zero.",
            "Put it before the last layer.",
            call.name,
        )


def are_probabilities(output: Tensor) -> bool:
    """Return whether each row has no negative value and the sum 1, as far as the dtype can tell.

    Args:
        output: [N, classes], floating-point.
    """
    tolerance = max(1e-4, torch.finfo(output.dtype).eps)  # rounding changes the sum by at most half of that
    return bool((output >= 0).all()) and bool(((output.double().sum(1) - 1).abs() < tolerance).all())


def _logarithms(shown: str, call: Call, is_cross_entropy: bool) -> TrainingWarning:
    if is_cross_entropy:
        reason = (
            f"The network ends with {shown}, which the cross-entropy loss applies by itself. Twice it gives the same."
        )
        return TrainingWarning("log_softmax", reason, "It can be left out.", call.name, is_harmless=True)
    reason = f"The network ends with {shown}, whose values are below zero, but the loss compares scores with 0 and 1."
    return TrainingWarning("log_softmax", reason, "Leave log_softmax out.", call.name)


def _name(call: Call) -> str:
    """The name of the function that computed a call's result."""
    known = [function.name for function in call.functions if function.name in _BOUNDS.keys() | _CUTTING | _BOTH]
    return known[-1] if known else call.functions[-1].name if call.functions else ""


def _bounds(call: Call) -> tuple[float, float]:
    """The smallest and the largest value that a call can return."""
    function = call.functions[-1] if call.functions else None
    if function is not None and function.name in {"hardtanh", "clamp", "clip"}:
        return _limits(function)
    return (0.0, math.inf) if _name(call) in _CUTTING else _BOUNDS.get(_name(call), (-math.inf, math.inf))


def _limits(function: FunctionCall) -> tuple[float, float]:
    """The bounds among the arguments of `clamp` or `hardtanh`."""
    names = ("min_val", "max_val") if function.name == "hardtanh" else ("min", "max")
    defaults = _BOUNDS.get(function.name, (-math.inf, math.inf))
    given = map(function.arguments.get, names)
    low, high = (
        float(value) if isinstance(value, (int, float)) else default for value, default in zip(given, defaults)
    )
    return low, high


def _floor(low: float, high: float, classes: int) -> float:
    """The smallest cross entropy: that of the largest score for the right class, and the smallest for all others."""
    return math.log1p((classes - 1) * math.exp(low - high))
