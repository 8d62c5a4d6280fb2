"""Lines of the user's source: the one that runs, and those that assign or freeze a part of a network.

They are found by reading the functions of the network; `layer_construction` builds it.
"""

import ast
import inspect
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from torch import nn

from convboard.anatomy.diagnostics.user_code import (
    Place,
    is_of_user,
    short_path,
    syntax_of,
    user_frame,
)
from convboard.anatomy.origin import Origin

_LONGEST_LINE = 60
_MOST_LINES = 3
_ADDING = ("append", "appendleft", "extend", "insert", "add", "update", "setdefault")


@dataclass(frozen=True)
class SourceLine:
    """A line of a file.

    Attributes:
        file: The file, as Python names it.
        number: Number of the line, from 1.
        function: Name of the function that it is in.
    """

    file: str
    number: int
    function: str

    @property
    def text(self) -> str:
        """The line without its indentation; empty if it is not available."""
        return linecache.getline(self.file, self.number).strip()

    @property
    def place(self) -> Place:
        """`net.py, line 9, in forward`, and the text."""
        return f"{short_path(self.file)}, line {self.number}, in {self.function}", self.text


def shown(*lines: SourceLine) -> str:
    """Return `net.py, line 14: x = F.dropout(x)`, or `net.py, lines 12 and 15, block.py, line 3, and 2 more`.

    Empty without lines.
    """
    if len(lines) == 1:
        text = lines[0].text
        return f"{_numbers(lines)}{f': {text}' if text and len(text) <= _LONGEST_LINE else ''}"
    shown_lines, more = lines[:_MOST_LINES], len(lines) - _MOST_LINES
    files = dict.fromkeys(line.file for line in shown_lines)
    parts = [_numbers([line for line in shown_lines if line.file == file]) for file in files]
    return ", ".join([*parts, *([f"and {more} more"] if more > 0 else [])])


def _numbers(lines: Sequence[SourceLine]) -> str:
    """`net.py, lines 12 and 15` for lines of one file."""
    *others, last = (str(line.number) for line in lines)
    numbers = f"lines {', '.join(others)} and {last}" if others else f"line {last}"
    return f"{Path(lines[0].file).name}, {numbers}"


def in_brackets(*lines: SourceLine) -> str:
    """Return ` (net.py, line 14: x = F.dropout(x))`; empty without lines."""
    return f" ({shown(*lines)})" if lines else ""


def running_line() -> SourceLine | None:
    """Return the line of a network's code that is running; None if none is."""
    frame = user_frame(sys._getframe(1))
    return SourceLine(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) if frame is not None else None


def lines_of_assignment(model: nn.Module, path: str) -> tuple[SourceLine, ...]:
    """Return the lines that assign a layer or a tensor to `self`; of a literal nn.Sequential that of the layer.

    Args:
        model: The network.
        path: Path of the layer or the tensor in it.
    """
    owner, rest = _owner(model, path.split("."))
    found = []
    for code, node in _parts(_methods(type(owner))) if owner is not None and rest else ():
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Attribute) and one.attr == rest[0] for one in targets):
                found.append(_line(code, _item(node.value, rest[1:]) if node.value else node))
    return tuple(sorted(dict.fromkeys(found), key=lambda line: (line.file, line.number)))


def lines_that_keep(cls: type[nn.Module], name: str) -> tuple[SourceLine, ...]:
    """Return the lines outside of `__init__` that put a computed value into an attribute, or into a collection in it.

    Args:
        cls: Class of the module.
        name: Name of the attribute.
    """
    methods = (method for method in _methods(cls) if method.__name__ != "__init__")
    return tuple(_line(code, node) for code, node in _parts(methods) if _keeps(node, name))


