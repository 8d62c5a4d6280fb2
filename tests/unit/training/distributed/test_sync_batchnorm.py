import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.nn.modules.batchnorm import _BatchNorm

from convboard.training.distributed.sync_batchnorm import LocalPart, SyncBatchNorm, convert_sync_batchnorm


def adders(count: int) -> list[Callable[[Tensor], None]]:
    """The functions that sum a tensor over `count` threads, one for each thread."""
    barrier = threading.Barrier(count, timeout=60)
    parts: dict[int, Tensor] = {}

    def adder(rank: int) -> Callable[[Tensor], None]:
        def all_reduce(tensor: Tensor) -> None:
            parts[rank] = tensor.clone()
            barrier.wait()
            total = torch.stack([parts[other] for other in range(count)]).sum(0)
            barrier.wait()
            tensor.copy_(total)

        return all_reduce

    return [adder(rank) for rank in range(count)]


def train(layer: nn.Module, batches: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Pass over the batches, forward and backward; gives the gradients of all images."""
    leaves = []
    for images, wanted in batches:
        leaves.append(images.clone().requires_grad_())
        mse_loss(layer(leaves[-1]), wanted, reduction="sum").backward()  # type: ignore[no-untyped-call]
    return torch.stack([leaf.grad for leaf in leaves if leaf.grad is not None])


def train_in_parts(
    local: nn.Module, batches: list[tuple[Tensor, Tensor]], sizes: list[int]
) -> list[tuple[nn.Module, Tensor]]:
    """The same in threads, each with a copy of `local` and its part of each batch; one that has none, with a zero."""

    def train_part(rank: int, all_reduce: Callable[[Tensor], None]) -> tuple[nn.Module, Tensor]:
        model = nn.Sequential(deepcopy(local))
        convert_sync_batchnorm(model, LocalPart(all_reduce, has_samples=sizes[rank] > 0), torch.device("cpu"))
        assert isinstance(model[0], SyncBatchNorm)
        parts = [(torch.split(images, sizes)[rank], torch.split(wanted, sizes)[rank]) for images, wanted in batches]
        if sizes[rank]:
            return model[0], train(model[0], parts)
        for images, _ in batches:
            (model[0](torch.zeros_like(images[:1]).requires_grad_()).sum() * 0).backward()
        return model[0], torch.stack([images for images, _ in parts])

    with ThreadPoolExecutor(len(sizes)) as pool:
        return list(pool.map(train_part, range(len(sizes)), adders(len(sizes))))


@pytest.mark.parametrize("sizes", [[5, 2], [3, 3, 1], [7, 0]], ids=str)
@pytest.mark.parametrize(
    ("local", "shape"),
    [
        (nn.BatchNorm2d(3), (3, 4, 2)),
        (nn.BatchNorm1d(3, momentum=None), (3,)),
        (nn.BatchNorm2d(3, affine=False, track_running_stats=False), (3, 2, 2)),
    ],
    ids=["images", "features", "bare"],
)
def test_parts_in_several_processes_are_one_batch(local: _BatchNorm, shape: tuple[int, ...], sizes: list[int]) -> None:
    numbers = torch.Generator().manual_seed(1)

    def random() -> Tensor:
        return torch.randn(7, *shape, generator=numbers, dtype=torch.float64)

    whole = deepcopy(local).double()
    parameters = list(whole.parameters())
    for parameter in parameters:
        nn.init.uniform_(parameter, 0.5, 2, generator=numbers)
    batches = [(random() * 3 + 5, random()) for _ in range(2)]
    layers, gradients = zip(*train_in_parts(whole, batches, sizes), strict=True)
    close = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-12)
    close(torch.cat(gradients, 1), train(whole, batches))
    for layer in layers:
        close(layer.state_dict(), whole.state_dict())
    for parameter, *shares in zip(parameters, *(layer.parameters() for layer in layers), strict=True):
        close(sum(share.grad for share in shares), parameter.grad)
