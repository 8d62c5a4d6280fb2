"""A network that keeps a tensor of one training step for the next, together with the graph that computed it."""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.source_lines import lines_that_keep
from convboard.anatomy.module_paths import own_attributes
from convboard.errors import ModelError

# In torch's messages: the graph was freed by the first backward; or the optimizer has changed a weight since then.
_MESSAGES = ("backward through the graph a second time", "modified by an inplace operation")


def refuse_kept_graph(model: nn.Module, take_step: Callable[[], object]) -> None:
    """Check that a second training step does not go back through the graph of the first one.

    Args:
        model: The network, which has taken a step. Only if it keeps a tensor with a graph, another one is taken.
        take_step: Computes the loss of a batch, and the gradients.

    Raises:
        ModelError: It does.
    """
    kept = list(_kept(model))
    if not kept:
        return
    try:
        take_step()
    except RuntimeError as error:
        if not any(words in str(error) for words in _MESSAGES):
            raise
        path, module, name = kept[0]
        raise ModelError(
            f"{path or type(model).__name__}.{name} keeps a tensor of the last step together with the graph that "
            "computed it. The next step goes back through this graph, which is gone, so that only the first step "
            f"works. Keep the values alone, with .detach(){_place(type(module), name)}."
        ) from error


def _kept(model: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """Yield the attributes that hold a tensor with a graph: path of the module, the module, name of the attribute."""
    for path, module in model.named_modules():
        for name, value in (*own_attributes(module), *module.named_buffers(recurse=False)):
            if _has_graph(value):
                yield path, module, name


def _has_graph(value: Any, depth: int = 3) -> bool:
    """Whether it is a tensor with a graph, or holds one; `depth` levels deep, as a list can hold itself."""
    match value:
        case Tensor():
            return value.grad_fn is not None
        case dict() if depth:
            return any(_has_graph(item, depth - 1) for item in value.values())
        case list() | tuple() | set() | frozenset() | deque() if depth:
            return any(_has_graph(item, depth - 1) for item in value)
    return False


def _place(cls: type[nn.Module], name: str) -> str:
    """Where the class keeps the attribute, if its source is there: `: net.py, line 9, self.last = x`."""
    return next(
        (f": {Path(line.file).name}, line {line.number}, {line.text}" for line in lines_that_keep(cls, name)), ""
    )
