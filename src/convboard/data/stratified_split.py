"""A fixed order of a labelled set, of which any head and any tail hold each class in proportion."""

import torch
from torch import Tensor

from convboard.data.counter_rng import hashes

_SEED = 20241117  # never the run's: every run has the same validation images


def stratified_order(labels: Tensor) -> Tensor:
    """Deal the samples out class by class, so that a split is a cut.

    Within a class the samples come in a random but fixed order. The classes take turns in proportion to their
    sizes: sample r of a class of n stands at (r + 1/2) / n of the whole. Any head or tail then has its share of
    each class: of k classes, one with n of all N samples is off by (1 + k n / N) / 2 samples at most, which is one
    where all are equally large. So validation images can be set apart without copying an image.

    Args:
        labels: int64 `[N]`.

    Returns:
        The samples' places in the new order, a permutation, int64 `[N]`.
    """
    n = len(labels)
    shuffled = hashes(torch.arange(n), _SEED).argsort()
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    counts = torch.bincount(labels)
    sizes = counts[labels[by_class]]
    ranks = torch.arange(n) - (counts.cumsum(0) - counts)[labels[by_class]]
    positions = (2 * ranks + 1).to(torch.float64) / (2 * sizes)
    return by_class[positions.argsort(stable=True)]
