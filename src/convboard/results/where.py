"""Conditions on runs, such as `optimizer.lr>0.01 and model=lenet`.

A condition compares columns with values by `=`, `!=`, `<`, `<=`, `>`, `>=` and `in`, and joins comparisons by `and`,
`or`, `not` and parentheses. A value is a number, `true`, `false`, `null`, or a text, which needs quotes only if it is
not a single word. It is read as a Python expression, of which only these parts are understood, and never executed.
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable
from typing import Any

from convboard.errors import ConfigError

Columns = Callable[[str], Any]  # the value of a column of a run
Condition = Callable[[Columns], bool]

_EQUALS = re.compile(r"(?<![=!<>])=(?!=)|(\"[^\"]*\"|'[^']*')")
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


def parse_where(text: str) -> Condition:
    """Return a condition as a function of the columns of a run.

    Args:
        text: The condition.

    Raises:
        ConfigError: It cannot be read. A column that does not exist is found when the condition is used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, on `1and` and the like
            tree = ast.parse(_EQUALS.sub(lambda found: found[1] or "==", text.strip()), mode="eval")
        return _condition(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"where={text!r} cannot be read. {_EXAMPLE}") from error


_EXAMPLE = "Write it as in where='optimizer.lr>0.01 and model=lenet'; a text that is more than a word needs quotes."


def _condition(node: ast.expr) -> Condition:
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_condition(value) for value in values]
            joined = all if isinstance(op, ast.And) else any
            return lambda columns: joined(part(columns) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            negated = _condition(operand)
            return lambda columns: not negated(columns)
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            pairs = [_comparison(a, op, b) for a, op, b in zip(sides[:-1], ops, sides[1:], strict=True)]
            return lambda columns: all(pair(columns) for pair in pairs)
    raise ConfigError(f"where: {ast.unparse(node)!r} is no comparison. {_EXAMPLE}")


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
    """Return a comparison of a column with a value, which may also be on the left."""
    if _is_number(left):
        if type(op) not in _SWAPPED:
            raise ConfigError(f"where: {ast.unparse(left)}: only =, !=, <, <=, >, >= can follow a number. {_EXAMPLE}")
        return _comparison(right, _SWAPPED[type(op)](), left)
    column = _name(left)
    if isinstance(op, (ast.In, ast.NotIn)):
        if not isinstance(right, (ast.List, ast.Tuple)):
            raise ConfigError(
                f"where: {column} in ...: write the values in parentheses, as in model in (lenet,resnet18)."
            )
        values = [_literal(item) for item in right.elts]
        wanted = isinstance(op, ast.In)
        return lambda columns: any(_equal(columns(column), value) for value in values) == wanted
    value = _literal(right)
    if isinstance(op, (ast.Eq, ast.NotEq)):
        return lambda columns: _equal(columns(column), value) == isinstance(op, ast.Eq)
    if type(op) not in _COMPARISONS:
        raise ConfigError(f"where: {ast.unparse(right)!r}: only =, !=, <, <=, >, >= and in can be used. {_EXAMPLE}")
    compare = _COMPARISONS[type(op)]
    return lambda columns: _safely(compare, columns(column), value)


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
    raise ConfigError(f"where: {ast.unparse(node)!r} is no column. {_EXAMPLE}")


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
    raise ConfigError(f"where: {ast.unparse(node)!r} is no value. {_EXAMPLE}")


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
