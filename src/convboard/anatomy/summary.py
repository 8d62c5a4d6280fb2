"""A network looked at in one run: its rows, what each unit sees, and all of it as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from convboard.anatomy.dry_run import DryRun, dry_run
from convboard.anatomy.function_call import AVERAGING
from convboard.anatomy.layer_row import LayerRow
from convboard.anatomy.layer_rows import rows_of
from convboard.anatomy.receptive_field.bounding_boxes import Box
from convboard.anatomy.receptive_field.lookup import FOLLOWERS, view_of
from convboard.anatomy.sliding_window import Pair
from convboard.anatomy.trace import Shape
from convboard.errors import ModelError, nearest

RECORD_VERSION = 1


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
        return {
            "version": RECORD_VERSION,
            "input_shape": list(self.input_shape),
            "rows": [asdict(row) for row in self.rows],
            "boxes": {name: {"rows": rows, "columns": columns} for name, (rows, columns) in self.boxes.items()},
            "averages": self.averages,
        }


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
    pictures = {call.name: view for call in run.calls if len(call.output_shape or ()) == 4 and (view := view_of(call))}
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
    view = view_of(call)
    if view is None:
        return Box(0, 0, 0, 0)
    return view.box(row, col) if len(shape) == 4 else view.box()


def network_record(model: nn.Module, input_shape: Shape) -> dict[str, Any]:
    """`Anatomy.record` of a network; raises what ``layer_table`` raises."""
    return look(model, input_shape).record()


def _run(model: nn.Module, input_shape: Shape) -> DryRun:
    return dry_run(model, input_shape, followers=FOLLOWERS)
