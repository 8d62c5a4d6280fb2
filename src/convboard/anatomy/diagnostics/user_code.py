"""The user's code in an exception: the place that raised it, as source and as a syntax tree."""

import ast
import linecache
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import torch

_LIBRARIES = tuple(f"{folder}{os.sep}" for folder in (Path(torch.__file__).parent, Path(__file__).parents[2]))
_TRIALS = (
    str(Path(__file__).parents[1] / "dry_run.py"),
    *(str(Path(__file__).with_name(name)) for name in ("trials.py", "silenced_calls.py", "training_observation.py")),
)
_PYTHON = sysconfig.get_paths()["stdlib"] + os.sep
_INSTALLED = ("site-packages", "dist-packages")
Place = tuple[str, str]  # `net.py, line 9, in forward`, and that line of source
_LONGEST = 250  # characters; of a longer message, the first sentences are shown


def is_installed(file: str) -> bool:
    """Return whether a file belongs to an installed package, which is not the user's to edit."""
    return any(f"/{folder}/" in Path(file).as_posix() for folder in _INSTALLED)


def is_of_library(file: str) -> bool:
    """Return whether a file is torch's, convboard's or Python's own."""
    return file.startswith((*_LIBRARIES, "<frozen")) or (file.startswith(_PYTHON) and not is_installed(file))


def is_of_user(file: str) -> bool:
    """Return whether a file is the user's to edit; the file of a notebook's cell is."""
    return not (is_of_library(file) or is_installed(file))


def sentence(error: BaseException) -> str:
    """Return the type and the message of an exception as one line, without lists of signatures and hints."""
    text = str(error).partition(", but expected one of:")[0].partition(" Hint: ")[0]
    first, *others = re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(text.split()))
    text = first if len(first) <= 2 * _LONGEST else f"{first[: 2 * _LONGEST].rpartition(' ')[0]} ..."
    while others and len(text) + len(others[0]) < _LONGEST:
        text += f" {others.pop(0)}"
    return f"{type(error).__name__}: {text}{'' if text[-1:] in '.!?' else '.'}" if text else f"{type(error).__name__}."


@dataclass(frozen=True)
class Failure:
    """The place in the user's code at which an exception was raised.

    Attributes:
        error: The exception.
        frame: The frame of the function; its local variables are those at the time of the exception.
        position: First and last line, and first and last column, of the expression that was evaluated.
        inner: The frames that were called from there, such as torch's.
    """

    error: BaseException
    frame: FrameType
    position: tuple[int | None, int | None, int | None, int | None]
    inner: tuple[FrameType, ...] = field(default=(), repr=False)

    @property
    def line(self) -> int:
        """Number of the line."""
        return self.position[0] or self.frame.f_lineno

    @property
    def file(self) -> str:
        """The file, as Python names it."""
        return self.frame.f_code.co_filename

    @property
    def where(self) -> str:
        """`net.py, line 9, in forward`."""
        return f"{short_path(self.file)}, line {self.line}, in {self.frame.f_code.co_name}"

    @property
    def text(self) -> str:
        """The line of source; empty if it is not available."""
        return linecache.getline(self.file, self.line, self.frame.f_globals).strip()

    @property
    def place(self) -> Place:
        """`where` and `text`."""
        return self.where, self.text

    @cached_property
    def source(self) -> str:
        """The source of the file; empty if it is not available or is not that of the code that ran."""
        source = "".join(linecache.getlines(self.file, self.frame.f_globals))
        found = code_in(source, self.frame.f_code)
        return source if found is not None and found.co_code == self.frame.f_code.co_code else ""

    @cached_property
    def function(self) -> ast.AST | None:
        """The syntax tree of the function."""
        return syntax_of(self.frame.f_code, self.source)

    @property
    def nodes(self) -> list[ast.AST]:
        """The parts of the function's syntax tree."""
        return list(ast.walk(self.function)) if self.function is not None else []

    @property
    def node(self) -> ast.AST | None:
        """The expression that was evaluated."""
        fitting = [node for node in self.nodes if position_of(node) == self.position]
        return next((node for node in fitting if isinstance(node, ast.expr)), fitting[0] if fitting else None)

    def written(self, node: ast.AST) -> str:
        """Return a part of the source as it is written."""
        return ast.get_source_segment(self.source, node) or ast.unparse(node)

    def offset(self, node: ast.AST) -> int:
        """Return the place of a part of the source, in characters from its beginning."""
        line, column = (getattr(node, name) for name in ("lineno", "col_offset"))
        lines = self.source.splitlines(keepends=True)
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    def value(self, node: ast.AST) -> Any:
        """Return the value of a name, or of attributes and items of one; None for other expressions."""
        match node:
            case ast.Name(id=name):
                return self.frame.f_locals.get(name, self.frame.f_globals.get(name))
            case ast.Attribute(value=inner, attr=name):
                return getattr(self.value(inner), name, None)
        return None

    def local(self, *names: str) -> tuple[Any, ...] | None:
        """Return local variables of the innermost function that was called from here and has them all."""
        frames = (frame.f_locals for frame in reversed(self.inner))
        return next((tuple(found[name] for name in names) for found in frames if found.keys() >= {*names}), None)


