"""State of a network that a checkpoint cannot hold."""

import copy
import logging
import random
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from convboard.anatomy.module_paths import own_attributes
from convboard.data.dataset import ImageShape
from convboard.errors import ModelError
from convboard.training.seeding import preserved_random_state
from convboard.training.serialization import StatePacker
from convboard.training.training_setup import TrainingSetup

_log = logging.getLogger(__name__)
_EXTRA_STATE = "_extra_state"  # the end of its name in a state_dict


def refuse_unsavable(model: nn.Module, trained: nn.Module) -> None:
    """Check that the state of a network after a training step can be saved, and loaded again.

    Args:
        model: The network.
        trained: A copy of it that has taken a step, or the network itself if it cannot be copied.

    Raises:
        ModelError: It cannot: it contains an object that a checkpoint cannot hold, has other names or shapes than at
            the beginning, or `set_extra_state` fails.
    """
    state, packing = trained.state_dict(), StatePacker()
    for name, value in state.items():
        try:
            packing.pack(value, name)
        except TypeError as error:
            what = f"get_extra_state() of {_owner(name, model)}" if name.endswith(_EXTRA_STATE) else name
            raise ModelError(
                f"{what} cannot be saved: {error}. Return tensors, numbers, texts, bytes, or lists and dicts of these."
            ) from error
    before = model.state_dict()
    for name in before | state:
        old, new = (_shape(values, name) for values in (before, state))
        if old != new:
            raise ModelError(
                f"{name} of the network is {old} when it is built, and {new} after a training step: no checkpoint "
                "could be loaded into a new network. Give it its final shape in __init__, or keep it with "
                "self.register_buffer(name, tensor, persistent=False), which is not saved."
            )
    _refuse_unloadable(trained, state)


def _owner(name: str, model: nn.Module) -> str:
    return name.removesuffix(_EXTRA_STATE).rstrip(".") or type(model).__name__


def _shape(state: dict[str, Any], name: str) -> str:
    value = state.get(name)
    return str(list(value.shape)) if isinstance(value, Tensor) else "there" if name in state else "missing"


def _refuse_unloadable(model: nn.Module, state: dict[str, Any]) -> None:
    """Refuse extra state that the network does not take back."""
    if any(name.endswith(_EXTRA_STATE) for name in state):
        try:
            model.load_state_dict(state)
        except Exception as error:  # by set_extra_state, of any type
            raise ModelError(
                f"What get_extra_state() of the network returns cannot be loaded again: {type(error).__name__}: "
                f"{' '.join(str(error).split()).rstrip('.')}. See set_extra_state()."
            ) from error


def warn_of_unsaved_state(setup: TrainingSetup, image_shape: ImageShape) -> None:
    """Tell once what a training step changes in the network and no checkpoint holds.

    These are buffers with persistent=False, and attributes of modules of the user's: numbers, tensors, NumPy arrays,
    generators, and lists, sets and dicts of these. A copy of the network computes two black images; one that cannot is
    not checked.

    Args:
        setup: The run that is resumed.
        image_shape: Shape (C, H, W) of an image.
    """
    changed = _changed_by_a_step(setup, image_shape)
    if changed:
        _log.warning(
            "No checkpoint holds %s, which a training step of the network changes: the resumed run begins with the "
            "initial values, and can differ from one that was never interrupted. Keep them in buffers, with "
            "self.register_buffer(name, tensor), or return them from get_extra_state().",
            ", ".join(changed),
        )


def _changed_by_a_step(setup: TrainingSetup, image_shape: ImageShape) -> list[str]:
    plan = setup.plan
    try:
        model = copy.deepcopy(setup.model).train()
        if not all(weight.is_leaf for weight in model.parameters()):
            return []  # torch.jit copies its modules so, and torch warns when they are moved
        plan.place(model)
        before = dict(_unsaved(model))
        with preserved_random_state(plan.device), torch.no_grad(), plan.autocast():
            model(torch.zeros(2, *image_shape, device=plan.device))
    except Exception:  # by the user's code, such as a network that cannot be copied
        return []
    return [name for name, value in _unsaved(model) if before.get(name) != value]


def _unsaved(model: nn.Module) -> Iterator[tuple[str, object]]:
    """Yield the names and values of what is not in the `state_dict` of a network."""
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        for name in module._non_persistent_buffers_set:
            yield f"{prefix}{name}", _comparable(module.get_buffer(name))
        if not type(module).__module__.startswith("torch."):
            for name, value in own_attributes(module):
                yield f"{prefix}{name}", _comparable(value)


def _comparable(value: Any) -> object:
    """Return the value as plain objects that `==` compares; None for other objects."""
    match value:
        case Tensor():
            return value.dtype, value.shape, bytes(value.detach().cpu().reshape(-1).view(torch.uint8).numpy())
        case torch.Generator():
            return _comparable(value.get_state())
        case random.Random():
            return value.getstate()
        case bool() | int() | float() | str() | bytes():
            return repr(value)  # NaN equals itself
        case np.ndarray() if value.dtype.hasobject:
            return _comparable(value.tolist())
        case np.ndarray() | np.generic():
            return value.dtype, value.shape, value.tobytes()
        case np.random.Generator():
            return _comparable(value.bit_generator.state)
        case np.random.BitGenerator():
            return _comparable(value.state)
        case np.random.RandomState():
            return _comparable(value.get_state())
        case list() | tuple() | deque():
            return [_comparable(item) for item in value]
        case set() | frozenset():
            return sorted(repr(_comparable(item)) for item in value)
        case dict():
            return {key: _comparable(item) for key, item in value.items()}
    return None
