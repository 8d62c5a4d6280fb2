"""Rules for weights that are not trained although they should be, seen in one training step on noise."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.function_log import NotedCall
from convboard.anatomy.diagnostics.layer_construction import lines_that_make
from convboard.anatomy.diagnostics.source_lines import (
    in_brackets,
    lines_of_assignment,
    lines_that_call,
    lines_that_freeze,
)
from convboard.anatomy.diagnostics.training_observation import Observation
from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.diagnostics.unregistered import Holder, explanation, holders, made_in_forward
from convboard.anatomy.diagnostics.wording import in_python, listed_names
from convboard.anatomy.module_paths import named_modules, named_parameters
from convboard.anatomy.trace import Call

_DETACHING = {"detach", "data", "numpy"}
_NO_GRADIENTS = ("no_grad", "inference_mode", "set_grad_enabled")


def cut_gradients(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise weights that the forward uses, but that no gradient reaches."""
    weights = {name: weight for name, weight in _trainable(training.model) if id(weight) in training.log.used}
    used = [name for name, weight in weights.items() if weight.grad is None]
    if training.log.flat and not used:
        end = training.log.flat[-1].index
        before = [name for name, weight in weights.items() if training.log.used[id(weight)] < end]
        used = [name for name in before if not torch.any(_gradient(weights[name]))]
    if used:
        cut = _cut(training, [weights[name] for name in used])
        yield TrainingWarning(
            "zero gradient" if cut in training.log.flat else "no gradient",
            f"No gradient reaches {listed_names(used)}, which keep their initial values. {cause_of(training, cut)}",
            "Remove that, or freeze them on purpose with requires_grad_(False).",
            _layer_of(training, weights[used[0]]),
        )


