"""The code that a run directory may name: the networks and schedules of convboard, and the optimizers of torch.

The `_target_`s of a config that was read from a run directory are checked here before any of them is imported.
"""

import inspect
from collections.abc import Collection

from convboard.config.instantiate import target_names

_MODELS = (
    *("BatchNormCNN", "CIFAR10Quick", "ConvDemo", "ConvMLP", "ConvStack", "LeNet", "WhitenedCNN"),
    *("cifar10_quick_sequential", "resnet18", "sequential"),
)
_USUAL = {  # those of conf/; for the others, torch has to be imported
    "model": {f"convboard.models.{name}" for name in _MODELS},
    "optimizer": {f"torch.optim.{name}" for name in ("Adam", "AdamW", "RMSprop", "SGD")},
    "scheduler": {f"convboard.training.schedules.{name}" for name in ("Constant", "Cosine", "OneCycle", "StepDecay")},
}


def foreign_targets(group: str, node: object, trusted: Collection[str] = ()) -> list[str]:
    """Return the targets in a config's `group` that are neither convboard's own nor trusted by the user.

    Whole names are compared: a name with an allowed prefix could refer to anything that the module imports. No target
    of convboard's own needs another one in its arguments, so every nested target is foreign.

    Args:
        group: `model`, `optimizer` or `scheduler`.
        node: That part of a config.
        trusted: Targets that the user has named explicitly.
    """
    names = enumerate(target_names(node))
    return [name for at, name in names if name not in trusted and (at > 0 or not _is_own(group, name))]


def are_usual(group: str, node: object) -> bool:
    """Return whether a config's `group` has only targets that are known to be convboard's own without importing torch.

    Args:
        group: See `foreign_targets`.
        node: See `foreign_targets`.
    """
    return all(at == 0 and name in _USUAL.get(group, ()) for at, name in enumerate(target_names(node)))


def _is_own(group: str, name: str) -> bool:
    return name in _USUAL.get(group, ()) or name in _own_targets(group)


def _own_targets(group: str) -> set[str]:
    if group == "model":
        from convboard.models import MODELS  # deferred for start-up time: imports torch

        return {f"convboard.models.{model.__name__}" for model in MODELS.values()}
    if group == "scheduler":
        return _USUAL["scheduler"]
    from torch import optim  # deferred for start-up time

    kinds_of_optimizer = (kind for kind in vars(optim).values() if inspect.isclass(kind))
    return {f"torch.optim.{kind.__name__}" for kind in kinds_of_optimizer if issubclass(kind, optim.Optimizer)}
