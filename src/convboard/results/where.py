"""Conditions on runs, such as `optimizer.lr>0.01 and model=lenet`.

A condition compares columns with values by `=`, `!=`, `<`, `<=`, `>`, `>=` and `in`, and joins comparisons by `and`,
`or`, `not` and parentheses. A value is a number, also as in `90%` or `7d`; `true`, `false`, `null`; `#3`; or a text,
which needs quotes only if it is not a single word. It is read as a Python expression, of which only these parts are
understood, and never executed.
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convboard.errors import ConfigError
from convboard.results.durations import SECONDS

Columns = Callable[[str, Any], Any]  # the value that a run has in a column, and what it is compared with
Holds = Callable[[Columns], bool]

# What Python reads otherwise, outside of texts in quotes: = for ==, 90%, 7d, and #3, which would begin a comment.
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"|(?P<equals>(?<![=!<>])=(?!=))"
    rf"|(?<![\w.])(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s?(?P<unit>%|(?:{'|'.join(SECONDS)})\b)"
    r"|(?<!\w)(?P<run>\#\d+)\b"
    r"|(?P<comment>\#)"
)
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {  # the same with the value on the right
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}
_WORDS = {"true": True, "false": False, "null": None}
_EXAMPLE = (
    "Write it as in where='optimizer.lr>0.01 and model=lenet': comparisons, joined by and, or, not. A text that is "
    "more than a word needs quotes."
)


@dataclass(frozen=True)
class Condition:
    """A condition on runs.

    Attributes:
        columns: The columns that it compares.
        holds: Returns whether it holds, from a function that gives the columns of a run.
    """

    columns: tuple[str, ...]
    holds: Holds


def parse_where(text: str) -> Condition:
    """Return a condition from its text.

    Raises:
        ConfigError: It cannot be read.
    """
    parser = _Parser()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, on `1and` and the like
            tree = ast.parse(_TOKEN.sub(_in_python, text.strip()), mode="eval")
        holds = parser.condition(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"where={text!r} cannot be read. {_EXAMPLE}") from error
    return Condition(tuple(dict.fromkeys(parser.columns)), holds)


def _in_python(found: re.Match[str]) -> str:
    """Return a part of a condition as Python reads it."""
    if found["equals"]:
        return "=="
    if found["unit"]:
        number = float(found["number"])
        return repr(number / 100 if found["unit"] == "%" else number * SECONDS[found["unit"]])
    if found["comment"]:
        raise SyntaxError(found.string)
    return repr(found["run"]) if found["run"] else found["text"]


class _Parser:
    """Makes functions of a syntax tree.

    Attributes:
        columns: The columns that were compared so far.
    """

    def __init__(self) -> None:
        self.columns: list[str] = []

    def condition(self, node: ast.expr) -> Holds:
        """Return whether comparisons hold that are joined."""
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self.condition(value) for value in values]
                joined = all if isinstance(op, ast.And) else any
                return lambda columns: joined(part(columns) for part in parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                negated = self.condition(operand)
                return lambda columns: not negated(columns)
            case ast.Compare(left=left, ops=ops, comparators=others):
                sides = [left, *others]
                pairs = [self._comparison(a, op, b) for a, op, b in zip(sides[:-1], ops, sides[1:], strict=True)]
                return lambda columns: all(pair(columns) for pair in pairs)
        raise ConfigError(f"where: {_unparsed(node)} is no comparison. {_EXAMPLE}")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Holds:
        """Return a comparison of a column with a value, which may also be on the left."""
        if _is_number(left):
            if type(op) not in _SWAPPED:
                raise ConfigError(
                    f"where: {ast.unparse(left)}: only =, !=, <, <=, >, >= can follow a number. {_EXAMPLE}"
                )
            return self._comparison(right, _SWAPPED[type(op)](), left)
        column = _name(left)
        self.columns.append(column)
        if isinstance(op, (ast.In, ast.NotIn)):
            items = right.elts if isinstance(right, (ast.List, ast.Tuple)) else [right]  # (a) is a in Python
            values = [_literal(item) for item in items]
            wanted = isinstance(op, ast.In)
            return lambda columns: any(_equal(columns(column, value), value) for value in values) == wanted
        value = _literal(right)
        if isinstance(op, (ast.Eq, ast.NotEq)):
            return lambda columns: _equal(columns(column, value), value) == isinstance(op, ast.Eq)
        if type(op) not in _COMPARISONS:
            raise ConfigError(f"where: {_unparsed(right)}: only =, !=, <, <=, >, >= and in can be used. {_EXAMPLE}")
        compare = _COMPARISONS[type(op)]
        return lambda columns: _safely(compare, columns(column, value), value)


def _unparsed(node: ast.expr) -> str:
    return repr(ast.unparse(node).replace("==", "="))


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) or (isinstance(node, ast.Constant) and not isinstance(node.value, str))


def _name(node: ast.expr) -> str:
    """Return the name of a column: `optimizer.lr`, or `accuracy/val`, which is read as a division."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{_name(value)}.{attribute}"
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return f"{_name(left)}/{_name(right)}"
        case ast.Constant(value=str(name)):
            return name
    raise ConfigError(f"where: {_unparsed(node)} is no column. {_EXAMPLE}")


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Name(id=word) if word.lower() in _WORDS:
            return _WORDS[word.lower()]
        case ast.Name() | ast.Attribute() | ast.BinOp(op=ast.Div()):
            return _name(node)
        case ast.List() | ast.Tuple():
            return ast.unparse(node).replace("(", "[").replace(")", "]")
    raise ConfigError(f"where: {_unparsed(node)} is no value. {_EXAMPLE}")


def _equal(found: Any, wanted: Any) -> bool:
    """Return whether values are equal; texts without regard to case."""
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _safely(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    """Compare by size; what has no value, or is no number, is neither smaller nor larger."""
    try:
        return left is not None and right is not None and bool(compare(left, right))
    except TypeError:
        return False
