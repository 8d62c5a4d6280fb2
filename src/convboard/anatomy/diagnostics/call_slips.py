"""Slips in a call: arguments that are missing, of the wrong kind, or in the wrong place."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

import torch
from torch import Tensor, nn
from torch.nn import functional

from convboard.anatomy.diagnostics.source_edits import (
    Edit,
    alias_of,
    arguments_of,
    calls_in,
    class_for,
    input_name,
    with_arguments,
    write,
)
from convboard.anatomy.diagnostics.user_code import Failure

_EXAMPLES = {"kernel_size": 3, "output_size": 1, "scale_factor": 2, "out_channels": 8, "out_features": 10}
_FOUND_BY_LAZY = ("num_features", "in_channels", "in_features")
_KEYWORDS = {"axis": "dim", "axes": "dim", "keepdims": "keepdim"}  # NumPy's name and torch's
_LAYERS_IN_KERAS = ("activation", "dropout", "recurrent_dropout")


def missing_argument(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`F.max_pool2d(x)`, `nn.Conv2d(1, 8)`, `nn.BatchNorm2d()`, `self.attention(x)`, `F.relu()`."""
    names = re.findall(r"'(\w+)'", match[0])
    for call in calls_in(failure):
        value, given = failure.value(call.func), arguments_of(failure, call)
        if names == ["key", "value"] and given:
            new = with_arguments(failure, call, *[given[0]] * 3, *given[1:])
            if not _is_unpacked(failure, call):
                yield write(failure, call, f"{new}[0]", end=": it returns its output and the weights of the attention")
            yield write(failure, call, new)
        elif not given and not isinstance(value, type) and (cls := class_for(value)):
            torch_nn, more = alias_of(failure, nn, "nn")
            new = f"{torch_nn}.{cls.__name__}()"
            yield Edit({call: new}, f"write {new} for {failure.written(call)}", more)
        elif (lazy := getattr(nn, f"Lazy{getattr(value, '__name__', '')}", None)) and names[0] in _FOUND_BY_LAZY:
            new = failure.written(call.func).replace(value.__name__, lazy.__name__)
            yield Edit({call.func: new}, f"write {new}({', '.join(given)}), which finds {names[0]} itself")
        if len(names) == 1 and names[0] in _EXAMPLES:
            example = 2 if "pool" in str(failure.error).lower() else _EXAMPLES[names[0]]
            new = with_arguments(failure, call, *given, f"{names[0]}={example}")
            yield Edit({call: new}, f"give it its {names[0]}, as in {new}")


def _is_unpacked(failure: Failure, call: ast.Call) -> bool:
    """Return whether an item is taken from what a call returns, or several names are assigned to it."""
    return any(
        (isinstance(node, ast.Subscript) and node.value is call)
        or (isinstance(node, ast.Assign) and node.value is call and isinstance(node.targets[0], ast.Tuple))
        for node in failure.nodes
    )


