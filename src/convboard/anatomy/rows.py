"""The network as rows: one for each layer and function that runs, and what there is to know of it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from torch import nn

from convboard.anatomy.boxes import Box, Boxes, View
from convboard.anatomy.costs import Costs
from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.fields import Field, Fields, Sizes
from convboard.anatomy.functions import AVERAGING
from convboard.anatomy.trace import Call, Shape, has_parts
from convboard.anatomy.windows import Pair, Window
from convboard.errors import ModelError, nearest

RECORD_VERSION = 1


@dataclass(frozen=True)
class LayerRow:
    """One layer or function, as it ran; every pair is (height, width), every shape is without the batch.

    Attributes:
        name: Module path; the second call of a shared layer is ``name:2``; a function's name stands behind the path of
            the module that calls it. Parameters that belong to no row have one of their own, without shapes:
            ``name (own parameters)`` of a module that has children, ``name (not called)`` of a layer.
        type: The module's class, such as Conv2d, or the function's name, such as relu.
        inputs: Names of the rows whose outputs it is given; ``input`` stands for the image.
        kernel_size: Of its window, in pixels; like the next four, None where it has no window.
        stride: In pixels.
        padding: In pixels on each side, or torch's word ``same``.
        dilation: In pixels.
        groups: Into how many groups the channels fall; convolutions alone have them.
        input_shape: Of the first tensor that it is given.
        output_shape: Of the first tensor that it gives.
        formula: The output size with its numbers put in; empty where the size does not follow from one.
        same_padding: What would keep the size: d·(k−1)/2 pixels on each side, or ``same``, torch's word, where that is
            no whole number; None where the stride makes the output smaller, or there is no window.
        parameters: Parameters that this row adds: shared ones are counted where they first run.
        dense_parameters: Weights that a fully connected layer from the whole input to as many units as there are output
            channels would need, H·W·C_in·C_out; of convolutions alone.
        macs: Multiply-accumulate operations for one image, half of what ``torch.utils.flop_counter`` counts.
        output_bytes: Bytes of the output for one image.
        receptive_field: Pixels of the image that one unit sees, were the image large enough; of units that do not slide
            over it, such as those of a Linear, of the image that it is. None where nothing of the image is seen.
        receptive_stride: Pixels of the image from one unit to the next; None where units do not slide.
        receptive_center: The middle of what the first unit sees, in which the image's first pixel reaches from -0.5 to
            0.5; None where units do not slide.
        effective_kernel: Pixels that the window spans under its dilation, d·(k−1) + 1.
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
    dense_parameters: int | None
    macs: int
    output_bytes: int
    receptive_field: Pair | None
    receptive_stride: Pair | None
    receptive_center: Sizes | None
    effective_kernel: Pair | None


@dataclass(frozen=True)
class Anatomy:
    """A network, looked at once.

    Attributes:
        input_shape: (C, H, W) of an image.
        rows: What ran, in order.
        boxes: For each row whose output is a picture the pixels ``(first, last + 1)`` of the image that its units see,
            by rows and by columns of units.
        averages: For each row that is an ``avg_pool2d`` its ``count_include_pad`` and its ``divisor_override``.
    """

    input_shape: Shape
    rows: list[LayerRow]
    boxes: dict[str, tuple[list[Pair], list[Pair]]]
    averages: dict[str, dict[str, Any]]

    def record(self) -> dict[str, Any]:
        """All of it as JSON has it: ``version`` and the attributes, of ``rows`` the fields of ``LayerRow``."""
        boxes = {name: {"rows": rows, "columns": columns} for name, (rows, columns) in self.boxes.items()}
        rows = [asdict(row) for row in self.rows]
        record = {"version": RECORD_VERSION, "input_shape": list(self.input_shape), "rows": rows, "boxes": boxes}
        return record | {"averages": self.averages}


