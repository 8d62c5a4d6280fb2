"""Lines of the user's source: the one that runs, and those that make or freeze a part of a network."""

import ast
import inspect
import linecache
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import torch
from torch import nn

from convboard.anatomy import recorder

_LONGEST_LINE = 60
_MOST_LINES = 3
_TORCH, _CONVBOARD = str(Path(str(torch.__file__)).parent), str(Path(__file__).parents[2])
_RECORDERS = (str(Path(__file__).with_name("training_observation.py")), __file__, recorder.__file__)


@dataclass(frozen=True)
class SourceLine:
    """A line of a file.

    Attributes:
        file: The file, as Python names it.
        number: Number of the line, from 1.
    """

    file: str
    number: int

    @property
    def text(self) -> str:
        """The line without its indentation; empty if it is not available."""
        return linecache.getline(self.file, self.number).strip()


def shown(*lines: SourceLine) -> str:
    """Return `net.py, line 14: x = F.dropout(x)`, or `net.py, lines 12 and 15`; empty without lines."""
    if not lines:
        return ""
    name, text = Path(lines[0].file).name, lines[0].text
    if len(lines) > 1:
        numbers = [str(line.number) for line in lines[:_MOST_LINES]]
        return f"{name}, lines {', '.join(numbers[:-1])} and {numbers[-1]}"
    return f"{name}, line {lines[0].number}{f': {text}' if text and len(text) <= _LONGEST_LINE else ''}"


def in_brackets(*lines: SourceLine) -> str:
    """Return ` (net.py, line 14: x = F.dropout(x))`; empty without lines."""
    return f" ({shown(*lines)})" if lines else ""


def running_line() -> SourceLine | None:
    """Return the line of a network's code that is running; None if none is."""
    frame = sys._getframe(1)
    while frame is not None and _is_foreign(frame.f_code):
        frame = frame.f_back  # type: ignore[assignment]  # None at the outermost frame
    if frame is None or not _is_of_networks(frame.f_code.co_filename):
        return None
    return SourceLine(frame.f_code.co_filename, frame.f_lineno)


def lines_of_assignment(model: nn.Module, path: str) -> tuple[SourceLine, ...]:
    """Return the lines that assign a layer or a tensor to `self`; of a literal nn.Sequential that of the layer.

    Args:
        model: The network.
        path: Path of the layer or the tensor in it.
    """
    owner, rest = _owner(model, path.split("."))
    if owner is None or not rest:
        return ()
    found = []
    for file, node in _statements(type(owner)):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Attribute) and one.attr == rest[0] for one in targets):
                found.append(SourceLine(file, _item(node.value, rest[1:]).lineno if node.value else node.lineno))
    return tuple(sorted(dict.fromkeys(found), key=lambda line: line.number))


def lines_that_freeze(model: nn.Module) -> tuple[SourceLine, ...]:
    """Return the lines of the network's classes that set `requires_grad` to False."""

    def freezes(node: ast.AST) -> bool:
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="requires_grad")], value=ast.Constant(value=False)):
                return True
            case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[ast.Constant(value=False)]):
                return True
        return False

    return _lines(model, freezes)


def lines_that_call(model: nn.Module, *names: str) -> tuple[SourceLine, ...]:
    """Return the lines of the network's classes that call a function of one of these names, not for a bias."""

    def calls(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return function in names and "bias" not in ast.unparse(node)

    return _lines(model, calls)


def _lines(model: nn.Module, fits: Callable[[ast.AST], bool]) -> tuple[SourceLine, ...]:
    classes = dict.fromkeys(type(module) for module in model.modules())
    found = (SourceLine(file, node.lineno) for cls in classes for file, node in _statements(cls) if fits(node))
    return tuple(dict.fromkeys(found))


def _owner(model: nn.Module, path: list[str]) -> tuple[nn.Module | None, list[str]]:
    """The last module on the way to a path whose class is no library's, and the path from there."""
    module: object = model
    owner, rest = (model, path) if _is_of_networks(_file(type(model))) else (None, path)
    for at, name in enumerate(path[:-1], 1):
        module = getattr(module, name, None)
        if not isinstance(module, nn.Module):
            break
        if _is_of_networks(_file(type(module))):
            owner, rest = module, path[at:]
    return owner, rest


def _item(value: ast.expr, rest: list[str]) -> ast.expr:
    """The part of an assigned expression that makes an item of it: the fifth argument of nn.Sequential for `5`."""
    match value, rest:
        case ast.Call(args=arguments), [number, *more] if number.isdigit() and int(number) < len(arguments):
            if not any(isinstance(argument, ast.Starred) for argument in arguments) and len(arguments) > 1:
                return _item(arguments[int(number)], more)
    return value


def _statements(cls: type) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    """The parts of the source of a class and its bases, but of those of libraries."""
    for base in cls.__mro__:
        file = _file(base)
        if not _is_of_networks(file):
            continue
        try:
            tree = ast.parse("".join(linecache.getlines(file)))
            first = inspect.getsourcelines(base)[1]
        except (OSError, SyntaxError, TypeError, ValueError):
            continue
        for node in ast.walk(tree):
            starts = (
                [node.lineno, *(one.lineno for one in node.decorator_list)] if isinstance(node, ast.ClassDef) else []
            )
            if isinstance(node, ast.ClassDef) and node.name == base.__name__ and first in starts:
                yield from ((file, part) for part in ast.walk(node) if isinstance(part, ast.stmt | ast.expr))


def _file(cls: type) -> str:
    return str(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")


def _is_foreign(code: CodeType) -> bool:
    """Return whether a function is torch's, or one of those that record calls."""
    return code.co_filename.startswith(_TORCH) or code.co_filename in _RECORDERS


def _is_of_networks(file: str) -> bool:
    """Return whether a file may be the user's, or one of convboard's networks."""
    is_own = file.startswith(_CONVBOARD) and not file.startswith(str(Path(_CONVBOARD, "models")))
    return bool(file) and not is_own and not file.startswith(_TORCH)