def unoptimized_weights(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise weights that the optimizer does not have, such as those of a layer that the forward makes."""
    names = [name for name, weight in _trainable(training.model) if id(weight) not in training.trained]
    if names:
        yield TrainingWarning(
            "not trained",
            f"The optimizer does not have {listed_names(names)}{_made(training, names)}, so no step changes them.",
            "Make their layers in __init__, not in forward; a custom optimizer must take all parameters.",
        )


def unused_weights(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise weights that the forward does not use; not if it draws random numbers, which may skip some."""
    if training.is_random:
        return
    weights = dict(_trainable(training.model))
    unused = [name for name, weight in weights.items() if weight.grad is None and id(weight) not in training.log.used]
    if unused:
        yield TrainingWarning(
            "no gradient",
            f"The forward does not use {listed_names(unused)}{_made(training, unused)}, so they are not trained.",
            "Call their layers in forward, or leave them out of __init__.",
            is_harmless=True,
        )


def frozen_classifier(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise a frozen last layer in a network whose other weights are trained."""
    call = training.last_call
    while call is not None:
        weights = [tensor for function in call.functions for tensor in function.parameters]
        if weights:
            break
        call = training.producer(call)
    if call is not None and not any(weight.requires_grad for weight in weights):
        place = in_brackets(*lines_that_freeze(training.model, training.origin)) or training.place(call)
        yield TrainingWarning(
            "frozen",
            f"The last layer {call.name} is frozen{place}: its weights have requires_grad=False, and keep their "
            "values.",
            f"{_thawing(training, call)}, or make this layer after the others are frozen.",
            call.name,
        )


def unregistered_weights(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise tensors that a module keeps as a plain attribute, and computes with like with weights."""
    owned = {
        id(value): f"{path}.{name}".lstrip(".")
        for path, module in named_modules(training.model)
        for name, value in vars(module).items()
        if isinstance(value, Tensor) and value.is_floating_point() and value.numel() > 1
    }
    used = [tensor for call in training.run.calls for function in call.functions for tensor in function.tensors]
    found = list(dict.fromkeys(owned[id(tensor)] for tensor in used if id(tensor) in owned))
    if found:
        first = found[0].rpartition(".")[2]
        lines = in_brackets(*(line for one in found for line in lines_of_assignment(training.model, one)))
        others = f" Likewise {listed_names(found[1:])}." if len(found) > 1 else ""
        yield TrainingWarning(
            "no parameter",
            f"The forward uses {listed_names(found)}{lines}, neither a parameter nor a buffer: not trained, not "
            "moved to a GPU, and not stored in checkpoints.",
            f"Write self.{first} = nn.Parameter(...) to train it, or self.register_buffer({first!r}, ...) to keep "
            f"it.{others}",
        )


def unregistered_layers(evaluation: Observation, images: Tensor) -> Iterator[TrainingWarning]:
    """Recognise layers without gradients that are in a plain list, or that the forward makes with random weights."""
    own = {id(weight) for weight in evaluation.model.parameters()}
    known, users = holders(evaluation.model), dict[str, tuple[Call, Holder | None]]()
    for call in evaluation.run.calls:
        weights = [w for function in call.functions for w in function.parameters if id(w) not in own]
        if weights and (id(weights[0]) in known or evaluation.log.random):
            users[call.name] = call, known.get(id(weights[0]))
    if users:
        call, holder = next(iter(users.values()))
        made = made_in_forward(evaluation.model, images) if holder is None else None
        reason, remedy = explanation(list(users), holder, made)
        yield TrainingWarning(
            "no parameter",
            f"{reason} They are neither trained nor stored in checkpoints: whoever loads this network computes with "
            "other weights.",
            f"{remedy[0].upper()}{remedy[1:]}. Keep a fixed filter as self.register_buffer('filter', tensor).",
            call.name,
        )


def equal_units(training: Observation) -> Iterator[TrainingWarning]:
    """Recognise layers whose units all have the same weights and get the same gradient, and so remain the same."""
    equal = [name for name, weight in _trainable(training.model) if _stays_equal(weight)]
    if equal:
        lines = in_brackets(*lines_that_call(training.model, training.origin, "constant_", "ones_", "fill_"))
        yield TrainingWarning(
            "equal units",
            f"All units of {listed_names(equal)}{lines} have the same weights and the same gradient, and remain the "
            "same.",
            "Initialise them with different random values, as torch's layers do by default.",
        )


def cause_of(training: Observation, cut: NotedCall | None) -> str:
    """Return the sentence that says why a result has no gradient; where to look, if the call is not known."""
    if cut is None:
        return (
            "Look in forward for .detach(), .data, .item(), .tolist() or torch.no_grad(), and for weights with "
            "requires_grad=False."
        )
    if not cut.records_gradients:
        lines = lines_that_call(training.model, training.origin, *_NO_GRADIENTS)
        return f"{cut.name} runs under torch.no_grad(){in_brackets(*lines) or cut.place}."
    return f"{_written(cut)} has no gradient{cut.place}."


def no_gradient(training: Observation) -> str | None:
    """Return why no gradient leads from the scores back to any weight, and what to do; None if one does."""
    weights = [weight.grad for weight in training.model.parameters() if weight.grad is not None]
    if any(bool(gradient.any()) for gradient in weights):
        return None
    if not (weights or getattr(training.run.output, "requires_grad", False)):
        cut = training.log.cuts[-1] if training.log.cuts else None
    elif weights and training.log.flat:
        cut = training.log.flat[-1]
    else:
        return None  # of a first step alone
    if cut is None:
        remedy = ""
    elif not cut.records_gradients:
        remedy = " Remove it from forward."
    elif cut.name in _DETACHING:
        remedy = f" Leave {_written(cut)} out."
    else:
        remedy = f" Return the scores without {_written(cut)}."
    return f"no gradient leads from its scores back to a weight. {cause_of(training, cut)}{remedy}"


def _written(cut: NotedCall) -> str:
    """A call as people write it: `.detach()`."""
    return f".{cut.name}{'' if cut.name == 'data' else '()'}" if cut.name in _DETACHING else cut.name


def _trainable(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, weight) for name, weight in named_parameters(model) if weight.requires_grad)


def _thawing(training: Observation, call: Call) -> str:
    """The call that lets a layer be trained, as a sentence without its end."""
    if call.module is None:
        return "Call requires_grad_(True) on its weights"
    path = call.name.partition(":")[0]
    network = "self" if training.origin.factory in (None, type(training.model)) else "model"
    return f"Call {in_python(f'{network}.{path}')}.requires_grad_(True) behind that"


def _made(training: Observation, names: Sequence[str]) -> str:
    """The lines that make the layer of the first of these weights; empty if unknown."""
    path = names[0].rpartition(".")[0]
    made = lines_that_make(training.model, training.origin, path) if path else ()
    return in_brackets(*(made or lines_of_assignment(training.model, names[0])))


def _gradient(weight: nn.Parameter) -> Tensor:
    assert weight.grad is not None
    return weight.grad


def _cut(training: Observation, weights: Sequence[nn.Parameter]) -> NotedCall | None:
    """Return the call that keeps the gradient from weights: one with such a weight, or the first behind them."""
    ids = {id(weight) for weight in weights}
    uses = [index for key, index in training.log.used.items() if key in ids]
    cuts = [cut for cut in (*training.log.cuts, *training.log.flat) if cut.index >= min(uses, default=0)]
    direct = [cut for cut in cuts if any(id(tensor) in ids for tensor in cut.function.tensors)]
    behind = [cut for cut in cuts if cut.index >= max(uses, default=0)]
    return next(iter(direct or behind), None)


def _layer_of(training: Observation, weight: nn.Parameter) -> str | None:
    """The name of the first call that uses a weight."""
    for call in training.run.calls:
        if any(parameter is weight for function in call.functions for parameter in function.parameters):
            return call.name
    return None


def _stays_equal(weight: nn.Parameter) -> bool:
    """Return whether all rows of a weight are equal, and those of its gradient; two are compared before all."""
    grad = weight.grad
    if weight.ndim < 2 or len(weight) < 2 or grad is None:
        return False
    rows = weight.detach()
    if not (rows[0] == rows[1]).all() or not (rows == rows[:1]).all() or not grad.any():
        return False
    return bool(((grad - grad[:1]).abs() <= 1e-5 * grad.abs().max()).all())
