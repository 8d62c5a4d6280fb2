"""The layers of a network as rows, for tables, JSON and the board: one for each layer and function that ran."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import nn

from convboard.anatomy.costs import MacCounter, Macs
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.function_call import Pair, Window
from convboard.anatomy.module_paths import named_modules
from convboard.anatomy.receptive_field.bounding_boxes import BoundingBoxes
from convboard.anatomy.receptive_field.boxes import TensorBoxes
from convboard.anatomy.receptive_field.theoretical import Axes, Field, FieldTracker, field_of
from convboard.anatomy.trace import UNKNOWN, Call, Shape, has_children

TRACKERS = (MacCounter, FieldTracker, BoundingBoxes)
"""The trackers of a dry run whose calls are made into rows; `Call.tracked` has this order."""


@dataclass(frozen=True)
class LayerRow:
    """One layer or function as it ran; every pair is (height, width), every shape is without the batch.

    Attributes:
        name: Module path; the second call of a shared layer is `name:2`. The name of a function follows the path of
            the module that calls it. Parameters that belong to no other row have one of their own without shapes:
            `name (own parameters)` for a module with children, `name (not called)` for a layer.
        type: The module's class, such as Conv2d, or the function's name, such as relu.
        inputs: Names of the rows whose outputs are its inputs; `input` stands for the image.
        kernel_size: Of its sliding window in pixels; like the next four, None without a window.
        stride: In pixels.
        padding: In pixels on each side, or torch's `same`.
        dilation: In pixels.
        groups: Number of groups that the channels are divided into; None if it is not a convolution.
        input_shape: Shape of its first tensor argument.
        output_shape: Shape of the first tensor that it returns.
        formula: The formula of the output size with its numbers; empty if there is none.
        same_padding: Padding that keeps the size, d·(k−1)/2 pixels on each side, or torch's `same` where this is not
            a whole number; None where the stride is not 1, and without a window.
        parameters: Number of parameters that this row adds: shared ones are counted where they first run.
        frozen_parameters: Number of those that are not trained, whose `requires_grad` is False.
        parameter_bytes: Bytes of the parameters that this row adds.
        dense_parameters: Number of weights of a fully connected layer from the whole input to the whole output, the
            product of both sizes; None if it is not a convolution.
        macs: Multiply-accumulate operations for one image, half of what `torch.utils.flop_counter` counts. What a layer
            computes from its parameters alone, such as the weights of a spectral normalisation, is not counted.
        output_bytes: Bytes of the output for one image; for a block, of all outputs inside it.
        receptive_field: Size in pixels of the receptive field of one unit in an image without borders; for units
            without positions, such as those of a Linear, in the image at hand. None if no unit depends on the image;
            `unknown` if something that no trace can see took part, such as NumPy or vmap.
        receptive_stride: Pixels of the image from the receptive field of one unit to the next; None for units without
            positions.
        receptive_center: Centre of the first unit's receptive field, where pixel i extends from i − 0.5 to i + 0.5;
            None for units without positions.
        effective_kernel: Pixels that the window spans with its dilation, d·(k−1) + 1.
        calls: How many rows it stands for: 1 except for a block, which `blocks` makes of the rows inside it.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    kernel_size: Pair | None
    stride: Pair | None
    padding: Pair | str | None
    dilation: Pair | None
    groups: int | None
    input_shape: Shape
    output_shape: Shape
    formula: str
    same_padding: Pair | str | None
    parameters: int
    frozen_parameters: int
    parameter_bytes: int
    dense_parameters: int | None
    macs: int
    output_bytes: int
    receptive_field: Pair | str | None
    receptive_stride: Pair | None
    receptive_center: tuple[float, float] | None
    effective_kernel: Pair | None
    calls: int = 1


def rows_of(model: nn.Module, run: DryRun) -> list[LayerRow]:
    """Make the rows of a dry run.

    Args:
        model: The network.
        run: Its dry run. Without `TRACKERS`, the rows have no multiply-accumulates and no receptive fields.

    Returns:
        A row for each call that returned. If the network did not raise, there is also one for each module whose
        parameters belong to no call, where the module is defined.
    """
    counted: set[int] = set()
    fields: dict[tuple[int, int], Field | None] = {}
    macs = Macs(0, 0)
    rows: list[LayerRow] = []
    for call in run.calls:
        if call.output_shape is not None:
            before, macs = macs, call.tracked[0] if call.tracked else macs
            own = Macs(macs.of_images - before.of_images, macs.others - before.others)
            rows.append(_row(call, run, own.of_images if call.is_of_images else own.others, counted, fields))
    if run.error is not None:
        return rows
    defined = {module: position for position, module in enumerate(model.modules())}
    ran = [call for call in run.calls if call.output_shape is not None]
    positions = [defined.get(call.module, -1) if call.module else -1 for call in ran]
    for name, module in named_modules(model):
        if parameters := _new(module.parameters(recurse=False), counted):
            position = defined[module]
            at = next((at for at, other in enumerate(positions) if other > position), len(rows))
            rows.insert(at, _row_without_call(name, module, parameters, module in run.modules))
            positions.insert(at, position)
    return rows


