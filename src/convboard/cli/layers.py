"""A network as a table: `python scripts/layers.py model=lenet dataset=mnist`."""

import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convboard.cli.arguments import compose_beside, read_shapes, split_arguments
from convboard.config.command_line import printable
from convboard.config.compose import Composed
from convboard.errors import ConfigError, ModelError, nearest

if TYPE_CHECKING:
    from torch import nn

    from convboard.anatomy.receptive_field.boxes import Box
    from convboard.anatomy.table import Style
    from convboard.anatomy.trace import Shape
    from convboard.data.dataset import ImageShape

FORMATS: dict[str, "Style"] = {"table": "text", "markdown": "markdown", "json": "json", "csv": "csv"}

_COLUMNS = 120  # of a table that is written to a file or to another program


@dataclass
class Arguments:
    """Show a network's layers: shapes and their formulas, parameters, multiplications, receptive fields.

    Choose the network as for training: model=lenet dataset=mnist and so on; or give run= to see that of a run. No image
    is loaded and nothing is trained. If the network does not fit the images, the table ends at the layer that
    fails, with the reason and remedies.

    Attributes:
        run: A run directory, such as outputs/digits/lenet/2026-01-31_12-00-00-0a1b2c; null: the network of a config.
        input_shape: Channels, height and width of the images, such as [3,224,224]; null: those of the dataset, if one
            is chosen, or else the network's default. For a network of several inputs the shape of each, without the
            batch, such as [[3,224,224],[5]].
        depth: Show the modules at this depth as one row each: 1 for the network's children, such as layer1, 2 for
            theirs, such as layer1.0; null: every layer.
        collapse: Show these modules as one row each: names, globs or classes, such as layer4 or BasicBlock, separated
            by commas.
        format: table, markdown, json or csv; json and csv have every value.
        layer: A layer. Instead of the table, print which pixels of the image one of its units sees, and where most of
            its gradient is.
        row: The unit's row in the layer's output.
        col: The unit's column.
        trust: Build the run's network although its class is not convboard's own. That runs code that the run names.
    """

    run: str | None = None
    input_shape: str | None = None
    depth: int | None = None
    collapse: str | None = None
    format: str = "table"
    layer: str | None = None
    row: int = 0
    col: int = 0
    trust: bool = False

    def __post_init__(self) -> None:
        if self.layer is None and (self.row or self.col):
            raise ConfigError("row and col need a layer: add layer=<name>, such as layer=conv1.")
        if self.depth is not None and self.depth < 1:
            raise ConfigError(f"depth={self.depth}: give 1 for the network's children, 2 for theirs, and so on.")
        if self.format not in FORMATS:
            raise ConfigError(f"format={self.format} is not an output format. {nearest(self.format, FORMATS)}")


def main() -> None:
    """Print the table, or the receptive field of a unit."""
    arguments, overrides = split_arguments(Arguments, "layers")
    asked, others = read_shapes(arguments.input_shape)
    composed = compose_beside(arguments.run, overrides)
    from convboard.anatomy.forward_inputs import InputsError  # after the arguments are checked: it imports torch

    try:
        print(printable(_shown(arguments, composed, asked, others)))
    except InputsError as error:
        raise error.with_message(error.with_advice(_as_argument(error.shapes))) from error


def _as_argument(shapes: "Sequence[Shape | str]") -> str:
    """Return shapes as an argument of the command; a text stands for a shape that is not known."""
    written = [f"[{shape if isinstance(shape, str) else ','.join(map(str, shape))}]" for shape in shapes]
    return f"input_shape={written[0]}" if len(written) == 1 else f"input_shape=[{','.join(written)}]"


def _shown(arguments: Arguments, composed: Composed | None, asked: "ImageShape | None", others: "list[Shape]") -> str:
    """Return the table, or the receptive field of a unit.

    Args:
        arguments: The command's arguments.
        composed: The config of the network; None for that of a run.
        asked: Shape (C, H, W) that the user gives.
        others: Shapes of the network's other inputs.
    """
    from convboard.anatomy import summary, table  # deferred for start-up time: these import torch
    from convboard.experiment import run_dir, untrained

    if composed is None:
        run = run_dir.load_run(str(arguments.run))
        model = run.model(arguments.trust)
        channels, height, width = asked or run.dataset["image_shape"]
        shape = channels, height, width
        name, dataset = f"{type(model).__name__} of {run.path}", run.config.dataset.name
    else:
        shape, classes = untrained.untrained_shape(composed, asked)
        model = untrained.build_untrained(composed, shape, classes, is_given=asked is not None, others=others)
        name, dataset = composed.model_name, composed.config.dataset.name if composed.has_dataset else ""
    shapes = [shape, *others]
    if arguments.layer is not None:
        return _unit(model, shapes, arguments.layer, arguments.row, arguments.col)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _COLUMNS
    title = _title(name, shapes, dataset, is_given=asked is not None)
    collapse = arguments.collapse.split(",") if arguments.collapse else ()
    rows = summary.layer_table(model, shapes, arguments.depth, collapse)
    return table.format_table(rows, FORMATS[arguments.format], columns, title)


def _unit(model: "nn.Module", shapes: "Sequence[Shape]", layer: str, row: int, col: int) -> str:
    """Return what a unit sees of the image, and what it mostly depends on with the weights as they are."""
    from convboard.anatomy import effective_field, summary  # deferred for start-up time: they import torch

    sees = _pixels(summary.receptive_field(model, shapes, layer, row, col))
    lines = [f"{layer}, unit at row {row}, column {col}, sees of the {_times(shapes[0])} image", sees]
    with suppress(ModelError):  # it has no gradient
        effective = effective_field.effective_receptive_field(model, shapes, layer, row, col)
        lines += ["With these weights, 95 % of its gradient is in", _pixels(effective.box)]
    return "\n".join(lines)


def _pixels(box: "Box") -> str:
    return (
        f"rows {box.top} to {box.bottom - 1} and columns {box.left} to {box.right - 1}: "
        f"{box.bottom - box.top} x {box.right - box.left} pixels"
    )


def _title(name: str, shapes: "Sequence[Shape]", dataset: str, is_given: bool) -> str:
    """Return a title such as `lenet for 1x32x32 images of mnist`.

    Args:
        name: Name of the network.
        shapes: Shape (C, H, W) of the images, and those of the other inputs.
        dataset: Name of the dataset of this shape; empty for the default of the network.
        is_given: Whether the user gave the shape.
    """
    origin = f" of {dataset}" if dataset else " (its default)"
    others = "".join(f" and {_times(shape) or 'a number'}" for shape in shapes[1:])
    return f"{name} for {_times(shapes[0])} images{others}{' (as given)' if is_given else origin}"


def _times(shape: "Shape") -> str:
    return "x".join(map(str, shape))
