"""Modules and parameters of a network by their paths in the user's code, and the attributes that modules add.

The paths are without the wrappers that torch.compile puts inside.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from torch import nn

COMPILED = "_orig_mod"  # the attribute of a compiled module that has the module itself
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))


def is_compiled(module: nn.Module) -> bool:
    """Return whether a module is what torch.compile returns; its class is in the compiler, slow to import."""
    return type(module).__name__ == "OptimizedModule"


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield what `model.named_modules()` does, with the module itself in the place of a compiled one: at `block`."""
    return ((_path(name), module) for name, module in model.named_modules() if not is_compiled(module))


def named_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield what `model.named_parameters()` does, with the paths of `named_modules`."""
    return ((_path(name), parameter) for name, parameter in model.named_parameters())


def own_attributes(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a module, also private ones, but not those that every module has."""
    return ((name, value) for name, value in vars(module).items() if name not in _OF_EVERY_MODULE)


def ancestors(name: str) -> list[str]:
    """Return the paths of the modules that the row of a name is inside of, from the outermost to the innermost."""
    path, mark, what = name.partition(" (")
    parts = path.partition(":")[0].split(".")
    inside = parts if mark and what == "own parameters)" else parts[:-1]
    return list(accumulate(inside, lambda path, part: f"{path}.{part}"))


def _path(name: str) -> str:
    return ".".join(part for part in name.split(".") if part != COMPILED)
