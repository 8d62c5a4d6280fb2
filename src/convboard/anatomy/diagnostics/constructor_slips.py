"""Slips in the calls of layers' constructors: values that a layer does not take, and layers that are none."""

import ast
import re
from collections.abc import Iterator

from torch import nn

from convboard.anatomy.diagnostics.call_slips import Proposal
from convboard.anatomy.diagnostics.module_definition import padding_for_stride
from convboard.anatomy.diagnostics.source_edits import (
    Edit,
    alias_of,
    arguments_of,
    calls_in,
    class_for,
    with_arguments,
    write,
)
from convboard.anatomy.diagnostics.user_code import Failure
from convboard.anatomy.diagnostics.wording import divisors, listed, sizes


def layers_in_a_list(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`nn.ModuleList(a, b)`."""
    for call in calls_in(failure):
        if failure.value(call.func) is nn.ModuleList:
            yield write(failure, call, with_arguments(failure, call, f"[{', '.join(arguments_of(failure, call))}]"))


def not_a_layer(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`nn.Sequential([a, b])`, and `nn.ReLU` or `F.relu` among layers."""
    for call in calls_in(failure):
        changes: dict[ast.AST, str] = {}
        for node in (inner for argument in call.args for inner in ast.walk(argument)):
            value = failure.value(node)
            if isinstance(value, type) and issubclass(value, nn.Module) and not _is_called(call, node):
                changes[node] = f"{failure.written(node)}()"
            elif not isinstance(value, type) and (cls := class_for(value)) and not _is_called(call, node):
                changes[node] = f"{alias_of(failure, nn, 'nn')[0]}.{cls.__name__}()"
        if changes:
            words = [f"{new} for {failure.written(node)}" for node, new in changes.items()]
            yield Edit(changes, f"write {' and '.join(words)}")
        elif len(call.args) == 1:
            yield write(failure, call, with_arguments(failure, call, f"*{failure.written(call.args[0])}"))


def _is_called(within: ast.AST, node: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) and one.func is node for one in ast.walk(within)) or any(
        isinstance(one, ast.Attribute) and one.value is node for one in ast.walk(within)
    )


def same_padding(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`nn.Conv2d(1, 8, 3, stride=2, padding="same")`."""
    padding, stride = padding_for_stride(failure.error), failure.local("stride", "dilation")
    for call in calls_in(failure):
        for keyword in (one for one in call.keywords if one.arg == "padding"):
            if padding is not None and stride is not None:
                by = sizes(stride[0], short=True)
                end = f", with which stride {by} divides the size by {by}"
                yield write(failure, keyword, f"padding={padding}", end=end)


def padding_word(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`padding="SAME"`."""
    for call in calls_in(failure):
        for keyword in (one for one in call.keywords if one.arg == "padding"):
            yield write(failure, keyword, f'padding="{match[1].lower()}"')


def dropout_percentage(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`nn.Dropout(50)`."""
    for call in calls_in(failure):
        for node in ast.walk(call):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, int | float) and str(value) == match[1].rstrip(".") and 1 < value <= 100:
                yield write(failure, node, f"{value / 100:g}", call)


def attention_heads(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`nn.MultiheadAttention(28, 8)`."""
    found = failure.local("embed_dim", "num_heads")
    for call in calls_in(failure):
        for node in (*call.args, *(keyword.value for keyword in call.keywords)):
            value = node.value if isinstance(node, ast.Constant) else failure.value(node)
            if found and isinstance(value, int) and value == found[1]:
                good = divisors(found[0])
                near = min(good, key=lambda heads: abs(heads - found[1]))
                yield write(failure, node, str(near), call, f": heads that divide {found[0]} are {listed(good)}")


def super_of_another(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`super(LeNet, self).__init__()` in a class called Net."""
    _, _, own = failure.frame.f_code.co_qualname.rpartition(".")[0].rpartition(".")  # empty outside of a class
    for call in (node for node in failure.nodes if isinstance(node, ast.Call)):
        if own and failure.written(call.func) == "super" and call.args and call.lineno == failure.line:
            new = with_arguments(failure, call, own, *map(failure.written, call.args[1:]))
            yield Edit({call: new}, f"write super() for {failure.written(call)}: the class is called {own}")


CONSTRUCTOR_SLIPS: tuple[tuple[str, Proposal], ...] = (
    (r"ModuleList.__init__\(\) takes", layers_in_a_list),
    (r"is not a Module subclass", not_a_layer),
    (r"padding='same' is not supported for strided", same_padding),
    (r"Invalid padding string '(\w+)'", padding_word),
    (r"dropout probability has to be between 0 and 1, but got (\d+\.?\d*)", dropout_percentage),
    (r"super\(type, obj\): obj", super_of_another),
    (r"embed_dim must be divisible by num_heads", attention_heads),
)
