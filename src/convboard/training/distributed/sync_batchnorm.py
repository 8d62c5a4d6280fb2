"""BatchNorm whose statistics are those of the whole batch when several processes have a part of it each.

On a GPU that is torch's SyncBatchNorm. It knows no CPU, so here is one of a few lines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@dataclass
class Share:
    """What this process contributes, and how.

    Attributes:
        add_up: Replaces a tensor by its sum over all processes.
        counts: Whether the images that this process has now count, or a black one stands in for none.
    """

    add_up: Callable[[Tensor], None]
    counts: bool = True

    def __deepcopy__(self, memo: object) -> "Share":
        """A copy of the network belongs to the same process."""
        return self


def convert_sync_batchnorm(model: nn.Module, share: Share, device: torch.device) -> None:
    """Replace every BatchNorm in `model` by one over all processes, of the same parameters and buffers."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if not isinstance(child, _BatchNorm) or isinstance(child, nn.SyncBatchNorm):
                continue
            if device.type == "cuda":
                setattr(module, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
            else:
                setattr(module, name, SyncBatchNorm(child, share))


class SyncBatchNorm(_BatchNorm):
    """Normalises each channel over the batch, all pixels of it and all processes.

    Mean and variance are means over processes, weighted by their numbers of values; gradients flow through both.

    Args:
        local: Whose parameters, buffers and settings it takes over.
        share: Whether this process's images count.
    """

    def __init__(self, local: _BatchNorm, share: Share) -> None:
        super().__init__(local.num_features, local.eps, local.momentum, local.affine, local.track_running_stats)
        self._parameters = local._parameters
        self._buffers = local._buffers
        self.training = local.training
        self._share = share

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  (torch's own name)
        if input.dim() < 2:
            raise ValueError(f"expected a batch of features, got {list(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Normalise `[N, C, ...]`."""
        if not self.training:
            normalised: Tensor = super().forward(input)
            return normalised
        values = input if input.dtype == torch.float64 else input.float()
        others = [at for at in range(input.dim()) if at != 1]  # all dimensions but that of the channels
        count = values.numel() // values.shape[1] if self._share.counts else 0
        total = values.new_tensor(float(count))
        self._share.add_up(total)
        part = count / total
        mean = _sum_over_processes(part * values.mean(others), self._share)
        shape = [1, -1] + [1] * (input.dim() - 2)
        centred = values - mean.view(shape)
        variance = _sum_over_processes(part * centred.square().mean(others), self._share)
        self._remember(mean.detach(), variance.detach(), total)
        result = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            result = result * self.weight.view(shape) + self.bias.view(shape)
        return result.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """Take a batch into the running statistics, as torch does: with the unbiased variance."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        pace = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, pace)
        self.running_var.lerp_(variance * count / (count - 1), pace)


class _Sum(torch.autograd.Function):
    """The sum over processes of a tensor; each contributed to the loss of all, so gradients are summed as well."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, share: Share) -> Tensor:
        ctx.share = share
        summed = tensor.clone()
        share.add_up(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        summed = gradient.clone(memory_format=torch.contiguous_format)
        ctx.share.add_up(summed)
        return summed, None


def _sum_over_processes(tensor: Tensor, share: Share) -> Tensor:
    summed: Tensor = _Sum.apply(tensor, share)
    return summed
