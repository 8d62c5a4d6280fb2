"""Construction of the optimizer and the learning-rate schedule of a config."""

import inspect
from typing import cast

import torch
from torch import nn

from convboard.anatomy.origin import Origin
from convboard.config.instantiate import Target
from convboard.errors import ConfigError, ModelError
from convboard.training.nan_guard import NanGuard
from convboard.training.optimizer_step import skip_dynamo_import
from convboard.training.schedules import Schedule, ScheduleError

_IMPLEMENTATIONS = {"fused", "foreach", "differentiable"}  # mutually exclusive implementations of torch's optimizers


def build_optimizer(
    target: Target, model: nn.Module, device: torch.device, origin: Origin | None = None
) -> torch.optim.Optimizer:
    """Build the optimizer of a config over all parameters of `model`.

    Args:
        target: The config's `optimizer`.
        model: The network, on its device.
        device: That device.
        origin: How the network was built; None if it is not known.

    Raises:
        ConfigError: The optimizer cannot be built, or the training loop does not support it.
        ModelError: The network has no weights to train.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ModelError(_all_frozen(model, origin or Origin()))
    named = f"optimizer._target_={target.node['_target_']!r}"
    can_fuse = target.factory in NanGuard.SKIPPING and all(weight.is_floating_point() for weight in model.parameters())
    fuses = device.type in ("cpu", "cuda") and can_fuse and not _IMPLEMENTATIONS & target.node.keys()
    skip_dynamo_import()
    # Fused: one kernel for all parameters; on CUDA, no step waits until the loss is read.
    optimizer = target.build(model.parameters(), **({"fused": True} if fuses else {}))
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ConfigError(f"{named} is not a torch.optim.Optimizer.")
    if not all(isinstance(group.get("lr"), (float, int)) for group in optimizer.param_groups):
        raise ConfigError(
            f"{named} has no learning rate lr that is a number, which the schedule changes from step to step. Add "
            "optimizer.lr=<number>, or choose another, as in optimizer=adamw."
        )
    if isinstance(optimizer, torch.optim.Adafactor):
        for group in optimizer.param_groups:
            group.setdefault("capturable", False)  # torch's own step on a GPU needs it, but torch does not set it
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise ConfigError(
            f"{named} computes the loss several times for each step, which the training loop does not support. "
            "Choose another, as in optimizer=adamw."
        )
    return optimizer


def _all_frozen(model: nn.Module, origin: Origin) -> str:
    """The message for a network none of whose weights is trained."""
    # Deferred for start-up time: only errors need it.
    from convboard.anatomy.diagnostics.source_lines import in_brackets, lines_that_freeze
    from convboard.anatomy.diagnostics.wording import in_python

    last = next((name.rpartition(".")[0] for name, _ in reversed(list(model.named_parameters()))), "")
    network = "self" if origin.factory is type(model) else "model"
    return (
        "The network has no weights to train: no parameter in it has requires_grad=True"
        f"{in_brackets(*lines_that_freeze(model, origin))}. Freeze before the layers to train are made, or call "
        f"requires_grad_(True) on them afterwards, such as {in_python(f'{network}.{last}')}.requires_grad_(True)."
        if last
        else "The network has no weights to train: no parameter in it has requires_grad=True."
    )


def build_schedule(target: Target) -> Schedule:
    """Build the learning-rate schedule of a config.

    Raises:
        ConfigError: The schedule cannot be built, or is not a function of the step.
    """
    name = target.node["_target_"]
    if name.startswith("torch.optim.lr_scheduler."):
        raise ConfigError(
            f"scheduler._target_={name!r} keeps a state of its own; here a schedule is a function of the "
            "step, so that a run can be resumed at any step. Choose one of conf/scheduler, as in scheduler=cosine."
        )
    try:
        return cast(Schedule, target.build())
    except ScheduleError as error:
        raise ConfigError(f"scheduler.{error}") from error
