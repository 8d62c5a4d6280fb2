"""Histograms of many tensors at once, counted on the device of the tensors."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from convboard.board import summaries

_BINS = 40  # TensorBoard resamples to 30


@torch.no_grad()
def histogram_values(tensors: Mapping[str, Tensor]) -> list[summaries.Value]:
    """A histogram of each tensor, read from the device in two transfers however many there are.

    Values that are not finite are left out; a tensor without finite values gets no histogram.

    Args:
        tensors: Tensors of any shape by tag.
    """
    flat = {tag: _flat(tensor) for tag, tensor in tensors.items() if tensor.numel()}
    facts = dict(zip(flat, _to_host([_facts(values) for values in flat.values()]), strict=True))
    for tag in [tag for tag, (low, high, *_) in facts.items() if not math.isfinite(high - low)]:
        finite = flat[tag][flat[tag].isfinite()]
        if finite.numel():
            flat[tag], facts[tag] = finite, _facts(finite).tolist()
        else:
            del flat[tag], facts[tag]
    with _nondeterministic_kernels():
        counts = [torch.histc(values, _BINS, *facts[tag][:2]) for tag, values in flat.items()]
    return [summaries.histogram(tag, bins, *facts[tag]) for tag, bins in zip(flat, _to_host(counts), strict=True)]


def _flat(tensor: Tensor) -> Tensor:
    return tensor.detach().reshape(-1).float()


def _facts(values: Tensor) -> Tensor:
    """Minimum, maximum, sum, sum of squares."""
    low, high = torch.aminmax(values)
    return torch.stack([low, high, values.sum(), torch.dot(values, values)])


def _to_host(rows: Sequence[Tensor]) -> list[list[float]]:
    if not rows:
        return []
    numbers: list[list[float]] = torch.stack(list(rows)).tolist()
    return numbers


@contextmanager
def _nondeterministic_kernels() -> Iterator[None]:
    """Allow `histc` on CUDA in a deterministic run: it counts, and sums of ones have no rounding error."""
    before = torch.get_deterministic_debug_mode()
    torch.set_deterministic_debug_mode("default")  # use_deterministic_algorithms would import all of torch.compile
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
