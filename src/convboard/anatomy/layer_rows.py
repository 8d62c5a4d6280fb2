"""The network as rows: one for each layer and function that ran, its figures worked out from its call."""

from collections.abc import Iterable
from math import prod
from typing import Any

from torch import nn

from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.layer_row import LayerRow
from convboard.anatomy.receptive_field.lookup import field_of, view_of
from convboard.anatomy.sliding_window import Pair, Window
from convboard.anatomy.trace import Call, has_parts


def rows_of(model: nn.Module, run: DryRun) -> list[LayerRow]:
    """The rows of a run, as far as it came, followed by those of parameters that belong to no row."""
    counted: set[int] = set()
    macs = 0
    rows: list[LayerRow] = []
    for call in run.calls:
        if call.output_shape is not None:
            before, macs = macs, call.views[0] if call.views else macs
            rows.append(_row(call, run, macs - before, counted))
    if run.error is not None:
        return rows
    defined = {module: place for place, module in enumerate(model.modules())}
    ran = [call for call in run.calls if call.output_shape is not None]
    places = [defined.get(call.module, -1) if call.module else -1 for call in ran]
    for name, module in model.named_modules():
        if parameters := _count_fresh(module.parameters(recurse=False), counted):
            place = defined[module]
            at = next((at for at, other in enumerate(places) if other > place), len(rows))
            rows.insert(at, _row_without_call(name, module, parameters))
            places.insert(at, place)
    return rows


def _count_fresh(parameters: Iterable[nn.Parameter], counted: set[int]) -> int:
    """How many numbers there are in the parameters whose ids are not among ``counted``, to which they are added."""
    fresh = {id(parameter): parameter for parameter in parameters if id(parameter) not in counted}
    counted.update(fresh)
    return sum(parameter.numel() for parameter in fresh.values())


def _row(call: Call, run: DryRun, macs: int, counted: set[int]) -> LayerRow:
    """The row of one call; ``counted`` holds the ids of the parameters of the rows before."""
    window = call.window
    field, view = field_of(call, run), view_of(call)
    parameters = call.module.parameters() if call.module else call.functions[0].parameters
    is_of_images = view is not None if call.views else bool(call.inputs)
    batch_size, first = (run.batch_size, 1) if is_of_images else (1, 0)  # what does not come from images has no batch
    input_shape, output_shape = call.input_shape[first:], (call.output_shape or ())[first:]
    convolution = call.function("conv2d", "conv_transpose2d")
    return LayerRow(
        name=call.name,
        type=call.type,
        inputs=call.inputs,
        kernel_size=window.kernel_size if window else None,
        stride=window.stride if window else None,
        padding=_padding(call, window) if window else None,
        dilation=window.dilation if window else None,
        groups=convolution.arguments.get("groups", 1) if convolution else None,
        input_shape=input_shape,
        output_shape=output_shape,
        formula=formula(call),
        same_padding=window.same_padding if window else None,
        parameters=_count_fresh(parameters, counted),
        dense_parameters=prod(input_shape) * output_shape[0] if convolution and len(output_shape) == 3 else None,
        macs=macs // batch_size,
        output_bytes=call.output_bytes // batch_size,
        receptive_field=field.size if field else view.largest() if view else None,
        receptive_stride=field.stride if field and field.slides else None,
        receptive_center=field.center if field and field.slides else None,
        effective_kernel=window.extent if window else None,
    )


def _padding(call: Call, window: Window) -> Pair | str:
    """As the layer says it, which may pad by a function of its own (padding_mode)."""
    padding = getattr(call.module, "padding", None)
    if padding == "same":
        return "same"
    if isinstance(padding, tuple) and len(padding) == 2:
        return padding
    return window.total_padding[0] // 2, window.total_padding[1] // 2


def _row_without_call(name: str, module: nn.Module, parameters: int) -> LayerRow:
    """The row of parameters that belong to no layer that ran."""
    has_children = has_parts(module)
    label = f"{name} (own parameters)".lstrip() if has_children else f"{name or type(module).__name__} (not called)"
    blank: dict[str, Any] = dict.fromkeys(LayerRow.__dataclass_fields__)
    shapes: dict[str, Any] = {
        "inputs": (),
        "input_shape": (),
        "output_shape": (),
        "formula": "",
        "macs": 0,
        "output_bytes": 0,
    }
    return LayerRow(**{**blank, **shapes, "name": label, "type": type(module).__name__, "parameters": parameters})


def formula(call: Call) -> str:
    """How the output size follows from the input's; empty where it does not, or where the call failed."""
    shape, output = call.input_shape, call.output_shape
    window = call.window
    if window is not None and len(shape) == 4:
        padding = getattr(call.module, "padding", None)
        if getattr(call.module, "padding_mode", "zeros") != "zeros" and isinstance(padding, tuple):
            window = window.padded((2 * padding[0], 2 * padding[1]))  # it pads by a function of its own
        return window.formula((shape[2], shape[3]))
    is_flattened = call.function("flatten", "view", "reshape") is not None
    if is_flattened and output is not None and len(output) == 2 and output[0] == shape[0] and len(shape) > 2:
        return f"{'·'.join(map(str, shape[1:]))} = {output[1]}"
    return ""
