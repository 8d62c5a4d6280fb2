"""Remedies for a network that is written as a list of layers in a config: other entries of the list."""

from collections.abc import Iterator
from typing import Any

from convboard.anatomy.diagnostics.context import Context
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.trials import works


def other_layers(context: Context) -> Iterator[str]:
    """Suggest layers that end with a linear layer for the classes, if the network then works.

    Args:
        context: A network whose factory takes `layers`, a list of layers, each with its type and its arguments.
    """
    layers = list(context.origin.arguments.get("layers", ()))
    proposals: list[tuple[str, list[Any]]] = []
    if layers and isinstance(layers[-1], dict) and "linear" in layers[-1]:
        fewer = {name: value for name, value in (layers[-1]["linear"] or {}).items() if name != "out_features"}
        text = f"leave out out_features of layers[{len(layers) - 1}] (linear): it is the number of classes"
        proposals.append((text, [*layers[:-1], {"linear": fewer}]))
    proposals.append(("let layers end with linear", [*layers, "linear"]))
    proposals.append(("let layers end with flatten and linear", [*layers, "flatten", "linear"]))
    for text, changed in proposals:
        if _works(context, changed):
            yield text
            return


def _works(context: Context, layers: list[Any]) -> bool:
    """Return whether the network with these layers works."""
    factory = context.origin.factory
    assert factory is not None
    model = attempt(factory, **{**context.origin.arguments, "layers": layers})
    return model is not None and works(context, model)
