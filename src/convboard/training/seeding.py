"""Seeding, saving and restoring the random state of a run."""

import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


def seed_everything(seed: int) -> None:
    """Seed Python's generator, torch's on every device, and NumPy's global one if it is loaded."""
    random.seed(seed)
    torch.manual_seed(seed)
    _seed_numpy(seed)


def set_deterministic(deterministic: bool) -> None:
    """Let torch use only deterministic kernels, or any kernel."""
    if deterministic:
        # cuBLAS reads this when its first handle is created; without it torch refuses matrix products on CUDA.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if deterministic != torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(deterministic)  # imports all of torch.compile, which takes seconds
    torch.backends.cudnn.benchmark = not deterministic


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of all random generators that a network may use.

    Args:
        device: The device of the network.

    Returns:
        uint8 tensors `[bytes]` on the CPU: those of torch by device type (`cpu`, and `cuda` or `mps` if `device` is
        one), `python`, and `numpy` if it is loaded.
    """
    state = {"cpu": torch.get_rng_state(), "python": _to_bytes(random.getstate())}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    if (numpy_random := _numpy_random()) is not None:
        name, keys, *rest = numpy_random.get_state()
        state["numpy"] = _to_bytes([name, keys.tolist(), *rest])
    return state


def restore_random_state(state: dict[str, Tensor]) -> None:
    """Restore the states that `random_state` returned. If NumPy was loaded since, seed its generator."""
    torch.set_rng_state(state["cpu"])
    version, numbers, gauss = _from_bytes(state["python"])
    random.setstate((version, tuple(numbers), gauss))
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])
    if "mps" in state:
        torch.mps.set_rng_state(state["mps"])
    if "numpy" in state:
        import numpy as np  # deferred for start-up time

        np.random.set_state(tuple(_from_bytes(state["numpy"])))
    else:
        _seed_numpy(torch.initial_seed())


@contextmanager
def preserved_random_state(device: torch.device) -> Iterator[None]:
    """Restore at the end of the context the states of all generators that `seed_everything` seeds.

    `torch.random.fork_rng` does not cover Python and NumPy.
    """
    state = random_state(device)
    try:
        yield
    finally:
        restore_random_state(state)


def _seed_numpy(seed: int) -> None:
    if (numpy_random := _numpy_random()) is not None:
        numpy_random.seed(seed % 2**32)


def _numpy_random() -> Any:
    """Return `numpy.random` if the user's code has loaded it. convboard does not use it, and loading it takes time."""
    return sys.modules.get("numpy.random")


def _to_bytes(state: object) -> Tensor:
    return torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)


def _from_bytes(state: Tensor) -> Any:
    return json.loads(bytes(state.tolist()))