def boxes_of(call: Call) -> TensorBoxes | None:
    """Return the receptive fields of a call's units; None if it did not return, or does not depend on the image."""
    boxes: TensorBoxes | None = call.tracked[2] if call.tracked else None
    return boxes


def size_formula(call: Call) -> str:
    """Return the formula of a call's output size with its numbers; empty if there is none."""
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


def _new(parameters: Iterable[nn.Parameter], counted: set[int]) -> list[nn.Parameter]:
    """Return the parameters whose ids are not in `counted`, and add their ids to it."""
    new = {id(parameter): parameter for parameter in parameters if id(parameter) not in counted}
    counted.update(new)
    return list(new.values())


def _sizes_of(parameters: list[nn.Parameter]) -> dict[str, int]:
    """The fields of a row that describe its parameters."""
    return {
        "parameters": sum(parameter.numel() for parameter in parameters),
        "frozen_parameters": sum(parameter.numel() for parameter in parameters if not parameter.requires_grad),
        "parameter_bytes": sum(parameter.numel() * parameter.element_size() for parameter in parameters),
    }


def _row(
    call: Call, run: DryRun, macs: int, counted: set[int], fields: dict[tuple[int, int], Field | None]
) -> LayerRow:
    """The row of one call.

    Args:
        call: The call.
        run: The run that it is of.
        macs: Its multiply-accumulates for the whole batch.
        counted: The ids of the parameters of the rows before.
        fields: The fields of the rows before, by the ids of what they were found from, which many rows share.
    """
    window, boxes = call.window, boxes_of(call)
    key = id(call.tracked[1] if call.tracked else None), id(boxes)
    if key not in fields:
        fields[key] = _field_of(call, run)
    field = fields[key]
    parameters = call.module.parameters() if call.module else call.parameters
    batch_size = run.batch_size if call.is_of_images or any(call.has_batch) else 1
    input_shape = call.input_shape[call.has_batch[0] :]
    output_shape = (call.output_shape or ())[call.has_batch[1] :]
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
        formula=size_formula(call),
        same_padding=window.same_padding if window else None,
        dense_parameters=prod(input_shape) * prod(output_shape) if convolution else None,
        macs=macs // batch_size,
        output_bytes=call.output_bytes // batch_size,
        receptive_field=_size_of_field(call, field, boxes),
        receptive_stride=field.stride if field and field.is_spatial else None,
        receptive_center=field.center if field and field.is_spatial else None,
        effective_kernel=window.extent if window else None,
        **_sizes_of(_new(parameters, counted)),
    )


def _size_of_field(call: Call, field: Field | None, boxes: TensorBoxes | None) -> Pair | str | None:
    """The size of the receptive field of one unit."""
    if not call.is_known:
        return UNKNOWN
    return field.size if field else boxes.largest if boxes else None


def _field_of(call: Call, run: DryRun) -> Field | None:
    """The theoretical receptive field of a call's units; None where the units have different ones.

    Where a unit's field is inside the image, its exact box takes the place of the theoretical field, which does not
    distinguish channels: a function may have selected only channels with smaller fields.
    """
    axes: Axes | None = call.tracked[1] if call.tracked else None
    field, boxes = field_of(axes) if axes else None, boxes_of(call)
    if field is None or boxes is None or not field.is_spatial or len(call.output_shape or ()) != 4:
        return field
    each = zip(field.size, field.stride, field.start, run.image_shape[1:], boxes.spans)
    exact = [_exact_along(*axis) for axis in each]
    return Field((exact[0][0], exact[1][0]), field.stride, (exact[0][1], exact[1][1]))


def _exact_along(size: int, stride: int, start: int, side: int, spans: list[Pair]) -> Pair:
    """Size and start of a field along an axis, from the largest boxes of the units whose field is inside the image."""
    inside = [
        (first - unit * stride, end - unit * stride)
        for unit, (first, end) in enumerate(spans)
        if first < end and 0 <= start + unit * stride <= side - size
    ]
    if not inside:
        return size, start
    firsts, ends = zip(*inside)
    return max(ends) - min(firsts), min(firsts)


def _padding(call: Call, window: Window) -> Pair | str:
    """The padding as the layer has it: with a padding_mode, it pads by a function of its own."""
    padding = getattr(call.module, "padding", None)
    if padding == "same" or (isinstance(padding, tuple) and len(padding) == 2):
        return padding
    return window.total_padding[0] // 2, window.total_padding[1] // 2


def _row_without_call(name: str, module: nn.Module, parameters: list[nn.Parameter], ran: bool) -> LayerRow:
    """The row of parameters that belong to no call, of a module that `ran` or did not."""
    label = f"{name or type(module).__name__} (not called)"
    if ran or has_children(module):
        label = f"{name} (own parameters)".lstrip()
    blank: dict[str, Any] = dict.fromkeys(LayerRow.__dataclass_fields__)
    empty: dict[str, Any] = dict.fromkeys(("inputs", "input_shape", "output_shape"), ())
    zero: dict[str, Any] = dict.fromkeys(("macs", "output_bytes"), 0)
    known = {"calls": 1, "name": label, "type": type(module).__name__, "formula": "", **_sizes_of(parameters)}
    return LayerRow(**blank | empty | zero | known)
