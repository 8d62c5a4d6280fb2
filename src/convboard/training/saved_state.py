"""The checkpoints of a run that is to be resumed, checked before anything of the run is touched.

The bytes of a checkpoint are protected by its hash; here is checked that it is one of this run.
"""

import math
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import nn

from convboard.errors import CheckpointError
from convboard.training.checkpoint import LAST, Checkpoint, load_checkpoint, network_differences, refuse_other_network

_TAGS = ("accuracy/val", "loss/val")


def check_network(checkpoint: Checkpoint, source: Path, model: nn.Module) -> None:
    """Check that the network of a run is the one that its last checkpoint was saved from: its code may have changed.

    Args:
        checkpoint: The last one of the run.
        source: Its file, in the folder of the run's checkpoints.
        model: The network of the run.

    Raises:
        CheckpointError: It is not; the message says how the run is trained from the start.
    """
    differences = network_differences(model, checkpoint)
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    stored, built = ([name for name in names if name in parameters] for names in (checkpoint.model, model.state_dict()))
    if not differences and stored != built:  # the optimizer's state has no names
        differences = "its layers are created in another order"
    if differences:
        raise CheckpointError(
            f"The network has changed since {source} was saved: {differences}. To go on from there, restore the "
            "network. To train the run from the start, remove its checkpoints and resume it again: "
            f"rm -r {shlex.quote(str(source.parent))}"
        )


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
    if state["best_epoch"]:
        best = load_checkpoint(path)
        refuse_other_network(model, best, path)
        _refuse_other_run(best, path, state, newest=state["epoch"] + 1)


def load_best(path: Path, result: dict[str, Any], model: nn.Module) -> Checkpoint:
    """Read the best checkpoint of a run that another process may be training.

    Args:
        path: Its file. Where the run has not finished, the last checkpoint beside it tells whether both are of the same
            run, if it is whole.
        result: The contents of the run's `result.json`; empty where the run has not finished.
        model: The network of the run.

    Raises:
        CheckpointError: The file is missing, damaged, or not of this run.
    """
    wanted: dict[str, Any] = {}
    if result:
        wanted = {"best": result["metrics"], "best_epoch": result["best_epoch"], "epoch": math.inf}
    else:
        with suppress(CheckpointError):
            wanted = load_checkpoint(path.with_name(LAST)).state  # before the best one, which can then only be newer
    best = load_checkpoint(path)
    refuse_other_network(model, best, path)
    if result or _is_evaluated(wanted):
        _refuse_other_run(best, path, wanted, newest=math.inf)
    return best


def _refuse_other_run(best: Checkpoint, path: Path, wanted: dict[str, Any], newest: float) -> None:
    """Refuse a best checkpoint that has not the metrics and epoch in `wanted`, or better ones up to epoch `newest`."""
    metrics = {tag: wanted["best"][tag] for tag in _TAGS}
    state = best.state
    is_same = state.get("best") == metrics and state.get("best_epoch") == wanted["best_epoch"]
    if not (is_same or (_is_evaluated(state) and _is_better(state, wanted, newest))):
        raise CheckpointError(
            f"{path} is not the best checkpoint of this run, which is that of epoch {wanted['best_epoch']} with "
            f"accuracy/val={metrics['accuracy/val']:.4f}. Put it back, or train again."
        )


def _is_evaluated(state: dict[str, Any]) -> bool:
    """Whether this is the state of a run with at least one epoch, as far as the best one is concerned."""
    match state:
        case {"epoch": int(), "best_epoch": int(), "best": {"accuracy/val": accuracy, "loss/val": loss}}:
            return _is_number(accuracy) and _is_number(loss)
    return False


def _is_better(state: dict[str, Any], other: dict[str, Any], newest: float) -> bool:
    """Whether a best checkpoint is from a later epoch than another state, up to `newest`, with better metrics."""
    ours, theirs = ((each["best"]["accuracy/val"], -each["best"]["loss/val"]) for each in (state, other))
    return ours > theirs and other["epoch"] < state["epoch"] == state["best_epoch"] <= newest


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
            is_best = best.keys() == set(_TAGS) and all(map(_is_number, best.values()))
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