def look(model: nn.Module, input_shape: Shape) -> Anatomy:
    """Run a network once on two black images and describe all that it does.

    The network, its modes and buffers and the random numbers are left as they were.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image.

    Raises:
        Exception: Whatever the network raises on images of this shape; ``diagnose`` explains it.
    """
    run = _run(model, input_shape)
    if run.error is not None:
        raise run.error
    pictures = {call.name: view for call in run.calls if len(call.output_shape or ()) == 4 and (view := _view(call))}
    boxes = {name: view.spans for name, view in pictures.items()}
    pools = {call.name: pool.arguments for call in run.calls if (pool := call.function("avg_pool2d"))}
    averages = {name: {key: given.get(key, usual) for key, usual in AVERAGING.items()} for name, given in pools.items()}
    return Anatomy(input_shape, rows_of(model, run), boxes, averages)


def layer_table(model: nn.Module, input_shape: Shape) -> list[LayerRow]:
    """Describe each layer of a network and each function that its forward calls, by one run on two black images.

    The rows' parameters add up to the network's: those outside the layers have rows where their modules are defined.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image.

    Raises:
        Exception: Whatever the network raises on images of this shape; ``diagnose`` explains it.
    """
    return look(model, input_shape).rows


def receptive_field(model: nn.Module, input_shape: Shape, layer: str, row: int = 0, col: int = 0) -> Box:
    """The smallest box of pixels that holds all which can change a unit, clipped at the image's borders.

    It is exact: it takes in all channels of the unit's place, and only pixels from which a way leads to it.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image.
        layer: A row's name in ``layer_table``.
        row: Of the unit in the layer's output; 0 for an output without rows and columns, where it stands for all units.
        col: The same for its column.

    Returns:
        The pixels ``image[:, top:bottom, left:right]``; (0, 0, 0, 0) where the unit sees nothing but padding.

    Raises:
        ModelError: There is no such layer, or no such unit.
        Exception: Whatever the network raises on images of this shape; ``diagnose`` explains it.
    """
    run = _run(model, input_shape)
    calls = {call.name: call for call in run.calls}
    if layer not in calls:
        if run.error is not None:
            raise run.error
        raise ModelError(f"No layer is called {layer!r}. {nearest(layer, calls)}")
    call = calls[layer]
    shape = call.output_shape or ()
    height, width = shape[2:] if len(shape) == 4 else (1, 1)
    if not (0 <= row < height and 0 <= col < width):
        raise ModelError(f"{layer} has no unit at row {row}, column {col}: its output has {height} x {width} of them.")
    view = _view(call)
    if view is None:
        return Box(0, 0, 0, 0)
    return view.box(row, col) if len(shape) == 4 else view.box()


def network_record(model: nn.Module, input_shape: Shape) -> dict[str, Any]:
    """`Anatomy.record` of a network; raises what ``layer_table`` raises."""
    return look(model, input_shape).record()


def _run(model: nn.Module, input_shape: Shape) -> DryRun:
    return dry_run(model, input_shape, followers=(Costs, Fields, Boxes))


def _view(call: Call) -> View | None:
    """What the units of a call see, where it has come to its end."""
    view: View | None = call.views[2] if call.views else None
    return view


def _field(call: Call, run: DryRun) -> Field | None:
    """What the units of a call see as if there were no borders; None where they do not see alike.

    Where a unit's field lies within the image, its box is the field, and tells more: the field's arithmetic does not
    tell channels apart, of which a function may have taken those alone that see less.
    """
    field: Field | None = call.views[1] if call.views else None
    view = _view(call)
    if field is None or view is None or not field.slides or len(call.output_shape or ()) != 4:
        return field
    axes = zip(field.size, field.stride, field.start, run.image_shape[1:], view.spans)
    exact = [_refined(*axis) for axis in axes]
    return Field((exact[0][0], exact[1][0]), field.stride, (exact[0][1], exact[1][1]))


def _refined(size: int, stride: int, start: int, side: int, spans: list[Pair]) -> Pair:
    """Size and start of a field along one axis, seen by the first unit whose field lies within the image."""
    place = max(0, -(start // stride))
    if place >= len(spans) or start + place * stride + size > side or spans[place] == (0, 0):
        return size, start
    first, last = spans[place]
    return last - first, first - place * stride


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
    field, view = _field(call, run), _view(call)
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
