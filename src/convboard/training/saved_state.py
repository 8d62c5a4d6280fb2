"""The checkpoints of a run that is to be resumed, checked before anything of the run is touched.

The bytes of a checkpoint are protected by its hash; here is checked that it is one of this run.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from convboard.errors import CheckpointError
from convboard.training.checkpoint import Checkpoint, load_checkpoint, refuse_other_network


def check_state(checkpoint: Checkpoint, source: Path, steps_per_epoch: int) -> None:
    """Check the state of the training loop in a checkpoint.

    Args:
        checkpoint: The last one of a run.
        source: Its file, for messages.
        steps_per_epoch: Optimizer steps of an epoch of the run.

    Raises:
        CheckpointError: It cannot be the state of this run.
    """
    if not _is_state(checkpoint.state, steps_per_epoch):
        raise CheckpointError(
            f"{source} is not a checkpoint of this run: its epochs, steps or metrics cannot be those of a run with "
            f"{steps_per_epoch} steps per epoch. Put the run's own checkpoint back, or train again."
        )


def check_best(path: Path, last: Checkpoint, model: nn.Module) -> None:
    """Check that the best checkpoint is whole and that of the same run as the last one.

    A run that was killed between the two has a best checkpoint that is one epoch newer.

    Args:
        path: The file of the best checkpoint.
        last: The last checkpoint.
        model: The network of the run.

    Raises:
        CheckpointError: The file is missing, damaged, or not of this run.
    """
    state = last.state
    if not state["best_epoch"]:
        return
    best = load_checkpoint(path)
    refuse_other_network(model, best, path)
    is_same = all(best.state.get(key) == state[key] for key in ("best", "best_epoch"))
    is_newer = best.state.get("best_epoch") == best.state.get("epoch") == state["epoch"] + 1
    if not (is_same or is_newer):
        raise CheckpointError(
            f"{path} is not the best checkpoint of this run, which is that of epoch {state['best_epoch']} with "
            f"accuracy/val={state['best']['accuracy/val']:.4f}. Put it back, or train again."
        )


def _is_state(state: dict[str, Any], steps_per_epoch: int) -> bool:
    match state:
        case {
            "epoch": int(epoch),
            "global_step": int(step),
            "best": {**best},
            "best_epoch": int(best_epoch),
            "processes": int(),
            "sums": {"loss": int() | float(), "correct": int(), "samples": int()},
            **rest,
        }:
            is_best = best.keys() == {"accuracy/val", "loss/val"} and all(map(_is_number, best.values()))
            return (
                0 <= best_epoch <= epoch
                and epoch * steps_per_epoch <= step <= (epoch + 1) * steps_per_epoch
                and (is_best if best_epoch else not best)
                and _is_number(rest.get("seconds", 0.0))
                and isinstance(rest.get("callbacks", rest.get("observers")), dict)
            )
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and -math.inf < value < math.inf


def check_optimizer(saved: dict[str, Any], optimizer: torch.optim.Optimizer, source: Path) -> None:
    """Check that the saved state of an optimizer has the form of that of `optimizer`, as far as torch does not.

    Raises:
        CheckpointError: It has not.
    """
    match saved:
        case {"state": {**states}, "param_groups": [*groups]}:
            is_whole = all(isinstance(state, dict) for state in states.values())
            if is_whole and type(optimizer).__module__.startswith("torch.optim."):
                all_states: list[dict[str, Any]] = list(states.values())  # type: ignore[arg-type]
                is_whole = all(_is_like(state, all_states[0]) for state in all_states)
            is_whole = is_whole and all(map(_is_group, groups, optimizer.param_groups))
        case _:
            is_whole = False
    if not is_whole:
        raise CheckpointError(
            f"{source} is not a checkpoint of this run: its optimizer is not {type(optimizer).__name__}, or has other "
            "arguments. Put the run's own checkpoint back, or train again."
        )


def _is_like(state: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the state of a parameter holds tensors, or None where that of another one does, as in torch.optim."""
    return state.keys() == other.keys() and all(
        isinstance(value, Tensor | None) and (value is None) == (other[key] is None) for key, value in state.items()
    )


def _is_group(saved: object, own: dict[str, Any]) -> bool:
    """Whether a group of parameters has the same keys as one of the optimizer, with values of like types.

    Another device or plan can change numbers to tensors, and None to a bool.
    """
    if not isinstance(saved, dict) or not saved.keys() >= own.keys() - {"params"}:
        return False
    pairs = ((saved[key], value) for key, value in own.items() if key not in ("params", "initial_lr"))
    return all(_is_scalar(one) if _is_scalar(other) else type(one) is type(other) for one, other in pairs)


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, Tensor) or _is_number(value)
