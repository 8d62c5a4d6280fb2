"""A check of a run before it starts: two factors of the schedule, and one training step on copies.

It fails before the run directory contains a file. It does not change the network, the optimizer or the random state.
"""

import copy
import math
import numbers
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from convboard.anatomy.check import check_training_run
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.origin import Origin
from convboard.anatomy.recorder import record_calls
from convboard.config.instantiate import REFUSALS
from convboard.data.dataset import ImageShape
from convboard.errors import ConfigError, ModelError
from convboard.training.execution_plan.plan import Plan
from convboard.training.optimizer_step import take_step
from convboard.training.seeding import preserved_random_state
from convboard.training.training_setup import TrainingSetup

# In torch's messages: of a view that does not fit the memory format, and of batch norm over a single value.
_VIEW_ERROR = "view size is not compatible"
_SINGLE_VALUE_ERROR = "Expected more than 1 value per channel"


class LayoutError(ConfigError):
    """The network cannot be computed in channels_last."""


def smallest_batch(images: int, batch_size: int, limit: int | None) -> int:
    """Return the number of images in the smallest batch that is trained on.

    Args:
        images: Number of images in the training split.
        batch_size: Images per batch; the last batch of an epoch has the remaining ones.
        limit: Number of batches per epoch to train on; None for all.
    """
    reaches_last = limit is None or limit * batch_size >= images
    return (reaches_last and images % batch_size) or batch_size


def _single_image_advice(images: int, batch_size: int) -> str:
    """Return the remedy for a batch of one image."""
    better = next((size for size in range(batch_size + 1, images) if images % size != 1), None)
    if better is None:
        return f"there {'is' if images == 1 else 'are'} {images} to train on: add more images."
    if batch_size == 1:
        return f"batch_size=1. Set batch_size={better}, with which no batch is that small."
    return (
        f"{images} images in batches of {batch_size} leave one for the last batch of an epoch. Set "
        f"batch_size={better}, with which no batch is that small."
    )


def try_schedule(setup: TrainingSetup, target: str) -> None:
    """Check the factors that the schedule returns for the first and the last step.

    Args:
        setup: The run.
        target: The schedule's `_target_`, for messages.

    Raises:
        ConfigError: The target is not a schedule, or returns an invalid factor.
    """
    advice = "Choose one of conf/scheduler, as in scheduler=cosine."
    for step in (0, setup.total_steps - 1):
        try:
            factor: object = setup.schedule(step, setup.total_steps, setup.steps_per_epoch)
        except TypeError as error:
            raise ConfigError(
                f"scheduler._target_={target!r} is not a schedule: it cannot be called with a step, the total number "
                f"of steps and the number of steps in an epoch ({error}). {advice}"
            ) from error
        if not isinstance(factor, numbers.Real) or not 0 <= float(factor) < math.inf:
            raise ConfigError(
                f"scheduler._target_={target!r} returns {factor!r} for step {step} of {setup.total_steps}, where the "
                f"factor of the learning rate must be a finite number, 0 or above. {advice}"
            )


def try_step(
    setup: TrainingSetup, image_shape: ImageShape, images: int, optimizer: str, origin: Origin | None = None
) -> bool:
    """Take one step on black images with copies of the network and its optimizer.

    The batch has two images, or one if a batch of the run has only one: larger batches cost more and find the same
    errors. A network that cannot be copied is not checked.

    Args:
        setup: The run; its network is known to fit the images in eval mode.
        image_shape: Shape (C, H, W) of an image.
        images: Number of images in the training split.
        optimizer: The optimizer and its arguments, for messages.
        origin: How the network was built; None if it is not known.

    Returns:
        Whether every weight got a gradient; True if the network could not be copied.

    Raises:
        ConfigError: The optimizer cannot take a step, or a batch is too small for the network.
        LayoutError: The network cannot be computed in channels_last.
        ModelError: The network cannot learn from its loss.
        Exception: Any other exception of the network's forward, unchanged.
    """
    plan, batch_size = setup.plan, setup.splits.train.batch_size
    try:
        model, stepped = copy.deepcopy((setup.model, setup.optimizer))
        plan.place(model)
    except (TypeError, RuntimeError):
        return True
    count = min(smallest_batch(images, batch_size, setup.limits.limit_train_batches), 2)
    batch = torch.zeros(count, *image_shape, device=plan.device)
    if plan.channels_last:
        batch = batch.contiguous(memory_format=torch.channels_last)
    with preserved_random_state(plan.device):
        model.train()
        with plan.autocast():
            with _layout_explained(plan):
                run = _forward(model, batch, _single_image_advice(images, batch_size), origin)
            loss: Tensor = setup.loss(run.output, torch.zeros(count, dtype=torch.int64, device=plan.device))
        _backward(loss, model, run, origin)
        _update(stepped, optimizer)
    return all(weight.grad is not None for weight in model.parameters() if weight.requires_grad)


@contextmanager
def _layout_explained(plan: Plan) -> Iterator[None]:
    """Explain the error of `Tensor.view` on a tensor in channels_last."""
    try:
        yield
    except (RuntimeError, ModelError) as error:
        if not (plan.channels_last and _VIEW_ERROR in str(error)):
            raise
        raise LayoutError(
            "trainer.channels_last=true: the network flattens by .view(...), which needs each image's values one "
            "channel after another. Write torch.flatten(x, 1) or .reshape(...) instead, or omit trainer.channels_last."
        ) from error


def _forward(model: nn.Module, images: Tensor, single_image_advice: str, origin: Origin | None) -> DryRun:
    """Run the network on a training batch, `[N, C, H, W]`, whose output is a tensor, or explain the failure."""
    output, error = None, None
    with record_calls(model, images) as recording:
        try:
            output = model(images)
        except Exception as raised:
            error = raised
    run = DryRun(tuple(images.shape[1:]), len(images), recording.calls, output, error)
    if str(error).startswith(_SINGLE_VALUE_ERROR) and len(images) == 1:
        failed = run.failed_call
        layer = f"{type(failed.module).__name__} {failed.name}" if failed else "The network"
        raise ConfigError(
            f"{layer} normalises over a batch, and needs more than one value of each channel for that, but a batch "
            f"holds a single image: {single_image_advice}"
        ) from error
    check_training_run(model, run, origin)
    assert isinstance(output, Tensor)
    if output.shape[0] != len(images):
        raise ModelError(
            f"The network gives {list(output.shape)} for a batch of {len(images)}: the batch dimension must be kept. "
            "If its forward drops dimensions, name them, as in torch.flatten(x, start_dim=1) instead of x.squeeze()."
        )
    return run


def _backward(loss: Tensor, model: nn.Module, run: DryRun, origin: Origin | None) -> None:
    """Compute the gradients, or explain the failure."""
    if not loss.requires_grad:
        raise ModelError(
            "The network cannot learn: no gradient leads from its scores back to a weight. Look in its forward "
            "for .detach(), .data or torch.no_grad(), and for weights with requires_grad=False."
        )
    try:
        loss.backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        check_training_run(model, run, origin, error)


def _update(optimizer: torch.optim.Optimizer, described: str) -> None:
    """Take the optimizer's step, or explain the failure."""
    try:
        take_step(optimizer)
    except REFUSALS as error:
        raise ConfigError(
            f"optimizer: {described} cannot take a step: {str(error).rstrip('.')}. Change its arguments, or choose "
            "another, as in optimizer=adamw."
        ) from error