def failure_of(error: BaseException | None) -> Failure | None:
    """Return the place of an exception in the user's code, or else in that of an installed package; None if neither."""
    steps = list(_steps(error.__traceback__ if error is not None else None))
    own = [at for at, step in enumerate(steps) if is_of_user(step.tb_frame.f_code.co_filename)]
    foreign = [at for at, step in enumerate(steps) if not is_of_library(step.tb_frame.f_code.co_filename)]
    for at in (own or foreign)[-1:]:
        assert error is not None
        return _failure(error, steps, at)
    return None


def repeated_call(error: BaseException) -> Failure | None:
    """Return the place at which a function of the user calls itself again with the same `self`."""
    steps = list(_steps(error.__traceback__))
    seen: dict[tuple[CodeType, int], int] = {}
    for at, step in enumerate(steps):
        frame = step.tb_frame
        key = frame.f_code, id(frame.f_locals.get("self"))
        if not is_of_library(frame.f_code.co_filename):
            if key in seen:
                between = [i for i in range(seen[key], at) if not is_of_library(steps[i].tb_frame.f_code.co_filename)]
                return _failure(error, steps, between[-1])
            seen[key] = at
    return None


def _failure(error: BaseException, steps: list[TracebackType], at: int) -> Failure:
    positions = list(steps[at].tb_frame.f_code.co_positions())[steps[at].tb_lasti // 2]
    return Failure(error, steps[at].tb_frame, positions, tuple(step.tb_frame for step in steps[at + 1 :]))


def without_library_frames(error: BaseException) -> BaseException:
    """Return an exception whose traceback begins at the user's code, or is empty if there is none of it."""
    own = (step for step in _steps(error.__traceback__) if not is_of_library(step.tb_frame.f_code.co_filename))
    return error.with_traceback(next(own, None))


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def position_of(node: ast.AST) -> tuple[int | None, ...]:
    """Return the first and last line of a part of a syntax tree, and its first and last column in bytes."""
    return tuple(getattr(node, name, None) for name in ("lineno", "end_lineno", "col_offset", "end_col_offset"))


def short_path(file: str) -> str:
    """Return a path from the folder of installed packages or from the current one; else as it is."""
    path = Path(file)
    for folder in (*(parent for parent in path.parents if parent.name in _INSTALLED), Path.cwd()):
        if folder in path.parents:
            return str(path.relative_to(folder))
    return file


def syntax_of(code: CodeType, source: str) -> ast.AST | None:
    """Return the syntax tree of a function in the source of its file; None if it is not there."""
    for node in _functions(source):
        begin = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        if (begin, getattr(node, "name", "<lambda>")) == (code.co_firstlineno, code.co_name):
            return node
    return None


@lru_cache(4)
def _functions(source: str) -> tuple[ast.FunctionDef | ast.Lambda, ...]:
    """The functions in a source."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda))


def code_in(source: str, code: CodeType) -> CodeType | None:
    """Return the code of a function in a source, where it was compiled to `code`; None if it is not there."""
    try:
        found = [compile(source, code.co_filename, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return None
    while found:
        last = found.pop()
        if (last.co_qualname, last.co_firstlineno) == (code.co_qualname, code.co_firstlineno):
            return last
        found += [constant for constant in last.co_consts if isinstance(constant, CodeType)]
    return None


def user_line() -> Place | None:
    """Return the place and the text of the user's line that is running now; None if none is."""
    frame = user_frame()
    return failure_at(frame).place if frame is not None else None


def user_frame(frame: FrameType | None = None) -> FrameType | None:
    """Return the innermost frame of the network that runs or is built now and is no library's; None if none is.

    Args:
        frame: Where to begin; None for the caller.
    """
    frame = frame or sys._getframe(1)
    while frame is not None and is_of_library(frame.f_code.co_filename):
        frame = frame.f_back if frame.f_code.co_filename not in _TRIALS else None
    return frame


def failure_at(frame: FrameType) -> Failure:
    """Return the place that a frame executes, as if it had raised an exception."""
    return Failure(Exception(), frame, list(frame.f_code.co_positions())[frame.f_lasti // 2])


def definition(function: object) -> Place | None:
    """Return the line of the `def` of a function of the user's; None if there is none."""
    code = getattr(function, "__code__", function)
    if not isinstance(code, CodeType) or not is_of_user(code.co_filename):
        return None
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    found = next((at for at, line in enumerate(lines) if f"def {code.co_name}" in line), None)  # behind decorators
    if found is None:
        return None
    *scope, _ = code.co_qualname.replace(".<locals>", "").split(".")
    where = f"{short_path(code.co_filename)}, line {code.co_firstlineno + found}"
    return f"{where}, in {scope[-1]}" if scope else where, lines[found].strip()