def _keeps(node: ast.AST, name: str) -> bool:
    """Return whether a statement assigns a value that may have a graph, or an expression adds one to a collection."""

    def is_it(part: ast.AST) -> bool:
        return isinstance(part, ast.Attribute) and part.attr == name

    match node:
        case ast.Call(func=ast.Attribute(value=value, attr=method)) if method in _ADDING:
            return any(map(is_it, ast.walk(value)))
        case (
            ast.Assign(value=ast.expr() as value)
            | ast.AugAssign(value=value)
            | ast.AnnAssign(value=ast.expr() as value)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return any(is_it(part) for target in targets for part in ast.walk(target)) and not _is_without_graph(value)
    return False


def _is_without_graph(value: ast.expr) -> bool:
    """Return whether an expression is a constant or an empty collection, or ends with `.detach()`."""
    is_detached = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "detach"
    return is_detached or not any(isinstance(part, ast.Name) for part in ast.walk(value))


def lines_that_freeze(model: nn.Module, origin: Origin) -> tuple[SourceLine, ...]:
    """Return the lines that set `requires_grad` to False, in a network's classes and in what builds it."""

    def freezes(node: ast.AST) -> bool:
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="requires_grad")], value=value):
                return not _is_true(value)
            case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[value]):
                return not _is_true(value)
            case ast.Call(func=ast.Attribute(attr="requires_grad_"), args=[], keywords=[ast.keyword(value=value)]):
                return not _is_true(value)
        return False

    return _lines(model, origin, freezes)


def lines_that_call(model: nn.Module, origin: Origin, *names: str) -> tuple[SourceLine, ...]:
    """Return the lines of a network that call a function of one of these names, not for a bias."""

    def calls(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return function in names and "bias" not in ast.unparse(node)

    return _lines(model, origin, calls)


def _is_true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _lines(model: nn.Module, origin: Origin, fits: Callable[[ast.AST], bool]) -> tuple[SourceLine, ...]:
    classes = dict.fromkeys(type(module) for module in model.modules())
    functions = [function for cls in classes for function in _methods(cls)]
    if isinstance(origin.factory, FunctionType):
        functions.append(origin.factory)
    return tuple(dict.fromkeys(_line(code, node) for code, node in _parts(_with_called(functions)) if fits(node)))


def _line(code: CodeType, node: ast.stmt | ast.expr) -> SourceLine:
    return SourceLine(code.co_filename, node.lineno, code.co_name)


def _methods(cls: type) -> Iterator[FunctionType]:
    """The functions of a class and its bases, but of those of libraries."""
    for base in cls.__mro__:
        functions = (inspect.unwrap(one) for one in vars(base).values() if callable(one))  # without decorators
        yield from (one for one in functions if isinstance(one, FunctionType) and _is_read(one))


def _with_called(functions: Iterable[FunctionType]) -> Iterator[FunctionType]:
    """The functions, and those of the same file or of one that it imports which they call by name."""
    waiting, seen = list(functions), set[FunctionType]()
    while waiting:
        function = waiting.pop(0)
        if function in seen or not _is_read(function):
            continue
        seen.add(function)
        yield function
        named = [function.__globals__.get(name) for name in function.__code__.co_names]
        modules = [vars(one) for one in named if isinstance(one, ModuleType)]
        named += [module.get(name) for module in modules for name in function.__code__.co_names]
        waiting += [one for one in named if isinstance(one, FunctionType)]


def _is_read(function: FunctionType) -> bool:
    return is_of_user(function.__code__.co_filename)


def _parts(functions: Iterable[FunctionType]) -> Iterator[tuple[CodeType, ast.stmt | ast.expr]]:
    """The statements and expressions in functions, with the code of the function."""
    for code in (function.__code__ for function in functions):
        tree = syntax_of(code, "".join(linecache.getlines(code.co_filename)))
        parts = ast.walk(tree) if tree is not None else ()
        yield from ((code, part) for part in parts if isinstance(part, ast.stmt | ast.expr))


def _owner(model: nn.Module, path: list[str]) -> tuple[nn.Module | None, list[str]]:
    """The last module on the way to a path whose class is no library's, and the path from there."""
    module: object = model
    owner, rest = (model, path) if any(_methods(type(model))) else (None, path)
    for at, name in enumerate(path[:-1], 1):
        module = getattr(module, name, None)
        if not isinstance(module, nn.Module):
            break
        if any(_methods(type(module))):
            owner, rest = module, path[at:]
    return owner, rest


def _item(value: ast.expr, rest: list[str]) -> ast.expr:
    """The part of an assigned expression that makes an item of it: the fifth argument of nn.Sequential for `5`."""
    match value, rest:
        case ast.Call(args=arguments), [number, *more] if number.isdigit() and int(number) < len(arguments):
            if not any(isinstance(argument, ast.Starred) for argument in arguments) and len(arguments) > 1:
                return _item(arguments[int(number)], more)
    return value
