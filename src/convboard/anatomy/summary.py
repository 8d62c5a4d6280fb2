"""A network summarised by one dry run: its rows, the receptive field of each unit, and all of it for JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from torch import nn

from convboard.anatomy.arguments import shapes_of
from convboard.anatomy.blocks import block_rows, block_types
from convboard.anatomy.dry_run import DryRun, dry_run, unwrapped
from convboard.anatomy.forward_inputs import raise_error
from convboard.anatomy.function_call import AVG_POOL_DEFAULTS, Pair
from convboard.anatomy.layer_rows import TRACKERS, LayerRow, boxes_of, rows_of
from convboard.anatomy.receptive_field.boxes import Box
from convboard.anatomy.table import LayerTable
from convboard.anatomy.trace import Call, Shape, Shapes
from convboard.errors import ModelError, nearest

RECORD_VERSION = 1


@dataclass(frozen=True)
class NetworkSummary:
    """A network and one dry run of it.

    Attributes:
        input_shape: (C, H, W) of an image.
        rows: The layers and functions that ran, in order.
        boxes: For each row with an output [N, C, H, W], the pixels `(first, end)` of the image that its units depend
            on, `end` excluded: a pair for each row of units, and one for each column of units.
        blocks: Class of each module that rows are inside of, by its path.
        averages: For each row that is an `avg_pool2d`, its `count_include_pad` and its `divisor_override`.
    """

    input_shape: Shape
    rows: list[LayerRow]
    boxes: dict[str, tuple[list[Pair], list[Pair]]]
    blocks: dict[str, str]
    averages: dict[str, dict[str, Any]]

    def record(self) -> dict[str, Any]:
        """Return all of it for JSON: `version` and the attributes, with the fields of `LayerRow` as `rows`."""
        return {
            "version": RECORD_VERSION,
            "input_shape": list(self.input_shape),
            "rows": [asdict(row) for row in self.rows],
            "boxes": {name: {"rows": rows, "columns": columns} for name, (rows, columns) in self.boxes.items()},
            "blocks": self.blocks,
            "averages": self.averages,
        }


def summarise(model: nn.Module, input_shape: Shapes) -> NetworkSummary:
    """Summarise a network by one run on two black images.

    The network, its modes and buffers and the random numbers stay unchanged.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image.

    Raises:
        Exception: Any exception of the network on images of this shape; `diagnose` explains it.
    """
    run = _run(model, input_shape)
    spatial = [call for call in run.calls if len(call.output_shape or ()) == 4]
    boxes = {call.name: found.spans for call in spatial if (found := boxes_of(call))}
    pools = {call.name: pool.arguments for call in run.calls if (pool := call.function("avg_pool2d"))}
    averages = {
        name: {key: given.get(key, default) for key, default in AVG_POOL_DEFAULTS.items()}
        for name, given in pools.items()
    }
    network = unwrapped(model)
    rows = rows_of(network, run)
    return NetworkSummary(run.image_shape, rows, boxes, block_types(network, rows), averages)


def layer_table(
    model: nn.Module, input_shape: Shapes, depth: int | None = None, collapse: Sequence[str] = ()
) -> LayerTable:
    """Describe each layer of a network, and each function that its forward calls, by one run on two black images.

    The parameters of the rows add up to those of the network: modules with parameters outside of layers have rows too.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image; for a network with several inputs, the shape of each without the batch, such
            as [(3, 32, 32), (5,)]. Receptive fields are those on the first input.
        depth: Show modules at this depth as one row each, with the sums of what is inside: 1 for the network's
            children, such as `layer1`, 2 for theirs, such as `layer1.0`.
        collapse: Show these modules as one row each: module paths, glob patterns of them, or names of classes.

    Returns:
        A list of `LayerRow` in the order of the calls. A notebook shows it as a table.

    Raises:
        ModelError: There is no such block; the network takes another number of inputs; or see `diagnose`.
        Exception: Any exception of the network on images of this shape; `diagnose` explains it.

    Example:
        >>> [row.output_shape for row in convboard.layer_table(nn.Conv2d(1, 6, 5), (1, 28, 28))]
        [(6, 24, 24)]
    """
    run = _run(model, input_shape)
    network = unwrapped(model)
    rows = rows_of(network, run)
    has_blocks = depth is not None or collapse
    return LayerTable(block_rows(network, rows, depth, collapse) if has_blocks else rows)


def receptive_field(model: nn.Module, input_shape: Shapes, layer: str, row: int = 0, col: int = 0) -> Box:
    """Compute the smallest box of pixels that contains all pixels that can change a unit, clipped to the image.

    The box is exact: it covers all channels at the unit's position, and only pixels that the unit depends on.

    Args:
        model: Any network.
        input_shape: See `layer_table`.
        layer: A row's name in `layer_table`.
        row: Row of the unit in the layer's output; 0 for an output without rows and columns, whose units are all meant.
        col: Column of the unit, likewise.

    Returns:
        The pixels `image[:, top:bottom, left:right]`; (0, 0, 0, 0) for a unit that depends only on padding.

    Raises:
        ModelError: There is no such layer, or no such unit; or the network takes another number of inputs.
        Exception: Any exception of the network on images of this shape; `diagnose` explains it.
    """
    run = _run(model, input_shape, layer)
    call = check_unit(run.calls, layer, row, col)
    if not call.is_known:
        raise ModelError(
            f"What {layer} depends on is not known: something that no trace can see took part in it, such as NumPy, "
            "vmap, or a number that was read from a tensor."
        )
    shape = call.output_shape or ()
    boxes = boxes_of(call)
    if boxes is None:
        return Box(0, 0, 0, 0)
    return boxes.box(row, col) if len(shape) == 4 else boxes.box()


def check_unit(calls: Sequence[Call], layer: str, row: int, col: int) -> Call:
    """Return the call of a layer, and check that its output has a unit.

    Args:
        calls: The calls of a run.
        layer: Name of the call.
        row: Row of the unit; 0 for an output without rows and columns.
        col: Column of the unit, likewise.

    Raises:
        ModelError: There is no such layer, or no such unit.
    """
    found = {call.name: call for call in calls}
    if layer not in found:
        raise ModelError(f"No layer is called {layer!r}. {nearest(str(layer), found)}")
    shape = found[layer].output_shape or ()
    height, width = shape[2:] if len(shape) == 4 else (1, 1)
    if not (isinstance(row, Integral) and isinstance(col, Integral)):
        raise ModelError(f"row={row!r} and col={col!r} must be whole numbers.")
    if not (0 <= row < height and 0 <= col < width):
        raise ModelError(f"{layer} has no unit at row {row}, column {col}: its output has {height} x {width} of them.")
    return found[layer]


def network_record(model: nn.Module, input_shape: Shape) -> dict[str, Any]:
    """Return `NetworkSummary.record` of a network.

    Args:
        model: Any network.
        input_shape: (C, H, W) of an image.

    Raises:
        Exception: Any exception of the network on images of this shape; `diagnose` explains it.
    """
    return summarise(model, input_shape).record()


def _run(model: nn.Module, input_shape: Shapes, layer: str | None = None) -> DryRun:
    """The run of a network, which raises the network's exception; if a layer is given, only if it did not run."""
    image_shape, others = shapes_of(input_shape)
    run = dry_run(model, image_shape, trackers=TRACKERS, other_shapes=others)
    if layer not in {call.name for call in run.calls}:
        raise_error(unwrapped(model), run)
    return run
