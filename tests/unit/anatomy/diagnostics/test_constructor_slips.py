"""Slips in the calls of layers' constructors: each is followed by its remedy, with which the network was built."""

from collections.abc import Callable
from typing import Any

import pytest
import torch as real

from diagnosed_networks import cannot_be_built

torch: Any = real  # slips are type errors
nn, F = torch.nn, torch.nn.functional


def attention(heads: int = 6) -> Any:
    return nn.MultiheadAttention(32, heads)


CONSTRUCTORS: list[tuple[Callable[[], Any], str]] = [
    (lambda: nn.Conv2d(1, 8, 3, stride=2, padding="same"), 'write padding=1 for padding="same", with which stride 2'),
    (lambda: nn.Conv2d(1, 8, (3, 5), stride=2, padding="same"), 'write padding=(1, 2) for padding="same"'),
    (lambda: nn.Conv2d(1, 8, 3, padding="SAME"), 'write padding="same" for padding="SAME"'),
    (lambda: nn.Conv2d(1, 8), "give it its kernel_size, as in nn.Conv2d(1, 8, kernel_size=3)"),
    (lambda: nn.Conv2d(1, 8, kernal_size=3), "write kernel_size=3 for kernal_size=3"),
    (lambda: nn.BatchNorm2d(), "write nn.LazyBatchNorm2d(), which finds num_features itself"),
    (lambda: nn.Linear(28 * 28 / 4, 10), "write 28 * 28 // 4 for 28 * 28 / 4"),
    (lambda: nn.Conv2d(4, 4 / 2, 3), "write 4 // 2 for 4 / 2: / gives a number with a fraction"),
    (lambda: nn.Conv2d(1, "8", 3), 'write nn.Conv2d(1, 8, 3) for nn.Conv2d(1, "8", 3)'),
    (lambda: nn.Relu(), "write nn.ReLU for nn.Relu"),
    (lambda: nn.Dropout(50), "write nn.Dropout(0.5) for nn.Dropout(50)"),
    (
        lambda: nn.MultiheadAttention(28, 8),
        "write nn.MultiheadAttention(28, 7) for nn.MultiheadAttention(28, 8): h",
    ),
    (
        attention,
        "write nn.MultiheadAttention(32, 4) for nn.MultiheadAttention(32, heads): heads that divide 32 are 1, 2, 4, 8",
    ),
    (
        lambda: nn.Conv2d(1, 8, 3, activation="relu"),
        'leave out activation="relu", which nn.Conv2d does not take: in torch it is a layer of its own behind this one',
    ),
    (lambda: nn.Sequential([nn.Flatten(), nn.ReLU()]), "write nn.Sequential(*[nn.Flatten(), nn.ReLU()]) for"),
    (lambda: nn.Sequential(nn.Flatten(), F.relu, nn.ReLU), "write nn.ReLU() for F.relu and nn.ReLU() for nn.ReLU"),
    (lambda: nn.ModuleList(nn.Flatten(), nn.ReLU()), "write nn.ModuleList([nn.Flatten(), nn.ReLU()]) for"),
    (lambda: nn.Sequential(F.relu()), "write nn.ReLU() for F.relu()"),
]


@pytest.mark.parametrize(("make", "remedy"), CONSTRUCTORS, ids=[remedy[:30] for _, remedy in CONSTRUCTORS])
def test_a_call_in_a_constructor(make: Callable[[], Any], remedy: str) -> None:
    message = cannot_be_built(make)
    assert "test_constructor_slips.py, line " in message
    assert f"What to do: - {remedy}" in message


class Other(real.nn.Module):
    def __init__(self) -> None:
        super(Copied, self).__init__()  # type: ignore[misc]


class Copied(real.nn.Module):
    """A class whose name was changed in one place only is the other one."""


def test_super_of_another_class() -> None:
    assert "write super() for super(Copied, self): the class is called Other" in cannot_be_built(Other)


class Twice(real.nn.Module):
    def __init__(self) -> None:
        super(Twice, self).__init__()  # noqa: UP008
        super(Copied, self).train()  # type: ignore[misc]


def test_only_the_super_that_raised_is_changed() -> None:
    message = cannot_be_built(Twice)
    assert "write super() for super(Copied, self): the class is called Twice" in message
    assert "super(Twice" not in message


def test_a_super_outside_of_a_class_has_no_remedy() -> None:
    def network() -> Any:
        return super(Copied, nn.Flatten()).train()

    assert "What to do" not in cannot_be_built(network)


def test_heads_that_are_computed_have_no_remedy() -> None:
    message = cannot_be_built(lambda: nn.MultiheadAttention(28, 2 * 4))
    assert "embed_dim must be divisible by num_heads" in message
    assert "What to do" not in message


def test_a_size_that_was_computed_before() -> None:
    def network() -> Any:
        features = 32 / 2
        return nn.Sequential(nn.Flatten(), nn.Linear(features, 10))

    remedy = "write nn.Linear(int(features), 10) for nn.Linear(features, 10), or compute features with // instead of /"
    assert remedy in cannot_be_built(network)
