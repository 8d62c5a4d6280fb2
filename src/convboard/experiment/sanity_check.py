"""A run tried out before it begins: the schedule is asked for its factors, and copies take one step.

What cannot be trained is found here, before the run directory holds a file. The network, the optimizer and the random
numbers are left as they were.
"""

import copy
import math
import numbers
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convboard.anatomy.check import raise_explained
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.trace import Shape, record_calls
from convboard.config.instantiate import REFUSALS
from convboard.errors import ConfigError, ModelError
from convboard.training.execution_plan.plan import Plan
from convboard.training.optimizer_step import update
from convboard.training.schedules import Schedule
from convboard.training.seeding import random_numbers_kept

_OF_LAYOUT = "view size is not compatible"  # how torch refuses a view of values that lie otherwise
_OF_ONE_VALUE = "Expected more than 1 value per channel"  # how torch's batch norm begins to complain


class LayoutError(ConfigError):
    """The network cannot be computed in channels_last, as it can otherwise."""


@dataclass(frozen=True)
class TrainingBatches:
    """The sizes of the batches of an epoch.

    Attributes:
        images: There are in the training split.
        batch_size: Images in a batch; the last one of an epoch holds what is left.
        limit: Batches of each epoch to train on; None takes all.
    """

    images: int
    batch_size: int
    limit: int | None = None

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        batches = -(-self.images // self.batch_size)
        return min(batches, self.limit or batches)

    @property
    def smallest(self) -> int:
        """Images in the smallest batch that is trained on."""
        comes_to_the_last = self.limit is None or self.limit * self.batch_size >= self.images
        return (comes_to_the_last and self.images % self.batch_size) or self.batch_size

    @property
    def advice(self) -> str:
        """What to do about a batch of one image."""
        better = next((size for size in range(self.batch_size + 1, self.images) if self.images % size != 1), None)
        if better is None:
            return f"there {'is' if self.images == 1 else 'are'} {self.images} to train on: add more images."
        if self.batch_size == 1:
            return f"batch_size=1. Set batch_size={better}, with which no batch is that small."
        return (
            f"{self.images} images in batches of {self.batch_size} leave one for the last batch of an epoch. Set "
            f"batch_size={better}, with which no batch is that small."
        )


def try_schedule(schedule: Schedule, target: str, total_steps: int, steps_per_epoch: int) -> None:
    """Ask a schedule for the factors of the first step and of the last.

    Args:
        schedule: Whatever a config's `scheduler` has built.
        target: Its `_target_`, for messages.
        total_steps: Steps in the whole run.
        steps_per_epoch: Steps in an epoch.

    Raises:
        ConfigError: It is no schedule, or gives something that no learning rate can be multiplied by.
    """
    choice = "Choose one of conf/scheduler, as in scheduler=cosine."
    for step in (0, total_steps - 1):
        try:
            factor: object = schedule(step, total_steps, steps_per_epoch)
        except TypeError as error:
            raise ConfigError(
                f"scheduler._target_={target!r} is not a schedule: it cannot be called with a step, the number of all "
                f"steps and that of an epoch's ({error}). {choice}"
            ) from error
        if not isinstance(factor, numbers.Real) or not 0 <= float(factor) < math.inf:
            raise ConfigError(
                f"scheduler._target_={target!r} gives {factor!r} for step {step} of {total_steps}, where the factor "
                f"of the learning rate must be a finite number, 0 or above. {choice}"
            )


def try_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: nn.Module,
    plan: Plan,
    image_shape: Shape,
    batches: TrainingBatches,
    described: str,
) -> bool:
    """Take one step on black images with copies of the network and its optimizer.

    It costs less than a step of the run does, for it takes two images, or one where a batch of the run holds one: no
    other size makes a difference to what can go wrong. A network that cannot be copied is not tried out.

    Args:
        model: The network, on the plan's device and known to fit the data in evaluation mode.
        optimizer: Over its parameters.
        loss: Mean loss of (logits, labels).
        plan: Where and how to compute.
        image_shape: (C, H, W).
        batches: Tells whether a batch may hold a single image.
        described: The optimizer and its arguments, for messages.

    Returns:
        Whether every weight got a gradient, as far as could be tried.

    Raises:
        ConfigError: The optimizer cannot take a step, or a batch is too small for the network.
        LayoutError: The network cannot be computed in channels_last.
        ModelError: The network cannot learn from its loss.
        Exception: Whatever else the network's own forward raises, untouched.
    """
    try:
        model, optimizer = copy.deepcopy((model, optimizer))
        plan.place(model)
    except (TypeError, RuntimeError):
        return True
    count = min(batches.smallest, 2)
    images = torch.zeros(count, *image_shape, device=plan.device)
    if plan.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    with random_numbers_kept(plan.device):
        model.train()
        with plan.autocast():
            with _layout_explained(plan):
                logits = _forward(model, images, batches)
            value: Tensor = loss(logits, torch.zeros(count, dtype=torch.int64, device=plan.device))
        _update(value, optimizer, described)
    return all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)


@contextmanager
def _layout_explained(plan: Plan) -> Iterator[None]:
    """Say of a view that channels_last does not allow what is to be done."""
    try:
        yield
    except RuntimeError as error:
        if not (plan.channels_last and _OF_LAYOUT in str(error)):
            raise
        raise LayoutError(
            "trainer.channels_last=true: the network flattens by .view(...), which needs each image's values one "
            "channel after another. Write torch.flatten(x, 1) or .reshape(...) instead, or leave trainer.channels_last "
            "away."
        ) from error


def _forward(model: nn.Module, images: Tensor, batches: TrainingBatches) -> Tensor:
    """The scores of a training batch, with an explanation where there are none."""
    output, error = None, None
    with record_calls(model, images) as calls:
        try:
            output = model(images)
        except Exception as raised:
            error = raised
    run = DryRun(tuple(images.shape[1:]), len(images), calls, output, error)
    if str(error).startswith(_OF_ONE_VALUE) and len(images) == 1:
        failed = run.failed_call
        layer = f"{type(failed.module).__name__} {failed.name}" if failed else "The network"
        raise ConfigError(
            f"{layer} normalises over a batch, and needs more than one value of each channel for that, but a batch "
            f"holds a single image: {batches.advice}"
        ) from error
    raise_explained(model, run)
    if not isinstance(output, Tensor):
        # Deferred for start-up time: only errors need it.
        from convboard.anatomy.diagnostics.context import Context
        from convboard.anatomy.diagnostics.model_output import not_a_tensor

        raise ModelError(f"In training mode: {not_a_tensor(Context(model, run)).reason}")
    if output.shape[0] != len(images):
        raise ModelError(
            f"The network gives {list(output.shape)} for a batch of {len(images)}: the batch must stay apart. Where "
            "its forward drops dimensions, name them, as in torch.flatten(x, start_dim=1) instead of x.squeeze()."
        )
    return output


def _update(loss: Tensor, optimizer: torch.optim.Optimizer, described: str) -> None:
    """Go back from the loss to the weights and change them, with an explanation where that does not work."""
    if not loss.requires_grad:
        raise ModelError(
            "The network cannot learn: no gradient leads from its scores back to a weight. Look in its forward "
            "for .detach(), .data or torch.no_grad(), and for weights with requires_grad=False."
        )
    loss.backward()  # type: ignore[no-untyped-call]
    try:
        update(optimizer)
    except REFUSALS as error:
        raise ConfigError(
            f"optimizer: {described} cannot take a step: {str(error).rstrip('.')}. Change its arguments, or choose "
            "another, as in optimizer=adamw."
        ) from error
