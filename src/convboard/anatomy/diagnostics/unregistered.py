"""Weights that a network computes with, but that are none of its parameters: in a plain list, or made in forward."""

import ast
import linecache
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from convboard.anatomy.diagnostics.layer_construction import Construction, recorded_constructions
from convboard.anatomy.diagnostics.silenced_calls import attempt
from convboard.anatomy.diagnostics.source_edits import with_arguments
from convboard.anatomy.diagnostics.source_lines import SourceLine, in_brackets, lines_of_assignment
from convboard.anatomy.diagnostics.wording import listed_names
from convboard.anatomy.dry_run import run_without_side_effects
from convboard.anatomy.module_paths import named_modules, own_attributes

_COLLECTIONS = (list, tuple, dict, set, frozenset, deque)
_LONGEST = 80  # characters of an expression that is shown


@dataclass(frozen=True)
class Holder:
    """An attribute that keeps layers or weights where torch does not find them.

    Attributes:
        path: Its path in the network, such as `convs`.
        kind: Its type, such as `list`, `tuple` or `dict`.
        holds_layers: Whether it has layers; else weights.
        lines: The lines that assign it; empty if unknown.
        items: What to make the proper collection from: the expression that is assigned, or `[...]`.
    """

    path: str
    kind: str
    holds_layers: bool
    lines: tuple[SourceLine, ...]
    items: str

    @property
    def reason(self) -> str:
        """Where the weights are, as a sentence."""
        what, lines = "layers" if self.holds_layers else "weights", in_brackets(*self.lines)
        return f"self.{self.path} is a plain {self.kind}{lines}, and torch does not look for {what} in one."

    @property
    def remedy(self) -> str:
        """How to let torch find them."""
        name = self.path.rpartition(".")[2]
        return f"make it an {self.proper}: self.{name} = {self.proper}({self.items})"

    @property
    def proper(self) -> str:
        """The class to keep them in."""
        return f"nn.{'Module' if self.holds_layers else 'Parameter'}{'Dict' if self.kind == 'dict' else 'List'}"


def holders(model: nn.Module) -> dict[int, Holder]:
    """Return the attributes of a network that are plain collections of weights, by the id of the weight."""
    found: dict[int, Holder] = {}
    own = {id(weight) for weight in (*model.parameters(), *model.buffers())}
    for path, module in named_modules(model):
        for name, value in own_attributes(module):
            weights = [pair for pair in _weights_in(value) if id(pair[0]) not in own]
            if weights:
                full = f"{path}.{name}".lstrip(".")
                lines = lines_of_assignment(model, full)
                holder = Holder(full, type(value).__name__, weights[0][1], lines, _items(value, name, lines))
                found.update({id(weight): holder for weight, _ in weights})
    return found


@dataclass(frozen=True)
class MadeInForward:
    """A layer that a network's forward makes.

    Attributes:
        line: The line of the call that makes it.
        name: A name for it that the network does not have yet, such as `conv`.
        code: The call, with values in the place of variables: `nn.Conv2d(1, 16, 3)`.
    """

    line: SourceLine
    name: str
    code: str


def _items(collection: object, name: str, lines: Sequence[SourceLine]) -> str:
    """The source of the items of a collection that is assigned in one line; `[...]` if it has to be written anew."""
    elements = collection.values() if isinstance(collection, dict) else collection
    is_plain = isinstance(elements, Iterable) and all(isinstance(one, nn.Module | nn.Parameter) for one in elements)
    source = "".join(linecache.getlines(lines[0].file)) if is_plain and len(lines) == 1 else ""
    otherwise = "{...}" if isinstance(collection, dict) else "[...]"
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr=attribute)], value=value):
                if attribute == name and value.lineno == lines[0].number:
                    return _source_of_items(value, otherwise)
    return otherwise


def _source_of_items(value: ast.expr, otherwise: str) -> str:
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Tuple(elts=[]):
            return ""  # they are added later
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            text = f"[{', '.join(ast.unparse(item) for item in items)}]"
        case _:
            text = ast.unparse(value)
    return text if len(text) <= _LONGEST else otherwise


def explanation(calls: Sequence[str], holder: Holder | None, made: MadeInForward | None) -> tuple[str, str]:
    """Return what is wrong with weights that no module has, as a sentence, and the remedy.

    Args:
        calls: Names of the calls that use them.
        holder: Where they are kept; None if nowhere in the network.
        made: The first of their layers, if forward makes it; None if unknown.
    """
    uses = f"{listed_names(list(calls))} {'uses' if len(calls) == 1 else 'use'} weights that are none of the network's"
    if holder is not None:
        return f"{uses} parameters: {holder.reason}", holder.remedy
    line = in_brackets(made.line) if made is not None else ""
    name, code = (made.name, made.code) if made is not None else ("conv", "nn.Conv2d(...)")
    others = ", and the others likewise" if len(calls) > 1 else ""
    return (
        f"{uses} parameters, such as those of a layer that forward makes anew each time{line}.",
        f"make the layer in __init__, as in self.{name} = {code}, and call it in forward: x = self.{name}(x){others}",
    )


def made_in_forward(model: nn.Module, images: Tensor) -> MadeInForward | None:
    """Return the first layer with weights that a network's forward makes; None if it makes none.

    Args:
        model: The network.
        images: [N, C, H, W].
    """
    with recorded_constructions() as made:
        attempt(run_without_side_effects, model, images)
    for layer, construction in made.items():
        code = _code(construction)
        if code and any(True for _ in layer.parameters(recurse=False)):
            name = re.sub(r"\d.*", "", type(layer).__name__).lower()
            while hasattr(model, name):
                name += "_2"
            return MadeInForward(construction.line, name, code)
    return None


def _code(made: Construction) -> str:
    """The call that makes a layer, with values in the place of variables; empty if it is not available."""
    failure = made.failure
    call = failure.node
    if not isinstance(call, ast.Call):
        return ""
    given = [_with_value(made, argument) for argument in call.args]
    given += [f"{one.arg}={_with_value(made, one.value)}" for one in call.keywords]
    return with_arguments(failure, call, *given)


def _with_value(made: Construction, argument: ast.expr) -> str:
    """An argument as it is written, or its value if it has variables."""
    written = made.failure.written(argument)
    if not any(isinstance(part, ast.Name) for part in ast.walk(argument)):
        return written
    value = attempt(eval, written, made.failure.frame.f_globals, made.values)
    return repr(value) if isinstance(value, int | float | str | tuple) else written


def _weights_in(value: object) -> Iterator[tuple[Tensor, bool]]:
    """Yield the weights in nested collections, and whether each is a layer's."""
    if isinstance(value, _COLLECTIONS):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, nn.Module):
                yield from ((weight, True) for weight in item.parameters())
            elif isinstance(item, nn.Parameter):
                yield item, False
            else:
                yield from _weights_in(item)
