"""The code that a run directory may name: the networks and schedules of convboard, and the optimizers of torch.

The `_target_`s of a config that was read from a run directory are checked here before any of them is imported.
"""

import inspect
from collections.abc import Collection

from convboard.config.instantiate import target_names


def foreign_targets(group: str, node: object, trusted: Collection[str] = ()) -> list[str]:
    """Return the targets in a config's `group` that are neither convboard's own nor trusted by the user.

    Whole names are compared: a name with an allowed prefix could refer to anything that the module imports. No target
    of convboard's own needs another one in its arguments, so every nested target is foreign.

    Args:
        group: `model`, `optimizer` or `scheduler`.
        node: That part of a config.
        trusted: Targets that the user has named explicitly.
    """
    names = list(target_names(node))
    own = _own_targets(group)
    return [name for at, name in enumerate(names) if name not in trusted and (at > 0 or name not in own)]


def _own_targets(group: str) -> set[str]:
    if group == "model":
        from convboard.models import MODELS  # deferred for start-up time: imports torch

        return {f"convboard.models.{model.__name__}" for model in MODELS.values()}
    if group == "scheduler":
        # Deferred for start-up time.
        from convboard.training.schedules import Constant, Cosine, OneCycle, StepDecay

        return {f"convboard.training.schedules.{kind.__name__}" for kind in (Constant, Cosine, OneCycle, StepDecay)}
    from torch import optim  # deferred for start-up time

    kinds_of_optimizer = (kind for kind in vars(optim).values() if inspect.isclass(kind))
    return {f"torch.optim.{kind.__name__}" for kind in kinds_of_optimizer if issubclass(kind, optim.Optimizer)}