def no_size(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`F.interpolate(x)`."""
    for call in calls_in(failure):
        new = with_arguments(failure, call, *arguments_of(failure, call), "scale_factor=2")
        yield Edit({call: new}, f"give it a size or a scale_factor, as in {new}")


def other_keyword(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`torch.mean(x, axes=1)`, `nn.Conv2d(1, 8, kernel=3)`."""
    for call in calls_in(failure):
        value = failure.value(call.func)
        try:
            known = list(inspect.signature(value).parameters)
        except (TypeError, ValueError):
            known = []
        for keyword in call.keywords:
            if keyword.arg is None or keyword.arg not in match[0]:
                continue
            alike = [name for name in known if name[0] == keyword.arg[0]]  # activation is no slip of dilation
            near = [_KEYWORDS.get(keyword.arg), *get_close_matches(keyword.arg, alike, n=2)]
            for name in dict.fromkeys(name for name in near if name):
                yield write(failure, keyword, f"{name}={failure.written(keyword.value)}")
            others = [text for text in arguments_of(failure, call) if not text.startswith(f"{keyword.arg}=")]
            remedy = f"leave out {failure.written(keyword)}, which {failure.written(call.func)} does not take"
            is_layer = keyword.arg in _LAYERS_IN_KERAS and isinstance(value, type)
            remedy += ": in torch it is a layer of its own behind this one" if is_layer else ""
            yield Edit({call: with_arguments(failure, call, *others)}, remedy)


def whole_numbers(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`nn.Linear(8 * 26 * 26 / 4, 10)`, `x.view(-1, n / 2)`."""
    for call in calls_in(failure):
        divisions = [node for node in ast.walk(call) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
        if divisions:
            outer = divisions[0]
            new = f"{failure.written(outer.left)} // {failure.written(outer.right)}"
            yield write(failure, outer, new, end=": / gives a number with a fraction, // a whole one")
        floats = [node for node in ast.walk(call) if isinstance(failure.value(node), float)]
        if floats and not divisions:
            name = failure.written(floats[0])
            yield write(failure, floats[0], f"int({name})", call, f", or compute {name} with // instead of /")


def text_for_a_number(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`nn.Conv2d(1, "8", 3)`."""
    for call in calls_in(failure):
        for node in (*call.args, *(keyword.value for keyword in call.keywords)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isdigit():
                yield write(failure, node, node.value, call)


def not_in_a_list(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`torch.cat(a, b)`."""
    for call in calls_in(failure):
        given = arguments_of(failure, call)
        plain = [at for at, node in enumerate(call.args) if isinstance(node, ast.Constant)]
        first = plain[0] if plain else len(call.args)
        tensors, rest = f"[{', '.join(given[:first])}]", given[first:]
        for more in (rest,) if rest else (["dim=1"], ["dim=-1"], []):
            yield write(failure, call, with_arguments(failure, call, tensors, *more))


def size_not_called(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`x.view(x.size, -1)`."""
    for call in calls_in(failure):
        for argument in call.args:
            if isinstance(argument, ast.Attribute) and argument.attr == "size":
                yield write(failure, argument, f"{failure.written(argument)}(0)", call)


def method_not_called(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`x.relu` for `x.relu()`."""
    called = {node.func for node in failure.nodes if isinstance(node, ast.Call)}
    for node in failure.nodes:
        if isinstance(node, ast.Attribute) and node not in called and callable(getattr(Tensor, node.attr, None)):
            yield write(failure, node, f"{failure.written(node)}()")


def too_many_arguments(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`self.fc(torch.flatten(x), 1)`, `self.pool(x, 2)`."""
    for call in calls_in(failure):
        if len(call.args) == 2 and not call.keywords:
            first, last = call.args
            if isinstance(first, ast.Call) and isinstance(last, ast.Constant):
                inner = with_arguments(failure, first, *arguments_of(failure, first), failure.written(last))
                yield write(failure, call, with_arguments(failure, call, inner))
            yield write(failure, call, with_arguments(failure, call, failure.written(first)))


def stacked(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`torch.tensor([a, b])` of tensors."""
    for call in calls_in(failure):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("tensor", "Tensor", "FloatTensor"):
            new = f"{failure.written(call.func.value)}.stack({', '.join(arguments_of(failure, call))})"
            yield write(failure, call, new)


def transposed_factor(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`torch.bmm(queries, keys)`."""
    for call in calls_in(failure):
        if len(call.args) == 2:
            yield write(failure, call.args[1], f"{failure.written(call.args[1])}.transpose(1, 2)", call)
    if isinstance(failure.node, ast.BinOp):
        right = failure.node.right
        yield write(failure, right, f"{failure.written(right)}.transpose(-2, -1)", failure.node)


def called_shape(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`x.shape(0)`."""
    for call in calls_in(failure):
        yield write(failure, call, f"{failure.written(call.func)}[{', '.join(arguments_of(failure, call))}]")


def dimensions_of_lstm(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`self.lstm(x)` with a feature map."""
    for call in calls_in(failure):
        for end in (".squeeze(1)", ".flatten(1, 2)", ".flatten(2)"):
            if call.args:
                yield write(failure, call.args[0], f"{failure.written(call.args[0])}{end}", call)


def dimensions_of_permute(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`x.permute(0, 2, 1)` of a feature map."""
    for call in calls_in(failure):
        if isinstance(call.func, ast.Attribute):
            value = failure.written(call.func.value)
            yield write(failure, call.func.value, f"{value}.flatten(2)", call, ": it has four dimensions")


def view_of_moved(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`x.permute(0, 2, 3, 1).view(...)`."""
    for call in calls_in(failure):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "view":
            func = f"{failure.written(call.func.value)}.reshape"
            yield write(failure, call, f"{func}({', '.join(arguments_of(failure, call))})")


def other_unpacking(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`n, c, h = x.shape`."""
    for node in failure.nodes:
        if isinstance(node, ast.Assign) and node.lineno == failure.line and isinstance(node.targets[0], ast.Tuple):
            names = [failure.written(name) for name in node.targets[0].elts]
            if len(names) < 4:
                more = ["h", "w"] if len(names) == 2 else ["w"]
                yield write(failure, node.targets[0], ", ".join([*names, *more][:4]), node)


def not_on_this_device(failure: Failure, _match: re.Match[str]) -> Iterator[Edit]:
    """`x.cuda()` and `.to("cuda")` on a machine without a GPU."""
    end = ": the whole network and the images are moved to the device of the run"
    for node in failure.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.lineno == failure.line:
            value = failure.value(node.func.value)
            if node.func.attr in ("cuda", "to") and not isinstance(value, type(torch)):
                yield Edit({node: failure.written(node.func.value)}, f"leave out .{node.func.attr}(...){end}")
        elif isinstance(node, ast.keyword) and node.arg == "device" and node.lineno == failure.line:
            tensor = input_name(failure)
            if isinstance(failure.value(ast.Name(tensor)), Tensor):
                yield write(failure, node, f"device={tensor}.device")


def function_of_tensor(failure: Failure, match: re.Match[str]) -> Iterator[Edit]:
    """`x.max_pool2d(2)`, and misspelled methods of tensors."""
    name = match[1]
    for node in failure.nodes:
        if not isinstance(node, ast.Attribute) or node.attr != name or node.lineno != failure.line:
            continue
        value = failure.written(node.value)
        call = next((c for c in failure.nodes if isinstance(c, ast.Call) and c.func is node), None)
        for module, usual in ((functional, "F"), (torch, "torch")):
            if call is not None and callable(getattr(module, name, None)):
                alias, names = alias_of(failure, module, usual)
                new = f"{alias}.{name}({', '.join([value, *arguments_of(failure, call)])})"
                yield Edit({call: new}, f"write {new} for {failure.written(call)}", names)
        for near in get_close_matches(name, dir(Tensor), n=3):
            yield write(failure, node, f"{value}.{near}", call)


Proposal = Callable[[Failure, re.Match[str]], Iterator[Edit]]

# Part of an exception's text, with its type in front, and the edits that may mend what causes it.
CALL_SLIPS: tuple[tuple[str, Proposal], ...] = (
    (r"missing \d+ required positional arguments?: .*", missing_argument),
    (r"either size or scale_factor should be defined", no_size),
    (r"unexpected keyword argument .*|received an invalid combination of arguments - got .*=.*", other_keyword),
    (
        r"must be tuple of ints,but got float|of type float|got \(.*\bfloat\b|'float' object cannot be interp",
        whole_numbers,
    ),
    (r"not all arguments converted|\bstr\b|'str'", text_for_a_number),
    (r"must be tuple of Tensors, not Tensor|(?:cat|stack)\(\) (?:received an invalid|takes )", not_in_a_list),
    (r"got \(.*builtin_function_or_method|not builtin_function_or_method", size_not_called),
    (r"builtin_function_or_method|not method", method_not_called),
    (r"takes \d+ positional arguments? but \d+ were given", too_many_arguments),
    (r"only one element tensors can be converted", stacked),
    (r"Expected size for first two dimensions of batch2", transposed_factor),
    (r"'torch.Size' object is not callable", called_shape),
    (r"(?:LSTM|GRU|RNN): Expected input to be 2D or 3D, got 4D", dimensions_of_lstm),
    (r"permute.*input.dim\(\) = 4 is not equal to len\(dims\) = 3", dimensions_of_permute),
    (r"view size is not compatible", view_of_moved),
    (r"too many values to unpack", other_unpacking),
    (r"NVIDIA|CUDA", not_on_this_device),
    (r"'Tensor' object has no attribute '(\w+)'", function_of_tensor),
)
