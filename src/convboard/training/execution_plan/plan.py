"""Where and how a network computes: device, precision, memory format, threads, compilation.

What to compute (loss, schedule, steps) is the trainer's business, not the plan's. Which plan is the fastest is measured
in `measuring`.
"""

import contextlib
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from convboard.errors import ConfigError, nearest

DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Plan:
    """How the steps of a run are computed.

    Attributes:
        device: Where the network and the images live.
        precision: `fp32`, or `bf16` for autocast to bfloat16 with float32 weights.
        channels_last: Whether images and convolution weights are stored as NHWC.
        threads: How many compute on a CPU; None leaves torch's number as it is.
        compile: Whether the training forward pass goes through `torch.compile`.
        cuda_graph: Whether the passes of a training step are recorded once and replayed.
    """

    device: torch.device
    precision: str = "fp32"
    channels_last: bool = False
    threads: int | None = None
    compile: bool = False
    cuda_graph: bool = False

    def place(self, model: nn.Module) -> nn.Module:
        """Move `model` to the device and into the memory format, in place."""
        model.to(self.device)
        if self.channels_last:
            model.to(memory_format=torch.channels_last)
        return model

    def forward(self, model: nn.Module) -> Callable[[Tensor], Tensor]:
        """The call that computes the logits of a training batch."""
        return torch.compile(model) if self.compile else model

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which a forward pass and its loss run."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def with_threads(self) -> Iterator[None]:
        """Compute with as many threads as the plan says, and with as many as before after that."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def describe(self, processes: int = 1) -> str:
        """One line for people, such as `cpu (2 threads), fp32, channels_last`.

        Args:
            processes: How many compute together, each by this plan.
        """
        if self.device.type == "cuda":
            where = f"cuda ({torch.cuda.get_device_name(self.device)})"
            where += f", {processes} processes" if processes > 1 else ""
        elif self.device.type == "cpu":
            threads = self.threads or torch.get_num_threads()
            each = f"{threads} thread{'s' if threads != 1 else ''}"
            where = f"cpu ({each})" if processes == 1 else f"cpu, {processes} processes of {each} each"
        else:
            where = self.device.type
        switches = [name for name in ("channels_last", "compile", "cuda_graph") if getattr(self, name)]
        return ", ".join([where, self.precision, *switches])

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON has it; of the device its kind alone, since which one is for a process to say."""
        return {**asdict(self), "device": self.device.type}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Plan":
        """The plan that `to_dict` gave."""
        return cls(**{**plain, "device": torch.device(plain["device"])})


def check_compile(device: torch.device) -> None:
    """Compile something small, to find out before a run begins whether `torch.compile` works here.

    Raises:
        ConfigError: It does not.
    """
    from torch._dynamo.exc import BackendCompilerFailed  # takes seconds to import

    try:
        torch.compile(torch.neg)(torch.zeros(8, device=device))
    except BackendCompilerFailed as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"trainer.compile=true: torch.compile does not work on this machine ({reason}). It needs a C++ compiler, "
            "such as g++, and for a GPU Triton: install that, or leave trainer.compile=false."
        ) from error


def check_cuda_graph(device: torch.device) -> None:
    """Find out before a run begins whether it can record a CUDA graph.

    Raises:
        ConfigError: It cannot.
    """
    if device.type != "cuda":
        raise ConfigError(
            f"trainer.cuda_graph=true: only an NVIDIA GPU can replay a recorded step, and this run is on {device.type}."
            " Leave it away, or choose trainer.device=cuda on a machine that has one."
        )


def is_there(device: torch.device) -> bool:
    """Whether this machine has the device."""
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    return device.type != "mps" or torch.backends.mps.is_available()


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `mps` into a device that is there.

    Raises:
        ConfigError: The name is unknown, or this machine has no such device.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(device for device in ("cuda", "mps", "cpu") if available[device]))
    if name not in available:
        raise ConfigError(f"trainer.device={name!r} is not a device. {nearest(name, DEVICES)}")
    if not available[name]:
        here = ", ".join(device for device, there in available.items() if there)
        raise ConfigError(
            f"trainer.device={name}: torch {torch.__version__} finds no {name} device on this machine. "
            f"Available here: {here}. Use trainer.device=auto to take the best one there is."
        )
    return torch.device(name)


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 itself; torch emulates what it does not, slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    if platform.machine() in ("arm64", "aarch64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # On x86 that says yes of AVX-512 without bfloat16 as well, where it is emulated.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)
