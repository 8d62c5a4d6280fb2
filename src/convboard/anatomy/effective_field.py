"""Effective receptive fields: the part of a receptive field that a unit mostly depends on, with its weights.

The gradient of a unit is largest in the middle of its receptive field and almost zero at the border: W. Luo, Y. Li,
R. Urtasun, R. Zemel, "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NeurIPS 2016.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.arguments import check_images, shapes_of
from convboard.anatomy.dry_run import black_images, dry_run, run_without_side_effects, unwrapped
from convboard.anatomy.forward_inputs import raise_error
from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.receptive_field.boxes import Box
from convboard.anatomy.recorder import record_calls
from convboard.anatomy.summary import check_unit
from convboard.anatomy.trace import Shapes
from convboard.errors import ModelError

SHARE = 0.95  # of the gradient that is inside of the box
_SAMPLES = 8


@dataclass(frozen=True)
class EffectiveField:
    """What a unit mostly depends on.

    Attributes:
        box: The rows, and the columns, that have 95 % of its gradient.
        weights: [H, W], the share of each pixel in its gradient; the sum is 1.
    """

    box: Box
    weights: Tensor


def effective_receptive_field(
    model: nn.Module, input_shape: Shapes, layer: str, row: int = 0, col: int = 0, images: Tensor | None = None
) -> EffectiveField:
    """Compute how much each pixel contributes to a unit, by the gradient of the unit with respect to the pixel.

    The absolute gradients are summed over the channels of the image and averaged over the images. The unit's channels
    have random signs, so that they do not cancel each other.

    Args:
        model: Any network, with the weights that are of interest.
        input_shape: (C, H, W) of an image; for a network with several inputs, see `layer_table`. The others are zeros.
        layer: A row's name in `layer_table`.
        row: Row of the unit in the layer's output; 0 for an output without rows and columns, whose units are all meant.
        col: Column of the unit, likewise.
        images: [N, C, H, W], normalised as the network expects them; None for eight of random numbers from a standard
            normal distribution, as in the paper.

    Raises:
        ModelError: There is no such layer, or no such unit, or it has no gradient.
        Exception: Any exception of the network on images of this shape; `diagnose` explains it.
    """
    model = unwrapped(model)
    image_shape, other_shapes = shapes_of(input_shape)
    run = dry_run(model, image_shape, 1, other_shapes=other_shapes)
    raise_error(model, run)
    generator = torch.Generator().manual_seed(0)
    if images is None:
        images = black_images(model, image_shape, _SAMPLES)
        images = images.copy_(torch.randn(images.shape, generator=generator))
    check_images(images)
    total = torch.zeros(tuple(images.shape[2:]), dtype=torch.float64)
    for at in range(len(images)):
        gradient = _gradient(model, images[at : at + 1], run.others, (layer, row, col), generator)
        if gradient is not None:
            total += gradient.detach().abs().sum((0, 1)).to(total)
    if not total.sum() > 0:
        raise ModelError(f"{layer}, row {row}, column {col} has no gradient: it does not depend on the image smoothly.")
    weights = total / total.sum()
    (top, bottom), (left, right) = (_middle(weights.sum(dim)) for dim in (1, 0))
    return EffectiveField(Box(top, left, bottom, right), weights)


def _gradient(
    model: nn.Module, image: Tensor, others: Sequence[Tensor], unit: tuple[str, int, int], generator: torch.Generator
) -> Tensor | None:
    """The gradient of a unit with respect to one image, [1, C, H, W]; None if it does not depend on it."""
    layer, row, col = unit
    leaf = image.detach().requires_grad_()
    with torch.enable_grad():
        given = leaf.clone()  # an in-place function may change it
    further = [other.clone() for other in others]
    with record_calls(model, given, [_UnitSum(row, col, generator)], others=further) as recording:
        run_without_side_effects(model, given, gradients=True, others=further)
    value: Tensor | None = check_unit(recording.calls, layer, row, col).tracked[0]
    if value is None or value.grad_fn is None:
        return None
    return torch.autograd.grad(value, leaf, allow_unused=True)[0]


def _middle(shares: Tensor) -> tuple[int, int]:
    """The first position and the one after the last of those that have `SHARE` of a sum of 1, as much on each side."""
    outside = (1 - SHARE) / 2
    before, after = shares.cumsum(0), shares.flip(0).cumsum(0)
    return int((before <= outside).sum()), len(shares) - int((after <= outside).sum())


class _UnitSum:
    """A tracker of the sum over the channels of a unit, with random signs; that of all units without positions."""

    def __init__(self, row: int, col: int, generator: torch.Generator) -> None:
        self._row, self._col = row, col
        self._generator = generator

    def update(self, call: FunctionCall, result: Any) -> None:
        """Does nothing."""

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """Does nothing."""

    def forget(self, tensor: Tensor) -> None:
        """Does nothing."""

    def value(self, tensor: Tensor) -> Tensor | None:
        """Return the sum; None if there is no such unit. It is computed now: a function may write to the tensor."""
        if not tensor.is_floating_point():
            return None
        if tensor.ndim == 4:
            tensor = tensor[:, :, self._row : self._row + 1, self._col : self._col + 1]
        signs = torch.randint(2, tensor.shape, generator=self._generator) * 2 - 1
        return (tensor * signs.to(tensor)).sum()
