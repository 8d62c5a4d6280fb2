"""Slips in a value: a layer or a class where a tensor is meant, a name that does not exist, weights of another file."""

import ast
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any

from torch import nn

from convboard.anatomy.diagnostics.call_slips import Proposal
from convboard.anatomy.diagnostics.source_edits import Edit, arguments_of, calls_in, input_name, write
from convboard.anatomy.diagnostics.user_code import Failure
from convboard.anatomy.diagnostics.wording import listed_names

_IMPORTS = {  # names that are left out, and how they are imported
    "torch": ("torch", "import torch"),
    "nn": ("torch.nn", "from torch import nn"),
    "F": ("torch.nn.functional", "import torch.nn.functional as F"),
    "np": ("numpy", "import numpy as np"),
    "math": ("math", "import math"),
    "torchvision": ("torchvision", "import torchvision"),
}
_SEQUENTIAL = '__import__("torch").nn.Sequential'


def layer_as_tensor(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`nn.ReLU(x)`, `x = self.pool`, `F.relu(self.conv)`, `self.act = nn.ReLU`."""
    kind = next(group for group in match.groups() if group)
    called = {node.func for node in failure.nodes if isinstance(node, ast.Call)}
    yield from _classes_called(failure, kind)
    for node in failure.nodes:
        value = failure.value(node)
        if isinstance(node, ast.Call):
            yield from _class_called(failure, node, kind)
        elif isinstance(value, nn.Module) and type(value).__name__ == kind and node not in called:
            tensor = _assigned(failure, node)
            yield write(failure, node, f"{failure.written(node)}({tensor})", end=": it is a layer that is not called")


def _classes_called(failure: Failure, kind: str) -> Iterator[Edit]:
    """Several calls of classes with a tensor, all at once."""
    calls = [node for node in failure.nodes if isinstance(node, ast.Call)]
    edits = [edit for call in calls for edit in _class_called(failure, call, kind)]
    if len(edits) > 1:
        lines = sorted({call.lineno for call in calls for edit in edits[1:] if call in edit.changes})
        changes = {node: new for edit in edits for node, new in edit.changes.items()}
        first, _, why = edits[0].remedy.partition(": ")
        others = f"line{'s' if len(lines) > 1 else ''} {listed_names(list(map(str, lines)))}"
        yield Edit(changes, f"{first}, and likewise in {others}: {why}")


def _class_called(failure: Failure, call: ast.Call, kind: str) -> Iterator[Edit]:
    """A class of layers that is called with a tensor."""
    value, given = failure.value(call.func), arguments_of(failure, call)
    if not (isinstance(value, type) and issubclass(value, nn.Module) and value.__name__ == kind and given):
        return
    cls, rest = failure.written(call.func), ", ".join(given[1:])
    if isinstance(call.func, ast.Attribute) and isinstance(failure.value(call.func.value), nn.Module):
        why = f": {cls} is the class {kind}, not a layer"
        yield Edit({call.func: f"{cls}()"}, f"write {cls} = nn.{kind}(), with brackets, in __init__{why}")
    else:
        why = f": the brackets of nn.{kind} take its settings, and the layer then takes the tensor"
        yield write(failure, call, f"{cls}({rest})({given[0]})", end=why)


def _assigned(failure: Failure, node: ast.AST) -> str:
    """The tensor that a statement assigns to or takes: `x` in `x = self.pool`."""
    for statement in failure.nodes:
        if isinstance(statement, ast.Assign) and statement.value is node and isinstance(statement.targets[0], ast.Name):
            return statement.targets[0].id
    return input_name(failure)


def called_collection(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`self.body(x)` for a ModuleList or a list, and for a tuple that a comma made."""
    for call in calls_in(failure):
        value, name = failure.value(call.func), failure.written(call.func)
        if isinstance(value, tuple) and len(value) == 1:
            remedy = f"remove the comma at the end of the line {name} = ... in __init__: it makes a tuple of the layer"
            yield Edit({call.func: f"{name}[0]"}, remedy)
        elif isinstance(value, nn.ModuleList | nn.ModuleDict | list | tuple):
            items = f"{name}.values()" if isinstance(value, nn.ModuleDict) else name
            kind = type(value).__name__
            tensor, given = _assigned(failure, call), ", ".join(arguments_of(failure, call))
            loop = f"for layer in {items}: {tensor} = layer({tensor})"
            loop = loop if tensor == given else f"{tensor} = {given} and then {loop}"
            instead = f"make {name} an nn.Sequential(...) of the same layers in __init__, or write {loop} in forward"
            if isinstance(value, list | tuple):
                instead += f", with {name} = nn.ModuleList([...]) in __init__: the weights in a {kind} are not trained"
            yield Edit({call.func: f"{_SEQUENTIAL}(*{items})"}, instead)


def missing_attribute(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`self.fc1` for `self.fc`."""
    for node in failure.nodes:
        if not isinstance(node, ast.Attribute) or node.attr != match[1] or node.lineno != failure.line:
            continue
        value = failure.value(node.value)
        if isinstance(value, nn.Module):
            names = [name for name, _ in value.named_children()] + [name for name, _ in value.named_parameters()]
            near = get_close_matches(match[1], [*names, *vars(value)], n=3, cutoff=0.5)
        elif isinstance(value, ModuleType):
            same = [name for name in vars(value) if name.lower() == match[1].lower()]
            near = [*same, *get_close_matches(match[1], vars(value), n=3)]
        else:
            near = []
        for name in near:
            if not name.startswith("_"):
                yield write(failure, node, f"{failure.written(node.value)}.{name}")


def undefined_name(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """A name that is misspelled, or a module that is not imported."""
    name = match[1]
    if name in _IMPORTS:
        module, line = _IMPORTS[name]
        yield Edit({}, f"write {line} at the top of the file", {name: import_module(module)})
    known = [*failure.frame.f_locals, *failure.frame.f_globals]
    for node in failure.nodes:
        if isinstance(node, ast.Name) and node.id == name and node.lineno == failure.line:
            given = failure.frame.f_locals.get("self")
            if isinstance(given, nn.Module) and hasattr(given, name):
                yield write(failure, node, f"self.{name}")
            for near in get_close_matches(name, known, n=3):
                yield write(failure, node, near)


def missing_key(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`self.layers["b"]` of a ModuleDict or dict with other keys."""
    for node in failure.nodes:
        if isinstance(node, ast.Subscript) and node.lineno == failure.line:
            value = failure.value(node.value)
            if isinstance(value, nn.ModuleDict | Mapping):
                keys = [key for key in value if isinstance(key, str)]
                for key in get_close_matches(str(failure.error.args[0]), keys, n=3):
                    yield write(failure, node, f"{failure.written(node.value)}[{key!r}]")


def assigned_layer(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`self.conv = self.conv(x)`."""
    tensor = input_name(failure)
    called = {node.func for node in failure.nodes if isinstance(node, ast.Call)}
    targets = [n for n in failure.nodes if isinstance(n, ast.Attribute) and n.attr == match[1] and n not in called]
    changes: dict[ast.AST, str] = {node: tensor for node in targets if failure.written(node) == f"self.{match[1]}"}
    if changes:
        why = f": self.{match[1]} is the layer, which its output would replace"
        yield Edit(changes, f"keep the output in a variable, {tensor} = self.{match[1]}(...){why}")


def calls_itself(failure: Failure) -> Iterator[Edit]:
    """`return self(x)` in forward."""
    for call in calls_in(failure):
        if call.args:
            new = failure.written(call.args[0])
            yield write(failure, call, new, end=": this calls the function that it is in, without end")


def other_weights(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`self.load_state_dict(weights)` with the weights of a wrapped network, or of one for other classes."""
    text = str(failure.error)
    unexpected = re.findall(r'"([^"]+)"', text.partition("Unexpected key(s)")[2].partition("\n\t")[0])
    prefix = next((word for word in ("module.", "_orig_mod.") if unexpected and unexpected[0].startswith(word)), None)
    differing = dict.fromkeys(name.rpartition(".")[0] for name in re.findall(r"size mismatch for ([\w.]+):", text))
    for call in calls_in(failure):
        if not call.args:
            continue
        weights = failure.written(call.args[0])
        if prefix is not None:
            new = f'{{name.removeprefix("{prefix}"): weight for name, weight in {weights}.items()}}'
            made_by = "nn.DataParallel" if prefix == "module." else "torch.compile"
            yield write(failure, call.args[0], new, call, f": {made_by} has put {prefix} before the names")
        elif differing:
            start = ", ".join(repr(f"{name}.") for name in differing)
            kept = f"{{name: weight for name, weight in {weights}.items() if not name.startswith(({start},))}}"
            new = f"{failure.written(call.func)}({kept}, strict=False)"
            yield write(failure, call, new, end=f", which leaves {' and '.join(differing)} untrained")


def notes_on_values(failure: Failure) -> Iterator[str]:
    """Say what the message leaves out: which name is None, and which keys there are."""
    node = failure.node
    if isinstance(node, ast.Call) and "'NoneType' object is not callable" in str(failure.error):
        yield f"{failure.written(node.func)} is None."
    elif isinstance(node, ast.Subscript) and isinstance(failure.error, KeyError):
        value = failure.value(node.value)
        if isinstance(value, nn.ModuleDict | Mapping):
            keys = ", ".join(map(repr, list(value)[:10]))
            yield f"{failure.written(node.value)} has the keys {keys}." if keys else "It is empty."


def misspelled_constructor(model: nn.Module) -> tuple[str, Any] | None:
    """Return the name and the function of a constructor that is not called `__init__`; None if there is none."""
    written = vars(type(model))
    near = get_close_matches("__init__", (name for name in written if callable(written[name])), n=1)
    return (near[0], written[near[0]]) if near and "__init__" not in written else None


VALUE_SLIPS: tuple[tuple[str, Proposal], ...] = (
    (
        r"AttributeError: '(\w+)' object has no attribute '(?:\w+)'|must be Tensor, not (\w+)|got \((\w+), ",
        layer_as_tensor,
    ),
    (r"'(?:tuple|list)' object is not callable|is missing the required \"forward\" function", called_collection),
    (r"has no attribute '(\w+)'", missing_attribute),
    (r"NameError: name '(\w+)' is not defined", undefined_name),
    (r"KeyError: ", missing_key),
    (r"cannot assign '.*' as child module '(\w+)'", assigned_layer),
    (r"loading state_dict", other_weights),
)
