"""What goes wrong around a forward, not in it: it is missing, or wants more than the images."""

import inspect
from difflib import get_close_matches

from torch import nn

from convboard.anatomy.diagnostics.case import Case, Finding

_IMAGES = "the images alone, model(images)"


def wrong_forward(case: Case) -> Finding | None:
    """A network without a forward, or one that cannot be called with the images.

    What the network raised must be of the call itself: an error of a forward that began is its own.
    """
    name, forward = type(case.model).__name__, case.model.forward
    written_in_class = getattr(forward, "__func__", forward)
    if written_in_class is nn.Module.forward and isinstance(case.run.error, NotImplementedError):
        return Finding("forward", *_without(case.model, name), "a forward", "none")
    if not isinstance(case.run.error, TypeError):
        return None
    try:
        signature = inspect.signature(written_in_class)
    except (TypeError, ValueError):
        return None
    written = f"forward({', '.join(map(str, signature.parameters.values()))})"
    try:
        signature.bind(*([case.model] if written_in_class is not forward else []), None)
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


def _without(model: nn.Module, name: str) -> tuple[str, tuple[str]]:
    """What is said, and the way out, where there is no forward at all."""
    if type(model).__module__.startswith("torch."):
        return f"{name} has no forward of its own: it only holds layers.", (
            "take nn.Sequential, or a class of your own whose forward calls them",
        )
    near = get_close_matches("forward", vars(type(model)), n=1)
    cure = (
        f"call it forward, not {near[0]}"
        if near
        else f"give it def forward(self, x), indented as far as the __init__ of {name}"
    )
    return f"{name} has no forward, so that it cannot be called.", (cure,)
