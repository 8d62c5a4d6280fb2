"""Chance without a generator."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convboard.data.counter_rng import draw, epoch_order, hashes


def test_hash_is_splitmix64() -> None:
    """The first outputs of SplitMix64 started from 0, as its authors' C code gives them."""
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [value % 2**64 for value in hashes(torch.arange(3)).tolist()] == expected


def test_values_never_change() -> None:
    """A run with the same seed sees the same samples in every version of convboard."""
    assert hashes(torch.arange(2), 7, 3, 1).tolist() == [-1619253416072974078, 1082857955408810116]
    assert epoch_order(8, seed=7, epoch=3).tolist() == [1, 6, 7, 3, 4, 5, 0, 2]
    assert draw(torch.arange(8), 9, seed=7, epoch=3, purpose=1).tolist() == [8, 0, 7, 5, 0, 2, 1, 4]


@settings(max_examples=50)
@given(n=st.integers(1, 300), seed=st.integers(-(2**70), 2**70), epoch=st.integers(0, 10**6))
def test_order_is_a_permutation(n: int, seed: int, epoch: int) -> None:
    assert epoch_order(n, seed, epoch).sort().values.equal(torch.arange(n))


def test_orders_of_seeds_and_epochs_differ() -> None:
    orders = {tuple(epoch_order(20, seed, epoch).tolist()) for seed in range(-5, 5) for epoch in range(10)}
    assert len(orders) == 100


def test_seed_and_epoch_are_not_added_up() -> None:
    assert not epoch_order(20, seed=1, epoch=2).equal(epoch_order(20, seed=2, epoch=1))


@settings(max_examples=50)
@given(high=st.integers(1, 2**31 - 1), seed=st.integers(0, 2**32), purpose=st.integers(1, 9))
def test_draws_are_in_range(high: int, seed: int, purpose: int) -> None:
    drawn = draw(torch.arange(200), high, seed, 0, purpose)
    assert drawn.dtype == torch.int64
    assert 0 <= int(drawn.min()) <= int(drawn.max()) < high


def test_draws_are_even() -> None:
    """Chi-squared over 9 values; 26.1 is exceeded by chance once in a thousand."""
    counts = torch.bincount(draw(torch.arange(90_000), 9, seed=0, epoch=0, purpose=1), minlength=9)
    assert float(((counts - 10_000) ** 2 / 10_000).sum()) < 26.1


def test_purposes_and_epochs_are_unrelated() -> None:
    rows = torch.stack(
        [draw(torch.arange(20_000), 2**20, 0, epoch, purpose) for epoch in range(3) for purpose in range(3)]
    )
    correlation = torch.corrcoef(rows.double()) - torch.eye(9)
    assert float(correlation.abs().max()) < 0.03


def test_a_draw_depends_on_its_own_index_only() -> None:
    alone = draw(torch.tensor([17]), 1000, seed=5, epoch=2, purpose=3)
    among = draw(torch.tensor([3, 17, 99]), 1000, seed=5, epoch=2, purpose=3)
    assert int(alone[0]) == int(among[1])
