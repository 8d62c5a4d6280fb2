"""The network as a table: a row for each layer that runs, and the table as text or Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from convboard.anatomy.dry_run import LayerCall, Shape, dry_run
from convboard.anatomy.windows import Pair, window_of


@dataclass(frozen=True)
class LayerRow:
    """One layer, as it ran.

    Attributes:
        name: Module path; the second call of a shared layer is ``name:2``. Parameters beside the layers that ran have
            a row of their own, without shapes: ``name (own parameters)`` of a module that has children,
            ``name (not called)`` of a layer that was never called.
        type: The module's class, such as Conv2d.
        kernel_size: (height, width) in pixels; like the next four, None where the layer has no window.
        stride: (height, width) in pixels.
        padding: (height, width) in pixels on each side, or torch's word ``same``.
        dilation: (height, width) in pixels.
        groups: Into how many groups the channels fall; convolutions alone have them.
        input_shape: Shape of what it is given, without the batch.
        output_shape: Shape of what it gives, without the batch.
        formula: The output size with its numbers put in; empty where the size does not follow from one.
        parameters: Parameters that this row adds: shared ones are counted where they first run.
    """

    name: str
    type: str
    kernel_size: Pair | None
    stride: Pair | None
    padding: Pair | str | None
    dilation: Pair | None
    groups: int | None
    input_shape: Shape
    output_shape: Shape
    formula: str
    parameters: int


def layer_table(model: nn.Module, input_shape: Shape) -> list[LayerRow]:
    """Run a network once on two black images and describe each layer (module without children) that ran.

    The rows' parameters add up to the network's: those outside the layers have rows where their modules are defined.

    The network, its modes and buffers and the random numbers are left as they were.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image.

    Raises:
        Exception: Whatever the network raises on images of this shape; ``check_fit`` explains it.
    """
    run = dry_run(model, input_shape)
    if run.error is not None:
        raise run.error
    counted: set[int] = set()
    rows = [_row(call, counted) for call in run.calls]
    defined = {module: place for place, module in enumerate(model.modules())}
    places = [defined[call.module] for call in run.calls]
    for name, module in model.named_modules():
        if parameters := _count_fresh(module.parameters(recurse=False), counted):
            place = defined[module]
            at = next((at for at, other in enumerate(places) if other > place), len(rows))
            rows.insert(at, _row_without_call(name, module, parameters))
            places.insert(at, place)
    return rows


def _count_fresh(parameters: Iterable[nn.Parameter], counted: set[int]) -> int:
    """How many numbers there are in the parameters whose ids are not among ``counted``, to which they are added."""
    fresh = [parameter for parameter in parameters if id(parameter) not in counted]
    counted.update(map(id, fresh))
    return sum(parameter.numel() for parameter in fresh)


def _row(call: LayerCall, counted: set[int]) -> LayerRow:
    """The row of one call; ``counted`` holds the ids of the parameters of the rows before."""
    module: Any = call.module
    window = window_of(call.module)
    padding: Pair | str | None = None
    if window is not None:
        height, width = window.total_padding
        padding = "same" if getattr(module, "padding", 0) == "same" else (height // 2, width // 2)
    return LayerRow(
        name=call.name,
        type=type(call.module).__name__,
        kernel_size=window.kernel_size if window else None,
        stride=window.stride if window else None,
        padding=padding,
        dilation=window.dilation if window else None,
        groups=getattr(module, "groups", None) if window else None,
        input_shape=call.input_shape[1:],
        output_shape=(call.output_shape or ())[1:],
        formula=_formula(call),
        parameters=_count_fresh(call.module.parameters(), counted),
    )


def _row_without_call(name: str, module: nn.Module, parameters: int) -> LayerRow:
    """The row of parameters that belong to no layer that ran."""
    has_children = next(module.children(), None) is not None
    label = f"{name} (own parameters)".lstrip() if has_children else f"{name or type(module).__name__} (not called)"
    return LayerRow(label, type(module).__name__, None, None, None, None, None, (), (), "", parameters)


def _formula(call: LayerCall) -> str:
    """How the output size follows from the input's."""
    window = window_of(call.module)
    if window is not None and len(call.input_shape) == 4:
        return window.formula((call.input_shape[2], call.input_shape[3]))
    if isinstance(call.module, nn.Flatten) and call.output_shape is not None and len(call.output_shape) == 2:
        return f"{'·'.join(map(str, call.input_shape[1:]))} = {call.output_shape[1]}"
    return ""


def format_table(rows: Sequence[LayerRow], style: Literal["markdown", "text"] = "markdown") -> str:
    """The table as a person reads it, with the sum of the parameters below.

    Dilation and groups are shown only where a layer has one other than 1.

    Args:
        rows: What ``layer_table`` gives.
        style: ``markdown`` for TensorBoard's text tab and documents, ``text`` for a terminal.
    """
    columns = {
        "layer": [row.name for row in rows],
        "type": [row.type for row in rows],
        "kernel": [_times(row.kernel_size) for row in rows],
        "stride": [_times(row.stride) for row in rows],
        "padding": [_times(row.padding) for row in rows],
        "dilation": [_times(row.dilation) for row in rows],
        "groups": [str(row.groups or "") for row in rows],
        "input": [_times(row.input_shape) for row in rows],
        "output": [_times(row.output_shape) for row in rows],
        "parameters": [f"{row.parameters:,}" if row.parameters else "" for row in rows],
        "size of the output": [row.formula for row in rows],
    }
    for name, usual in (("dilation", {"", "1x1"}), ("groups", {"", "1"})):
        if usual.issuperset(columns[name]):
            del columns[name]
    total = f"Parameters of these layers: {sum(row.parameters for row in rows):,}"
    return f"{_markdown(columns) if style == 'markdown' else _text(columns)}\n\n{total}"


def _markdown(columns: dict[str, list[str]]) -> str:
    ruler = ["---:" if name == "parameters" else "---" for name in columns]
    lines = [list(columns), ruler, *map(list, zip(*columns.values()))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(columns: dict[str, list[str]]) -> str:
    widths = [max(len(cell) for cell in (name, *cells)) for name, cells in columns.items()]
    lines = [list(columns), ["─" * width for width in widths], *map(list, zip(*columns.values()))]
    aligned = [
        [cell.rjust(width) if name == "parameters" else cell.ljust(width) for cell, width, name in row]
        for row in (zip(line, widths, columns) for line in lines)
    ]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _times(value: tuple[int, ...] | str | None) -> str:
    """``(5, 5)`` as ``5x5``."""
    return value if isinstance(value, str) else "x".join(map(str, value or ()))
