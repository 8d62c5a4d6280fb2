"""The places for trials on this machine: one for each GPU, or on a CPU as many as fill the cores."""

import os
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import takewhile

from convboard.errors import ConfigError
from convboard.training.execution_plan.other_load import core_count

_ASK = ("nvidia-smi", "-L")  # each GPU, and below it its MIG instances
_ID = re.compile(r"\(UUID: ((GPU|MIG)-[^)]+)\)")
_VISIBLE = re.compile(r"\d+|(GPU|MIG)-.+")  # CUDA uses the devices before the first one that is not understood
_SECONDS = 30.0  # that the driver may take to answer


@dataclass(frozen=True)
class Slot:
    """A place for one trial at a time.

    Attributes:
        environment: Environment variables of its trials, such as CUDA_VISIBLE_DEVICES.
    """

    environment: Mapping[str, str] = field(default_factory=dict)


def slots(workers: int | None, per_gpu: int | None, devices: Collection[str], threads: int = 1) -> list[Slot]:
    """Return the places for trials.

    Args:
        workers: Their number; None for as many as there are GPUs, or else as many as fill the cores.
        per_gpu: Places on each GPU; None for one.
        devices: The values of `trainer.device` in the trials.
        threads: Threads of each trial on a CPU.

    Raises:
        ConfigError: `per_gpu` is given and no trial can run on a GPU.
    """
    ids = gpus() if set(devices) & {"auto", "cuda"} else []
    if not ids:
        if per_gpu is not None:
            raise ConfigError(f"sweep.per_gpu={per_gpu}: there is no NVIDIA GPU here that a trial could use. Omit it.")
        return [Slot()] * (workers or max(1, core_count() // threads))
    number = workers or len(ids) * (per_gpu or 1)
    return [Slot({"CUDA_VISIBLE_DEVICES": ids[place % len(ids)]}) for place in range(number)]


def gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs that this process may use, without importing torch.

    A GPU that is divided into MIG instances has the ids of these: a process can use one of them.
    """
    if "+cpu" in version("torch"):
        return []
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        return list(takewhile(_VISIBLE.fullmatch, names))
    try:
        done = subprocess.run(_ASK, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return _usable([match[1] for match in _ID.finditer(done.stdout)])


def _usable(ids: Sequence[str]) -> list[str]:
    """Return the ids of a list but those of GPUs that are followed by their MIG instances."""
    following = [*ids[1:], ""]
    return [name for name, after in zip(ids, following, strict=True) if (name[:3], after[:3]) != ("GPU", "MIG")]


def threads_of(places: list[Slot]) -> int | None:
    """Return the number of threads of each trial, so that all together fill the cores; None for trials on GPUs."""
    return None if places[0].environment else max(1, core_count() // len(places))
