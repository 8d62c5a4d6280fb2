"""What goes wrong around a forward, not in it: it is missing, or wants more than the images."""

import inspect

from torch import nn

from convboard.anatomy.doctor.case import Case, Finding

_IMAGES = "the images alone, model(images)"


def wrong_forward(case: Case) -> Finding | None:
    """A network without a forward, or one that cannot be called with the images."""
    name, forward = type(case.model).__name__, type(case.model).forward
    if forward is nn.Module.forward:
        return Finding(
            "forward",
            f"{name} has no forward, so that it cannot be called.",
            (f"give it def forward(self, x), indented as far as the __init__ of {name}",),
            "a forward",
            "none",
        )
    try:
        signature = inspect.signature(forward)
    except (TypeError, ValueError):
        return None
    written = f"forward({', '.join(map(str, signature.parameters.values()))})"
    try:
        signature.bind(case.model, None)
    except TypeError:
        parameters = list(signature.parameters)
        if len(parameters) < 2:
            missing = "x" if "self" in parameters else "self"
            cure = f"write def forward(self, x): {missing} is missing"
        else:
            cure = "let it take self and the images, and give a default to whatever else it takes"
        reason = f"{name} has {written}, but it is called with {_IMAGES}."
        return Finding("forward", reason, (cure,), "forward(self, x)", written)
    return None
