"""Remedies for networks that are not the user's to edit, such as torchvision's: a few lines that replace a layer."""

import copy
import textwrap
from collections.abc import Iterator
from typing import Any

from torch import nn

from convboard.anatomy.diagnostics.context import Context, Remedy
from convboard.anatomy.diagnostics.new_layer import new_layer
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.trials import FAILS, fits, grade, quiet_run
from convboard.anatomy.diagnostics.wording import in_python

_PLAIN = (int, float, str, bool, type(None))


def replaced_layer(context: Context, path: str, **changes: Any) -> Iterator[Remedy]:
    """Suggest lines that build the network and replace one of its layers, if it then works or gets further.

    Args:
        context: The network.
        path: Path of the layer.
        **changes: Settings of the new layer that differ from those of the old one.
    """
    factory, given = context.origin.factory, dict(context.origin.arguments)
    classes = context.num_classes
    options = [given]
    if factory is not None and classes is not None and "num_classes" not in given:
        options = [{**given, "num_classes": classes}, given]
    for arguments in options:
        model = _made(context, arguments)
        lines = _replacements(context, model, path, changes) if model is not None else None
        if lines is None:
            continue
        if factory is None:
            yield Remedy("change the layer after the network is built", code="\n".join(lines))
            return
        code = _file(factory, arguments, lines)
        if code is not None and _helps(context, code):
            yield Remedy("write this into mynet.py, and train mynet.net", target="mynet.net", code=code)
            return


def _made(context: Context, arguments: dict[str, Any]) -> nn.Module | None:
    """A network of the same kind; None if it cannot be built or copied."""
    factory = context.origin.factory
    return attempt(factory, **arguments) if factory is not None else attempt(copy.deepcopy, context.model)


def _replacements(context: Context, model: nn.Module, path: str, changes: dict[str, Any]) -> list[str] | None:
    """Replace the layer, and the last one if it has another number of classes; the lines of code, or None."""
    if not new_layer(model.get_submodule(path), **changes).is_complete:
        return None
    lines = [_replace(model, path, changes)]
    run = quiet_run(model, context.run.image_shape, other_shapes=context.run.other_shapes)
    last = run.calls[-1].module if run is not None and run.error is None and run.calls else None
    if context.num_classes is not None and isinstance(last, nn.Linear) and not fits(context, run):
        name = next(name for name, module in model.named_modules() if module is last)
        lines.append(_replace(model, name, {"out_features": context.num_classes}))
    return lines if grade(context, model) != FAILS else None


def _replace(model: nn.Module, path: str, changes: dict[str, Any]) -> str:
    """Replace a layer of a network; the line of code that does it."""
    new = new_layer(model.get_submodule(path), **changes)
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, new.build())
    place = in_python(path)
    return f"model{'' if place.startswith('[') else '.'}{place} = {new.code}"


def _file(factory: Any, arguments: dict[str, Any], lines: list[str]) -> str | None:
    """The text of a file with a function that builds the network; None if its arguments cannot be written down."""
    module, name = getattr(factory, "__module__", None), getattr(factory, "__qualname__", ".")
    if module is None or "." in name or not all(isinstance(value, _PLAIN) for value in arguments.values()):
        return None
    call = f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    body = "\n".join([f"model = {call}", *lines, "return model"])
    return f"from torch import nn\nfrom {module} import {name}\n\n\ndef net():\n{textwrap.indent(body, '    ')}"


def _helps(context: Context, code: str) -> bool:
    """Return whether the function in a file builds a network that works, or gets further."""

    def build() -> object:
        names: dict[str, Any] = {}
        exec(code, names)
        return names["net"]()

    model = attempt(build)
    return isinstance(model, nn.Module) and grade(context, model) != FAILS
