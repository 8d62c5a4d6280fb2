"""The blocks of a network as rows: the rows of the layers inside a module are replaced by one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.module_paths import ancestors, named_modules
from convboard.anatomy.trace import CallNames
from convboard.errors import ModelError, nearest

_SUMMED = ("parameters", "frozen_parameters", "parameter_bytes", "macs", "output_bytes", "calls")
_OF_ONE_LAYER = (
    *("kernel_size", "stride", "padding", "dilation", "groups", "same_padding", "effective_kernel"),
    "dense_parameters",
)


def block_rows(
    model: nn.Module, rows: Sequence[LayerRow], depth: int | None = None, collapse: Sequence[str] = ()
) -> list[LayerRow]:
    """Replace the rows of what is inside a block by one row each.

    Args:
        model: The network.
        rows: Its rows.
        depth: Modules so deep in the network are blocks: 1 for its children, such as `layer1`, 2 for theirs, such as
            `layer1.0`. None for no limit.
        collapse: Module paths, glob patterns of them, or names of classes, such as `BasicBlock`, of further blocks.

    Returns:
        The rows; those of blocks have the sums of parameters, multiplications and bytes, the input of their first row,
        and the output and receptive field of their last one.

    Raises:
        ModelError: `depth` is less than 1, or a pattern matches no module that has children.
    """
    if depth is not None and depth < 1:
        raise ModelError(f"depth={depth}: give 1 for the children of the network, 2 for theirs, and so on.")
    types = {path: type(module).__name__ for path, module in named_modules(model) if path}
    parents = [path for path, module in named_modules(model) if path and any(module.children())]
    for pattern in collapse:
        if not any(_matches(path, types[path], pattern) for path in parents):
            known = dict.fromkeys([*parents, *(types[path] for path in parents)])
            raise ModelError(f"No block is called {pattern!r}. {nearest(pattern, known)}")

    def block_of(row: LayerRow) -> str | None:
        """The path of the outermost block that a row is inside of."""
        for number, path in enumerate(ancestors(row.name), 1):
            if number == depth or any(_matches(path, types.get(path, ""), pattern) for pattern in collapse):
                return path
        return None

    return list(_merged(rows, types, block_of))


def block_types(model: nn.Module, rows: Sequence[LayerRow]) -> dict[str, str]:
    """Return the class of each module that rows are inside of, by its path.

    Args:
        model: The network.
        rows: Its rows.
    """
    paths = dict.fromkeys(path for row in rows for path in ancestors(row.name))
    types = {path: type(module).__name__ for path, module in named_modules(model)}
    return {path: types[path] for path in paths if path in types}


def _matches(path: str, type_: str, pattern: str) -> bool:
    return type_ == pattern or fnmatchcase(path, pattern)


def _merged(
    rows: Sequence[LayerRow], types: dict[str, str], block_of: Callable[[LayerRow], str | None]
) -> Iterator[LayerRow]:
    """The rows, with one for those that follow each other in a block."""
    groups: list[_Group] = []
    for row in rows:
        block = block_of(row)
        if block is None or not groups or groups[-1].block != block:
            groups.append(_Group(block))
        groups[-1].rows.append(row)
    names, renamed = CallNames(), dict[str, str]()
    for group in groups:
        name = group.rows[0].name if group.block is None else names.next(group.block)
        renamed |= dict.fromkeys((row.name for row in group.rows), name)
        own = {row.name for row in group.rows}
        inputs = (renamed.get(given, given) for row in group.rows for given in row.inputs if given not in own)
        merged = group.rows[0] if group.block is None else group.merged(name, types[group.block])
        yield replace(merged, inputs=tuple(inputs) if group.block is None else tuple(dict.fromkeys(inputs)))


@dataclass
class _Group:
    """Rows that follow each other and are inside the same block; a row of its own has no block."""

    block: str | None
    rows: list[LayerRow] = field(default_factory=list)

    def merged(self, name: str, type_: str) -> LayerRow:
        """Return the row that takes the place of these."""
        ran = [row for row in self.rows if row.output_shape]
        first, last = (ran[0], ran[-1]) if ran else (self.rows[0], self.rows[-1])
        nothing: dict[str, Any] = dict.fromkeys(_OF_ONE_LAYER)
        sums = {name: sum(getattr(row, name) for row in self.rows) for name in _SUMMED}
        changes = {"name": name if ran else f"{name} (not called)", "type": type_, "formula": ""}
        return replace(last, **nothing | sums | changes, input_shape=first.input_shape)
