"""Stratified order of a data set: any head and any tail of it have the classes in proportion."""

import torch
from torch import Tensor

from convboard.data.counter_rng import hashes

_SEED = 20241117  # not the run's seed, so that every run has the same validation images


def stratified_order(labels: Tensor) -> Tensor:
    """Compute an order in which a split is a slice, so that no image is copied for it.

    Within a class the samples have a random but fixed order. Sample r of a class of n is at the fraction (r + 1/2) / n
    of the whole order. In any head or tail, a class with n of all N samples, of k classes, differs from its proportion
    by at most (1 + k n / N) / 2 samples, which is one sample if all classes have the same size.

    Args:
        labels: int64 [N].

    Returns:
        The indices of the samples in the new order, a permutation, int64 [N].
    """
    n = len(labels)
    shuffled = hashes(torch.arange(n), _SEED).argsort()
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    counts = torch.bincount(labels)
    sizes = counts[labels[by_class]]
    ranks = torch.arange(n) - (counts.cumsum(0) - counts)[labels[by_class]]
    positions = (2 * ranks + 1).to(torch.float64) / (2 * sizes)
    return by_class[positions.argsort(stable=True)]
