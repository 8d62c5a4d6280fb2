"""Weights that a network computes with, but that are none of its parameters: in a plain list, or made in forward."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from convboard.anatomy.diagnostics.source_lines import in_brackets, lines_of_assignment
from convboard.anatomy.diagnostics.wording import listed_names
from convboard.anatomy.module_paths import named_modules, own_attributes

_COLLECTIONS = (list, tuple, dict, set, frozenset, deque)


@dataclass(frozen=True)
class Holder:
    """An attribute that keeps layers or weights where torch does not find them.

    Attributes:
        path: Its path in the network, such as `convs`.
        kind: Its type, such as `list`, `tuple` or `dict`.
        holds_layers: Whether it has layers; else weights.
        lines: The lines that assign it, ` (net.py, line 9: self.convs = [])`; empty if unknown.
    """

    path: str
    kind: str
    holds_layers: bool
    lines: str

    @property
    def reason(self) -> str:
        """Where the weights are, as a sentence."""
        what = "layers" if self.holds_layers else "weights"
        return f"self.{self.path} is a plain {self.kind}{self.lines}, and torch does not look for {what} in one."

    @property
    def remedy(self) -> str:
        """How to let torch find them."""
        proper = "Dict" if self.kind == "dict" else "List"
        proper = f"nn.{'Module' if self.holds_layers else 'Parameter'}{proper}"
        name = self.path.rpartition(".")[2]
        return f"make it an {proper}: self.{name} = {proper}({'' if self.kind == 'list' else '...'})"


def holders(model: nn.Module) -> dict[int, Holder]:
    """Return the attributes of a network that are plain collections of weights, by the id of the weight."""
    found: dict[int, Holder] = {}
    own = {id(weight) for weight in (*model.parameters(), *model.buffers())}
    for path, module in named_modules(model):
        for name, value in own_attributes(module):
            weights = [pair for pair in _weights_in(value) if id(pair[0]) not in own]
            if weights:
                full = f"{path}.{name}".lstrip(".")
                lines = in_brackets(*lines_of_assignment(model, full))
                holder = Holder(full, type(value).__name__, weights[0][1], lines)
                found.update({id(weight): holder for weight, _ in weights})
    return found


def explanation(calls: Sequence[str], holder: Holder | None, line: str) -> tuple[str, str]:
    """Return what is wrong with weights that no module has, as a sentence, and the remedy.

    Args:
        calls: Names of the calls that use them.
        holder: Where they are kept; None if nowhere in the network.
        line: The line of the first call, ` (net.py, line 12: ...)`; empty if unknown.
    """
    uses = f"{listed_names(list(calls))} {'uses' if len(calls) == 1 else 'use'} weights that are none of the network's"
    if holder is not None:
        return f"{uses} parameters: {holder.reason}", holder.remedy
    return (
        f"{uses} parameters, such as those of a layer that forward makes anew each time{line}.",
        "make the layer in __init__, as in self.conv = nn.Conv2d(...), and call it in forward: x = self.conv(x)",
    )


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
