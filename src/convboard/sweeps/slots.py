"""The places for trials on this machine: one for each GPU, or on a CPU as many as fill the cores."""

import os
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path

from convboard.errors import ConfigError
from convboard.sweeps.forked_process import result_of
from convboard.training.execution_plan.other_load import core_count

_ASK = ("nvidia-smi", "-L")  # each GPU, and below it its MIG instances
_ID = re.compile(r"\(UUID: ((GPU|MIG)-[^)]+)\)")
_VISIBLE = re.compile(r"\d+|(GPU|MIG)-.+")  # CUDA uses the devices before the first one that is not understood
_SECONDS = 30.0  # that the driver may take to answer
_VARIABLE = "CUDA_VISIBLE_DEVICES"  # torch for AMD's GPUs obeys it too
_AMD_VARIABLE = "HIP_VISIBLE_DEVICES"
_SIGNS_OF_GPUS = ("dev/nvidia*", "dev/kfd", "dev/dxg", "System/Library/Frameworks/Metal.framework")
_ASK_TORCH = "convboard.training.execution_plan.plan:preferred_device"


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
    environments = _devices(devices)[1]
    if not environments:
        if per_gpu is not None:
            raise ConfigError(f"sweep.per_gpu={per_gpu}: there is no GPU here that a trial could use. Omit it.")
        return [Slot()] * (workers or max(1, core_count() // threads))
    number = workers or len(environments) * (per_gpu or 1)
    return [Slot(environments[place % len(environments)]) for place in range(number)]


def device_type(devices: Collection[str]) -> str:
    """Return the type of device of trials here, `cpu`, `cuda` or `mps`, by their values of `trainer.device`."""
    return _devices(devices)[0]


def _devices(devices: Collection[str]) -> tuple[str, list[dict[str, str]]]:
    """Return the type of device of trials, and the environment variables of a place on each GPU."""
    if not set(devices) & {"auto", "cuda", "mps"}:
        return "cpu", []
    if set(devices) & {"auto", "cuda"} and (ids := gpus()):
        return "cuda", [{_VARIABLE: name} for name in ids]
    return _devices_of_torch(devices) if may_have_gpus() else ("cpu", [])


def may_have_gpus() -> bool:
    """Return whether this machine may have a GPU that torch can use; to ask torch takes a second."""
    return "+cpu" not in version("torch") and any(next(Path("/").glob(name), None) for name in _SIGNS_OF_GPUS)


def _devices_of_torch(devices: Collection[str]) -> tuple[str, list[dict[str, str]]]:
    """Return what `_devices` does for GPUs that torch alone can find."""
    try:
        kind, count = result_of(_ASK_TORCH)
    except EOFError:  # it has crashed
        return "cpu", []
    if kind == "cpu" or not set(devices) & {"auto", kind}:
        return "cpu", []
    if kind == "mps":
        return kind, [{_VARIABLE: ""}]  # has no variable: there is but one
    given = os.environ.get(_AMD_VARIABLE)
    if given is not None:  # torch refuses another value of the other variable beside this one
        return kind, [{_AMD_VARIABLE: name, _VARIABLE: name} for name in given.split(",")[:count]]
    return kind, [{_VARIABLE: str(number)} for number in range(count)]


def gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs that this process may use, without importing torch.

    A GPU that is divided into MIG instances has the ids of these: a process can use one of them.
    """
    if "+cpu" in version("torch"):
        return []
    given = os.environ.get(_VARIABLE)
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
