"""Weights that torch does not find: in a plain list, or made anew at each call."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.case import Case, Finding
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.trace import Call

REGISTER = "keep layers in nn.ModuleList instead of a list, and weights as nn.Parameter on self"


def unregistered(case: Case, tensors: Iterable[Tensor]) -> nn.Parameter | None:
    """The first of these that is a weight, but none of the network's."""
    own = {id(weight) for weight in case.model.parameters()}
    return next((t for t in tensors if isinstance(t, nn.Parameter) and id(t) not in own), None)


def untrained_weight(case: Case) -> Finding | None:
    """A weight that a gradient would reach although no optimizer and no checkpoint will know of it."""
    if not any(unregistered(case, _weights(call)) is not None for call in case.run.calls):
        return None
    run = dry_run(case.model, case.run.image_shape, gradients=True)  # in which a no_grad or detach of one's own counts
    for call in run.calls:
        weight = unregistered(case, (weight for weight in _weights(call) if _is_reached(run.output, weight)))
        if weight is not None:
            shape = sizes(tuple(weight.shape))
            reason = (
                f"{call.name} uses a weight of {shape} that is none of the network's parameters: it would be neither "
                "trained nor saved."
            )
            cures = (f"make layers in __init__, not in forward; {REGISTER}", "freeze it: requires_grad_(False)")
            return Finding("parameters", reason, cures, "a parameter of the network", f"a weight of {shape}", call)
    return None


def _weights(call: Call) -> Iterator[Tensor]:
    return (tensor for function in call.functions for tensor in function.tensors if tensor.requires_grad)


def _is_reached(output: object, weight: Tensor) -> bool:
    """Whether a way leads back from what the network returns to a weight."""
    if not isinstance(output, Tensor) or not output.requires_grad:
        return False
    try:
        (gradient,) = torch.autograd.grad(output.sum(), weight, retain_graph=True, allow_unused=True)
    except RuntimeError:  # a backward that torch cannot go: the trial of a step says so
        return False
    return gradient is not None
