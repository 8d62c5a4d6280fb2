"""BatchNorm over the whole batch, of which each of several processes has a part.

torch's SyncBatchNorm runs only on GPUs; this module has one for the CPU.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@dataclass
class LocalPart:
    """The part of a batch that this process has.

    Attributes:
        all_reduce: Replaces a tensor by its sum over all processes.
        has_samples: Whether the part has samples; an empty part is replaced by one black image.
    """

    all_reduce: Callable[[Tensor], None]
    has_samples: bool = True

    def __deepcopy__(self, memo: object) -> "LocalPart":
        """Return the same object: a copy of the network belongs to the same process."""
        return self


def convert_sync_batchnorm(model: nn.Module, part: LocalPart, device: torch.device) -> None:
    """Replace every BatchNorm in `model` by one over all processes with the same parameters and buffers."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if not isinstance(child, _BatchNorm) or isinstance(child, nn.SyncBatchNorm):
                continue
            if device.type == "cuda":
                setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
            else:
                setattr(module, name, SyncBatchNorm(child, part))


class SyncBatchNorm(_BatchNorm):
    """Normalisation of each channel over all samples and pixels of the batch in all processes.

    Mean and variance are means over processes, weighted by their numbers of values; gradients flow through both.

    Args:
        local: The layer whose parameters, buffers and settings it takes over.
        part: The part of the batch that this process has.
    """

    def __init__(self, local: _BatchNorm, part: LocalPart) -> None:
        super().__init__(local.num_features, local.eps, local.momentum, local.affine, local.track_running_stats)
        self._parameters = local._parameters
        self._buffers = local._buffers
        self.training = local.training
        self._part = part

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  (torch's own name)
        if input.dim() < 2:
            raise ValueError(f"expected a batch of features, got {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Return the normalised input, `[N, C, ...]`."""
        if not self.training:
            normalised: Tensor = super().forward(input)
            return normalised
        values = input if input.dtype == torch.float64 else input.float()
        others = [dim for dim in range(input.dim()) if dim != 1]  # all dimensions but the channels
        local_count = values.numel() // values.shape[1] if self._part.has_samples else 0
        count = values.new_tensor(float(local_count))
        self._part.all_reduce(count)
        weight = local_count / count
        mean = _sum_over_processes(weight * values.mean(others), self._part)
        shape = [1, -1] + [1] * (input.dim() - 2)
        centred = values - mean.view(shape)
        variance = _sum_over_processes(weight * centred.square().mean(others), self._part)
        self._update_running_statistics(mean.detach(), variance.detach(), count)
        result = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            result = result * self.weight.view(shape) + self.bias.view(shape)
        return result.to(input.dtype)

    @torch.no_grad()
    def _update_running_statistics(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Update the running statistics like torch, with the unbiased variance; `mean` and `variance` are `[C]`."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)


class _Sum(torch.autograd.Function):
    """The sum of a tensor over processes. Each process adds to the loss of all, so gradients are summed as well."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, part: LocalPart) -> Tensor:
        ctx.part = part
        summed = tensor.clone()
        part.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        summed = gradient.clone(memory_format=torch.contiguous_format)
        ctx.part.all_reduce(summed)
        return summed, None


def _sum_over_processes(tensor: Tensor, part: LocalPart) -> Tensor:
    summed: Tensor = _Sum.apply(tensor, part)
    return summed
