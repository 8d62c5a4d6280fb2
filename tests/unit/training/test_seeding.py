import random
import sys

import numpy as np
import pytest
import torch

from convboard.training.seeding import random_state, restore_random_state, seed_everything

CPU = torch.device("cpu")


def draw() -> list[float]:
    return [*torch.rand(2).tolist(), random.gauss(0, 1), np.random.standard_normal()]


def test_the_seed_decides_what_every_generator_gives() -> None:
    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first
    seed_everything(4)
    assert not set(first) & set(draw())


def test_a_state_brings_every_generator_back() -> None:
    seed_everything(1)
    draw()  # Python's and NumPy's draw two normal numbers at once, and keep the second
    state = random_state(CPU)
    first = draw()
    restore_random_state(state)
    assert draw() == first


def test_numpy_is_not_loaded_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seed_everything(1)
    expected = draw()
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "numpy.random")
        seed_everything(1)
        state = random_state(CPU)
    assert set(state) == {"cpu", "python"}
    restore_random_state(state)  # loaded since
    assert draw() == expected
