"""The random state of a run: set from the seed, saved, and given back."""

import os
import random

import torch
from torch import Tensor


def seed_everything(seed: int) -> None:
    """Seed Python's and torch's generators, on every device.

    NumPy's global generator is left alone: nothing here draws from it.
    """
    random.seed(seed)
    torch.manual_seed(seed)


def set_deterministic(deterministic: bool) -> None:
    """Make torch take only kernels that give the same bits twice, or let it choose again."""
    if deterministic:
        # cuBLAS reads this when its first handle is made; without it torch refuses matrix products on CUDA.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The generators that layers such as dropout draw from, as byte tensors by device type."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random_state(state: dict[str, Tensor]) -> None:
    """Put the generators back to where `random_state` found them."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])
    if "mps" in state:
        torch.mps.set_rng_state(state["mps"])
