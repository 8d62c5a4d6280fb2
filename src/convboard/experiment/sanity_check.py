"""A check of a run before it starts: two factors of the schedule, a training step on copies, and evaluations.

A second step follows if the network keeps a tensor of the first one with its graph. The check fails before the run
directory contains a file. It does not change the network, the optimizer or the random state.
"""

import copy
import logging
import math
import numbers
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.check import check_training_run, raise_explained
from convboard.anatomy.diagnostics.training_gradients import no_gradient
from convboard.anatomy.diagnostics.training_observation import Observation, noise, observe
from convboard.anatomy.diagnostics.training_rules import network_warnings
from convboard.anatomy.diagnostics.training_warning import TrainingWarning
from convboard.anatomy.dry_run import run_without_side_effects
from convboard.anatomy.origin import Origin
from convboard.config.instantiate import REFUSALS
from convboard.data.dataset import ImageShape
from convboard.errors import ConfigError, ModelError
from convboard.experiment.kept_graph import refuse_kept_graph
from convboard.training.execution_plan.plan import Plan
from convboard.training.optimizer_step import take_step
from convboard.training.seeding import preserved_random_state
from convboard.training.training_setup import TrainingSetup

_log = logging.getLogger(__name__)

_ZERO_RATE = TrainingWarning(
    "no learning", "The learning rate is 0: no step changes a weight.", "Give another, as in optimizer.lr=0.02."
)
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


def _evaluation_advice(images: Mapping[str, int], split: str, batch_size: int) -> str:
    """Return how to avoid a batch of one image in the evaluation of `split`."""
    better = next(
        (n for n in range(batch_size + 1, max(images.values())) if all(i % n != 1 for i in images.values())), 0
    )
    remedy = f" Set trainer.eval_batch_size={better}, with which no batch is that small." if better else ""
    return f"{images[split]} images of {split} in batches of {batch_size} leave one for the last batch.{remedy}"


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
) -> Observation | None:
    """Take a step on noise with copies of the network and its optimizer; see `refuse_kept_graph` for a second one.

    The batch has two images, or one if a batch of the run has only one: larger batches cost more and find the same
    errors. A network that cannot be copied is not checked.

    Args:
        setup: The run; its network is known to fit the images in eval mode.
        image_shape: Shape (C, H, W) of an image.
        images: Number of images in the training split.
        optimizer: The optimizer and its arguments, for messages.
        origin: How the network was built; None if it is not known.

    Returns:
        What happened to the copy, whose parameters have the gradients; None if the network could not be copied.

    Raises:
        ConfigError: The optimizer cannot take a step, or a batch is too small for the network.
        LayoutError: The network cannot be computed in channels_last.
        ModelError: The network cannot learn from its loss.
        Exception: Any other exception of the network's forward, unchanged.
    """
    plan, batch_size = setup.plan, setup.splits.train.batch_size
    copies = _copies(setup)
    if copies is None:
        return None
    model, stepped = copies
    trained = frozenset(id(weight) for group in stepped.param_groups for weight in group["params"])
    count = min(smallest_batch(images, batch_size, setup.limits.limit_train_batches), 2)
    batch = noise(image_shape, count, plan.device)
    if plan.channels_last:
        batch = batch.contiguous(memory_format=torch.channels_last)
    with preserved_random_state(plan.device):
        model.train()
        with plan.autocast():
            with _layout_explained(plan):
                is_cross_entropy = isinstance(setup.loss, nn.CrossEntropyLoss)
                training = observe(model, batch, _call, is_cross_entropy, trained, origin)
                logits = _checked_logits(training, _single_image_advice(images, batch_size), origin)
            labels = torch.arange(count, device=plan.device) % logits.shape[1]
            loss: Tensor = setup.loss(logits, labels)
        _backward(loss, training, origin)
        _update(stepped, optimizer)
        with plan.autocast():
            refuse_kept_graph(model, lambda: setup.loss(model(batch), labels).backward())
    return training


def _copies(setup: TrainingSetup) -> tuple[nn.Module, torch.optim.Optimizer] | None:
    """Copies of the network, on the device, and of its optimizer; None if it cannot be copied, or not trained then."""
    try:
        model, optimizer = copy.deepcopy((setup.model, setup.optimizer))
        if not all(weight.is_leaf for weight in model.parameters()):
            return None  # the copy of a module of torch.jit has weights that get no gradients
        return setup.plan.place(model), optimizer
    except (TypeError, RuntimeError):
        return None


