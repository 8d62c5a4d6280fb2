"""Weights that torch does not find: in a plain list, or made anew at each call."""

from collections.abc import Iterable

from torch import Tensor, nn

from convboard.anatomy.doctor.case import Case, Finding
from convboard.anatomy.doctor.wording import sizes

REGISTER = "keep layers in nn.ModuleList instead of a list, and weights as nn.Parameter on self"


def unregistered(case: Case, tensors: Iterable[Tensor]) -> nn.Parameter | None:
    """The first of these that is a weight, but none of the network's."""
    own = {id(weight) for weight in case.model.parameters()}
    return next((t for t in tensors if isinstance(t, nn.Parameter) and id(t) not in own), None)


def untrained_weight(case: Case) -> Finding | None:
    """A weight that takes part although no optimizer and no checkpoint will know of it; a frozen one may."""
    for call in case.run.calls:
        tensors = (tensor for function in call.functions for tensor in function.tensors if tensor.requires_grad)
        weight = unregistered(case, tensors)
        if weight is not None:
            shape = sizes(tuple(weight.shape))
            reason = (
                f"{call.name} uses a weight of {shape} that is none of the network's parameters: it would be neither "
                "trained nor saved."
            )
            cures = (f"make layers in __init__, not in forward; {REGISTER}", "freeze it: requires_grad_(False)")
            return Finding("parameters", reason, cures, "a parameter of the network", f"a weight of {shape}", call)
    return None
