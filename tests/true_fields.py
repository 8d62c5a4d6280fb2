"""The pixels that units truly depend on, found by changing one pixel after the other, and how the boxes compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.dry_run import dry_run
from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.layer_rows import TRACKERS, LayerRow, boxes_of, rows_of
from convboard.anatomy.recorder import record_calls
from convboard.anatomy.trace import Call

Pixels = tuple[int, int, int, int]  # (top, left, bottom, right); (0, 0, 0, 0) for none
NONE: Pixels = (0, 0, 0, 0)


@dataclass(frozen=True)
class Comparison:
    """A unit's box and the truth.

    Attributes:
        row: Name of its row in the layer table.
        unit: Row and column; None for all units of an output without them.
        box: What convboard says.
        truth: The pixels whose change was seen to change the unit.
        theory: What size, stride and centre of its theoretical field say, where that is inside the image, or else the
            whole image, along each axis.
    """

    row: str
    unit: tuple[int, int] | None
    box: Pixels
    truth: Pixels
    theory: Pixels

    @property
    def is_too_small(self) -> bool:
        """Whether a pixel is missing, in the box or in the theoretical field."""
        return self.truth != NONE and any(
            not (top <= self.truth[0] and left <= self.truth[1] and self.truth[2] <= bottom and self.truth[3] <= right)
            for top, left, bottom, right in (self.box, self.theory)
        )

    @property
    def is_loose(self) -> bool:
        """Whether the box has rows or columns that the unit does not depend on."""
        return self.box != self.truth


class _Kept:
    """A tracker that keeps every output."""

    def update(self, call: FunctionCall, result: Any) -> None:
        """Does nothing."""

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """Does nothing."""

    def forget(self, tensor: Tensor) -> None:
        """Does nothing."""

    def value(self, tensor: Tensor) -> Tensor:
        """A copy: what follows may write to it."""
        return tensor.detach().clone()


def comparisons(network: nn.Module, input_shape: tuple[int, int, int]) -> Iterator[Comparison]:
    """Compare every unit of every row of a network's layer table with the truth.

    Args:
        network: A network in float64 and evaluation mode, which does not mix the images of a batch.
        input_shape: (C, H, W) of the images.
    """
    run = dry_run(network, input_shape, trackers=TRACKERS)
    if run.error is not None:
        raise run.error
    rows = {row.name: row for row in rows_of(network, run)}
    truths = true_pixels(network, input_shape, attempts=6)
    if any(comparison.is_loose for comparison in _compared(run.calls, rows, truths)):
        truths = true_pixels(network, input_shape, attempts=60)  # a pixel that wins a max pooling only now and then
    yield from _compared(run.calls, rows, truths)


def _compared(calls: list[Call], rows: dict[str, LayerRow], truths: dict[str, Tensor]) -> Iterator[Comparison]:
    for call in calls:
        if call.name not in truths or call.output_shape is None:
            continue
        changed, boxes, row = truths[call.name], boxes_of(call), rows[call.name]
        if changed.ndim == 4:  # [H, W, rows, columns]
            for y in range(changed.shape[2]):
                for x in range(changed.shape[3]):
                    box: Pixels = boxes.box(y, x) if boxes else NONE
                    theory = _theory(row, (y, x), (changed.shape[0], changed.shape[1]))
                    yield Comparison(call.name, (y, x), box, _pixels(changed[:, :, y, x]), theory)
        else:
            whole = (0, 0, changed.shape[0], changed.shape[1])
            yield Comparison(call.name, None, boxes.box() if boxes else NONE, _pixels(changed), whole)


def _theory(row: LayerRow, unit: tuple[int, int], sides: tuple[int, int]) -> Pixels:
    """`Comparison.theory` from the figures of a row, for images of these sides."""
    first, end = [0, 0], list(sides)
    if isinstance(row.receptive_field, tuple) and row.receptive_stride is not None and row.receptive_center is not None:
        for axis in (0, 1):
            middle = row.receptive_center[axis] + unit[axis] * row.receptive_stride[axis]
            reach = (row.receptive_field[axis] - 1) / 2
            if middle - reach >= 0 and middle + reach < sides[axis]:
                first[axis], end[axis] = int(middle - reach), int(middle + reach) + 1
    return first[0], first[1], end[0], end[1]


def true_pixels(network: nn.Module, input_shape: tuple[int, int, int], attempts: int) -> dict[str, Tensor]:
    """Which pixels change which units.

    Args:
        network: As for `comparisons`.
        input_shape: (C, H, W) of the images.
        attempts: Number of random images whose pixels are changed.

    Returns:
        For each call, whether a pixel of the image changes a unit: [H, W, rows, columns] for an output [N, C, rows,
        columns], [H, W] for one of other dimensions. A call whose output does not begin with the batch is left out.
    """
    channels, height, width = input_shape
    changed: dict[str, Tensor] = {}
    for attempt in range(attempts):
        generator = torch.Generator().manual_seed(attempt)
        scale = (1.0, 0.1, 3.0)[attempt % 3]
        images = torch.randn(1, *input_shape, dtype=torch.float64, generator=generator) * scale
        images = images.repeat(height * width + 1, 1, 1, 1)
        new = torch.randn(height * width, channels, dtype=torch.float64, generator=generator)
        new += (0.0, 5.0, -5.0, 0.0)[attempt % 4]
        for at in range(height * width):
            images[at, :, at // width, at % width] = new[at]
        for name, output in _outputs(network, images).items():
            if output.ndim < 2 or len(output) != len(images):
                continue
            values = output if output.is_complex() else output.to(torch.float64)
            is_changed = (values[:-1] - values[-1:]).abs() > 1e-11 * values.abs().amax().clamp(min=1e-6)
            units = is_changed.any(1) if output.ndim == 4 else is_changed.flatten(1).any(1)
            found = units.reshape(height, width, *units.shape[1:])
            changed[name] = changed[name] | found if name in changed else found
    return changed


def _outputs(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The output of each call."""
    with torch.no_grad(), record_calls(network, images, [_Kept()]) as recording:
        network(images.clone())  # it may write to them
    return {call.name: call.tracked[0] for call in recording.calls if call.tracked}


def _pixels(changed: Tensor) -> Pixels:
    """The smallest box of all that is true in [H, W]."""
    rows, columns = changed.any(dim=1).nonzero().flatten(), changed.any(dim=0).nonzero().flatten()
    if not len(rows):
        return NONE
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