def try_single_image(
    setup: TrainingSetup, image_shape: ImageShape, images: Mapping[str, int], origin: Origin | None = None
) -> None:
    """Evaluate one image, for which a network must keep the dimension of the batch, as `feature_maps` needs it.

    A network that raises is refused only if the validation or the test split has a batch of one.

    Args:
        setup: The run.
        image_shape: Shape (C, H, W) of an image.
        images: Number of images in `val` and `test`.
        origin: How the network was built; None if it is not known.

    Raises:
        ModelError: The network does not return one row of scores.
        Exception: Any other exception of the network's forward, unchanged.
    """
    limits = {"val": setup.limits.limit_val_batches, "test": setup.limits.limit_test_batches}
    splits = {"val": setup.splits.val, "test": setup.splits.test}
    sizes = {name: smallest_batch(images[name], split.batch_size, limits[name]) for name, split in splits.items()}
    single = next((name for name, size in sizes.items() if size // setup.comm.world_size <= 1), None)
    with preserved_random_state(setup.plan.device):
        evaluation = observe(setup.model, noise(image_shape, 1, setup.plan.device), run_without_side_effects)
    if single is not None:
        _checked_logits(evaluation, _evaluation_advice(images, single, splits[single].batch_size), origin)
    elif isinstance(evaluation.run.output, Tensor):
        _check_batch_dimension(evaluation.run.output, 1)


def find_warnings(
    setup: TrainingSetup, image_shape: ImageShape, training: Observation | None, origin: Origin
) -> tuple[TrainingWarning, ...]:
    """Find the mistakes because of which the network would train badly without any error.

    Args:
        setup: The run.
        image_shape: Shape (C, H, W) of an image.
        training: What `try_step` returned.
        origin: How the network was built.
    """
    found: list[TrainingWarning] = []
    if all(group["lr"] == 0 for group in setup.optimizer.param_groups):
        found.append(_ZERO_RATE)
    try:
        with preserved_random_state(setup.plan.device):
            is_cross_entropy = isinstance(setup.loss, nn.CrossEntropyLoss)
            device = setup.plan.device
            found.extend(network_warnings(setup.model, image_shape, device, training, is_cross_entropy, origin))
    except Exception as error:  # of the user's network, which has passed all checks: no reason to end the run
        _log.debug("The network could not be examined:", exc_info=error)
    return tuple(found)


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


def _call(model: nn.Module, images: Tensor) -> Any:
    return model(images)


def _checked_logits(observation: Observation, single_image_advice: str, origin: Origin | None) -> Tensor:
    """Return the logits, `[N, num_classes]`, of a batch, or explain the failure."""
    run = observation.run
    if str(run.error).startswith(_SINGLE_VALUE_ERROR) and run.batch_size == 1:
        failed = run.failed_call
        layer = f"{type(failed.module).__name__} {failed.name}" if failed else "The network"
        raise ConfigError(
            f"{layer} normalises over a batch, and needs more than one value of each channel for that, but a batch "
            f"holds a single image: {single_image_advice}"
        ) from run.error
    if observation.trained:
        check_training_run(observation.model, run, origin)
    else:
        raise_explained(observation.model, run, origin=origin)
    assert isinstance(run.output, Tensor)
    _check_batch_dimension(run.output, run.batch_size)
    return run.output


def _check_batch_dimension(output: Tensor, count: int) -> None:
    """Raise an error if an output is not one row for each of `count` images."""
    if output.ndim != 2 or output.shape[0] != count:
        raise ModelError(
            f"The network gives {list(output.shape)} for a batch of {count}: the batch dimension must be kept. If its "
            "forward drops dimensions, name them: write torch.flatten(x, start_dim=1) or x.squeeze((2, 3)) for "
            "x.squeeze()."
        )


def _backward(loss: Tensor, training: Observation, origin: Origin | None) -> None:
    """Compute the gradients, or explain the failure."""
    if loss.requires_grad:
        try:
            loss.backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            check_training_run(training.model, training.run, origin, error)
    if (cause := no_gradient(training)) is not None:
        raise ModelError(f"The network cannot learn: {cause}")


def _update(optimizer: torch.optim.Optimizer, described: str) -> None:
    """Take the optimizer's step, or explain the failure."""
    try:
        take_step(optimizer)
    except REFUSALS as error:
        raise ConfigError(
            f"optimizer: {described} cannot take a step: {str(error).rstrip('.')}. Change its arguments, or choose "
            "another, as in optimizer=adamw."
        ) from error
