"""Counter-based random numbers: the order of samples and every draw as a function of their purpose.

A draw is a hash of (seed, epoch, sample, purpose). There is no generator state to store, replay or pass to a worker,
and neither the batch size nor the device nor resuming a run changes a draw. The hash is SplitMix64 (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", 2014) in 64-bit integers, which is equal on every device.
"""

import torch
from torch import Tensor

_BITS = 2**64
_STEP = 0x9E3779B97F4A7C15  # SplitMix64's increment: 2^64 / golden ratio
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB

_ORDER = 0  # the purpose of the order of an epoch; those of augmentations count from 1


def epoch_order(n: int, seed: int, epoch: int, device: torch.device | str = "cpu") -> Tensor:
    """Draw the order of the samples in an epoch.

    Args:
        n: Number of samples.
        seed: The run's seed.
        epoch: The epoch, from 0.
        device: Device of the result.

    Returns:
        A permutation of 0 to n - 1, int64 [n].
    """
    # The hash is a bijection of the index, so that no two samples have the same one and the order is unique.
    return hashes(torch.arange(n, device=device), seed, epoch, _ORDER).argsort()


def draw(indices: Tensor, high: int, seed: int, epoch: int, purpose: int) -> Tensor:
    """Draw one whole number for each sample, uniformly from 0 to `high` - 1.

    Args:
        indices: int64 [N], the samples' indices in their split.
        high: Number of possible values, below 2^31.
        seed: The run's seed.
        epoch: The epoch, from 0.
        purpose: Number of the purpose; draws for different purposes are independent. 0 is that of the order.

    Returns:
        int64 [N], on the device of `indices`.
    """
    fraction = _shifted(hashes(indices, seed, epoch, purpose), 33)  # of 2^31
    return torch.bitwise_right_shift(fraction * high, 31)


def hashes(indices: Tensor, *key: int) -> Tensor:
    """Hash each index under a key: output number `index` of a SplitMix64 that is seeded with the key.

    Args:
        indices: int64 [N].
        key: Whole numbers; a change of any of them changes every hash.

    Returns:
        int64 [N], uniformly distributed over all 64 bits, different for different indices.
    """
    state = 0
    for part in key:
        state = _mixed_int((state + _STEP + part) % _BITS)
    mixed: Tensor = indices * _signed(_STEP) + _signed((state + _STEP) % _BITS)
    mixed = (mixed ^ _shifted(mixed, 30)) * _signed(_FIRST)
    mixed = (mixed ^ _shifted(mixed, 27)) * _signed(_SECOND)
    return torch.bitwise_xor(mixed, _shifted(mixed, 31))


def _shifted(values: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros; `>>` fills with the sign bit."""
    return torch.bitwise_and(values >> bits, 2 ** (64 - bits) - 1)


def _mixed_int(value: int) -> int:
    """SplitMix64's output function, on one unsigned number."""
    value = (value ^ (value >> 30)) * _FIRST % _BITS
    value = (value ^ (value >> 27)) * _SECOND % _BITS
    return value ^ (value >> 31)


def _signed(value: int) -> int:
    """The int64 with the same 64 bits."""
    return value - _BITS if value >= _BITS // 2 else value
