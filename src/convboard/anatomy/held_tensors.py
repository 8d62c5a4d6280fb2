"""The tensors that are there before a network runs: in its modules, and in the code of its classes."""

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from torch import Tensor, nn


def tensors_held_by(model: nn.Module) -> Iterator[Tensor]:
    """Find the tensors that the modules of a network hold, and the functions and files of their classes."""
    classes = dict.fromkeys(cls for module in model.modules() for cls in type(module).__mro__)
    own = [cls for cls in classes if not cls.__module__.startswith(("torch.", "builtins"))]
    for module in model.modules():
        yield from _held(vars(module))
    for cls in own:
        yield from _held(dict(vars(cls)))
    for name in {cls.__module__ for cls in own}:
        yield from _held(dict(vars(sys.modules[name])) if name in sys.modules else {}, depth=2)


def _held(value: Any, depth: int = 4) -> Iterator[Tensor]:
    """The tensors in an object: in its attributes, its items, and what a function closes over."""
    if isinstance(value, Tensor):
        yield value
    elif depth == 0 or isinstance(value, (nn.Module, type, ModuleType, str, bytes, int, float)):
        return
    elif isinstance(value, Mapping):
        for item in list(value.values()):
            yield from _held(item, depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _held(item, depth - 1)
    elif isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        yield from _held([*cells, *(value.__defaults__ or ())], depth - 1)
    elif hasattr(value, "__dict__"):
        yield from _held(vars(value), depth - 1)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
