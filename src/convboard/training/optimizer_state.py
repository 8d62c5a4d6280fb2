"""The state of an optimizer in a checkpoint, checked and loaded.

torch checks only the number of parameters. A fused step on a state of other shapes writes beyond its memory.
"""

import copy
import math
from pathlib import Path
from typing import Any

from torch import Tensor, zeros_like
from torch.optim import Optimizer

from convboard.errors import CheckpointError
from convboard.training.optimizer_step import is_of_torch, take_step

# Arguments of torch's optimizers that the schedule, the device or the plan chooses.
_CHOSEN = {"lr", "initial_lr", "fused", "foreach", "capturable", "differentiable"}


def check_optimizer(saved: dict[str, Any], optimizer: Optimizer, source: Path) -> None:
    """Check that the saved state of an optimizer is one of `optimizer`.

    Of an optimizer that is not torch's own, only the structure and the types of its arguments are compared.

    Args:
        saved: The state in a checkpoint.
        optimizer: The optimizer of the run, which has not taken a step.
        source: The file of the checkpoint, for messages.

    Raises:
        CheckpointError: It is not.
    """
    match saved:
        case {"state": {**states}, "param_groups": [*groups]}:
            own = optimizer.state_dict()["param_groups"]
            is_same = _is_same if is_of_torch(optimizer) else _is_alike
            is_whole = len(groups) == len(own) and all(map(is_same, groups, own))
            is_whole = is_whole and all(isinstance(state, dict) for state in states.values())
            is_whole = is_whole and (not is_of_torch(optimizer) or _are_states(states, optimizer))
        case _:
            is_whole = False
    if not is_whole:
        raise CheckpointError(
            f"{source} is not a checkpoint of this run: its optimizer is not {type(optimizer).__name__}, or has other "
            "arguments or weights. Put the run's own checkpoint back, or train again."
        )


def load_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """Load a state that `check_optimizer` has checked.

    The arguments of torch's optimizers are not loaded: those of `optimizer` fit the device that it is on now.
    """
    groups = optimizer.state_dict()["param_groups"] if is_of_torch(optimizer) else saved["param_groups"]
    optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})


def _is_same(saved: object, own: dict[str, Any]) -> bool:
    """Whether a group has the parameters and arguments of one of the optimizer."""
    return isinstance(saved, dict) and all(
        repr(saved.get(key)) == repr(value) for key, value in own.items() if key not in _CHOSEN
    )


def _is_alike(saved: object, own: dict[str, Any]) -> bool:
    """Whether a group has the same keys as one of the optimizer, with values of like types.

    Another device or plan can change numbers to tensors, and None to a bool.
    """
    if not isinstance(saved, dict) or not saved.keys() >= own.keys():
        return False
    pairs = ((saved[key], value) for key, value in own.items())
    return all(_is_scalar(one) if _is_scalar(other) else type(one) is type(other) for one, other in pairs)


def _is_scalar(value: object) -> bool:
    is_number = isinstance(value, int | float) and -math.inf < value < math.inf
    return value is None or isinstance(value, Tensor) or is_number


def _are_states(saved: dict[Any, Any], optimizer: Optimizer) -> bool:
    """Whether these can be the states of parameters by their number, compared with those after a first step.

    A parameter that never got a gradient has none.
    """
    first = copy.deepcopy(optimizer)
    for group in first.param_groups:
        for weight in group["params"]:
            weight.grad = zeros_like(weight)
    take_step(first)
    wanted = first.state_dict()["state"]
    return all(number in wanted and _forms(state) == _forms(wanted[number]) for number, state in saved.items())


def _forms(state: dict[str, Any]) -> dict[str, object]:
    """The shape and kind of each tensor of a state, and the type of its other values."""
    return {
        key: (value.shape, value.is_floating_point()) if isinstance(value, Tensor) else type(value)
        for key, value in state.items()
    }
