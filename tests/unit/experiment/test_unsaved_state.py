"""What a checkpoint cannot hold is told."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convboard.errors import ModelError
from convboard.experiment.unsaved_state import refuse_unsavable, warn_of_unsaved_state
from training_setups import make_setup


class Net(nn.Sequential):
    """A network with an attribute `state`, and a function that a forward pass calls with it."""

    def __init__(self, **state: Any) -> None:
        super().__init__(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(), nn.Linear(64, 2))
        for name, value in state.items():
            setattr(self, name, value)

    def change(self) -> None:
        pass

    def forward(self, images: Tensor) -> Tensor:
        self.change()
        return super().forward(images)  # type: ignore[no-any-return, no-untyped-call]


class Counts(Net):
    steps: int

    def change(self) -> None:
        self.steps += 1


class Appends(Net):
    seen: list[Any]

    def change(self) -> None:
        self.seen.append({"mean": torch.ones(1)})


class Draws(Net):
    generator: torch.Generator

    def change(self) -> None:
        torch.rand(1, generator=self.generator)


class DrawsByNumPy(Net):
    generator: Any

    def change(self) -> None:
        self.generator.random()


class Masks(Net):
    mask: Tensor
    kept: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.zeros(3), persistent=False)
        self.register_buffer("kept", torch.zeros(3))

    def change(self) -> None:
        self.mask += 1
        self.kept += 1


@pytest.mark.parametrize(
    ("net", "name"),
    [
        (Counts(steps=0), "steps"),
        (Appends(seen=[]), "seen"),
        (Draws(generator=torch.Generator()), "generator"),
        (DrawsByNumPy(generator=random.Random(0)), "generator"),
        (DrawsByNumPy(generator=np.random.default_rng(0)), "generator"),
        (Masks(), "mask"),
    ],
)
def test_what_a_step_changes_is_named_and_nothing_else(net: Net, name: str, caplog: pytest.LogCaptureFixture) -> None:
    setup = make_setup(nn.Sequential(net))
    warn_of_unsaved_state(setup, (1, 8, 8))
    assert [message.partition(",")[0] for message in caplog.messages] == [f"No checkpoint holds 0.{name}"]
    again = len(caplog.messages)
    warn_of_unsaved_state(make_setup(nn.Sequential(Net(size=3, table=torch.ones(2), name="net"))), (1, 8, 8))
    assert len(caplog.messages) == again


def test_a_network_that_cannot_be_copied_is_not_checked(caplog: pytest.LogCaptureFixture) -> None:
    net = Net(lock=(value for value in [1]))
    warn_of_unsaved_state(make_setup(net), (1, 8, 8))
    assert not caplog.messages


class WithExtraState(Net):
    def get_extra_state(self) -> Any:
        return self.extra

    def set_extra_state(self, state: Any) -> None:
        self.extra = state


def test_extra_state_that_cannot_be_saved_is_refused() -> None:
    refuse_unsavable(WithExtraState(extra={"a": [torch.ones(1), b"x", 3]}))
    with pytest.raises(ModelError, match=r"^get_extra_state\(\) of 0 cannot be saved: 0\._extra_state is a set"):
        refuse_unsavable(nn.Sequential(WithExtraState(extra={3})))
