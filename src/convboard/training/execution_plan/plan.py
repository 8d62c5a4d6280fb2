"""The computation of the steps of a run: device, precision, memory format, threads, compilation.

The loss, the schedule and the number of steps are not part of a plan. `choose_plan` measures which plan is fastest.
"""

import contextlib
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class PlanOptions(Protocol):
    """What the user gave of a plan; `config.schema.TrainerConfig` is an implementation. None leaves a part open.

    Attributes:
        plan: `auto`: measure, or use an earlier measurement; `measure`: measure anew; else: measure nothing.
        precision: `fp32`, `bf16`, or `auto`: the measurement decides.
        channels_last: See `Plan`; likewise the next three.
        compile: See `Plan`.
        cuda_graph: See `Plan`.
        threads: See `Plan`.
        deterministic: Whether the run must give the same bits each time, so that no measurement decides.
    """

    plan: str
    precision: str
    channels_last: bool | None
    compile: bool | None
    cuda_graph: bool | None
    threads: int | None
    deterministic: bool


@dataclass(frozen=True)
class Plan:
    """The computation of the steps of a run.

    Attributes:
        device: The device of the network and the images.
        precision: `fp32`, or `bf16` for autocast to bfloat16 with float32 weights.
        channels_last: Whether images and convolution weights are stored as NHWC.
        threads: Threads that compute on a CPU; None leaves torch's number.
        compile: Whether the forward pass of training goes through `torch.compile`.
        cuda_graph: Whether the passes of a training step are recorded once and replayed.
    """

    device: torch.device
    precision: str = "fp32"
    channels_last: bool = False
    threads: int | None = None
    compile: bool = False
    cuda_graph: bool = False

    def place(self, model: nn.Module) -> nn.Module:
        """Move `model` to the device and into the memory format, in place, and return it."""
        model.to(self.device)
        if self.channels_last:
            model.to(memory_format=torch.channels_last)
        return model

    def forward(self, model: nn.Module) -> Callable[[Tensor], Tensor]:
        """Return the function that computes the logits, `[N, num_classes]`, of training images, `[N, C, H, W]`."""
        return torch.compile(model) if self.compile else model

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context for a forward pass and its loss."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def with_threads(self) -> Iterator[None]:
        """Compute with the plan's number of threads, and restore the number at the end."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def describe(self, processes: int = 1) -> str:
        """Return the plan in one line, such as `cpu (2 threads), fp32, channels_last`.

        Args:
            processes: Number of processes that compute together, each by this plan.
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
        """Return the plan for JSON. Of the device it has only the type, because each process chooses its own index."""
        return {**asdict(self), "device": self.device.type}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_dict` returned as `plain`."""
        return cls(**{**plain, "device": torch.device(plain["device"])})


def available_devices() -> tuple[str, ...]:
    """Return the types of device that this machine has, the preferred one last: `cpu`, and `mps` or `cuda`."""
    others = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return ("cpu", *(name for name, is_available in others.items() if is_available))


def preferred_device() -> tuple[str, int]:
    """Return the type of device that `auto` chooses, and how many of it this machine has."""
    kind = available_devices()[-1]
    return kind, torch.cuda.device_count() if kind == "cuda" else 1


def compile_failure(device: torch.device) -> str | None:
    """Compile a small function, and return why `torch.compile` does not work on this machine; None if it does."""
    from torch._dynamo.exc import BackendCompilerFailed  # deferred for start-up time: takes seconds to import

    try:
        torch.compile(torch.neg)(torch.zeros(8, device=device))
    except BackendCompilerFailed as error:
        return str(error).splitlines()[0]
    return None


def has_bf16(device: torch.device) -> bool:
    """Return whether the device computes in bfloat16; torch emulates it elsewhere, slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    if platform.machine() in ("arm64", "aarch64"):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # On x86 that function also returns True for AVX-512 without bfloat16, where it is emulated.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, check, bool)()) for check in checks)
