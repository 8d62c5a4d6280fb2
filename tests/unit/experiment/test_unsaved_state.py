"""What a checkpoint cannot hold is told."""

import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convboard.errors import ModelError
from convboard.experiment.sanity_check import try_step
from convboard.experiment.unsaved_state import refuse_unsavable, warn_of_unsaved_state
from convboard.training.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
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


class ChangesAnArray(Net):
    values: Any

    def change(self) -> None:
        self.values[len(self.values) // 2] += 1


class Remembers(Net):
    seen: set[int]

    def change(self) -> None:
        self.seen.add(len(self.seen))


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
        (DrawsByNumPy(generator=np.random.Generator(np.random.MT19937(0))), "generator"),
        (DrawsByNumPy(generator=np.random.RandomState(0)), "generator"),
        (ChangesAnArray(values=np.zeros(5000)), "values"),
        (ChangesAnArray(values=np.array([0, 1, "x"], dtype=object)), "values"),
        (Remembers(seen=set()), "seen"),
        (Masks(), "mask"),
    ],
)
def test_what_a_step_changes_is_named_and_nothing_else(net: Net, name: str, caplog: pytest.LogCaptureFixture) -> None:
    setup = make_setup(nn.Sequential(net))
    warn_of_unsaved_state(setup, (1, 8, 8))
    assert [message.partition(",")[0] for message in caplog.messages] == [f"No checkpoint holds 0.{name}"]
    again = len(caplog.messages)
    warn_of_unsaved_state(
        make_setup(nn.Sequential(Net(size=3, table=torch.ones(2), seen={1, "a"}, array=np.ones(3)))), (1, 8, 8)
    )
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


def refuse(net: nn.Module) -> None:
    refuse_unsavable(net, net)


def test_extra_state_that_cannot_be_saved_is_refused() -> None:
    refuse(WithExtraState(extra={"a": [torch.ones(1), b"x", 3]}))
    with pytest.raises(ModelError, match=r"^get_extra_state\(\) of 0 cannot be saved: 0\._extra_state is a set"):
        refuse(nn.Sequential(WithExtraState(extra={3})))


class Untaken(WithExtraState):
    def set_extra_state(self, state: Any) -> None:
        raise KeyError(state)


def test_extra_state_that_is_not_taken_back_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^What get_extra_state\(\) .* cannot be loaded again: KeyError: 3\. See"):
        refuse(Untaken(extra=3))


def test_a_sparse_buffer_is_refused() -> None:
    net = nn.Linear(2, 2)
    net.register_buffer("mask", torch.eye(2).to_sparse())
    with pytest.raises(ModelError, match=r"^mask cannot be saved: mask is a sparse tensor"):
        refuse(net)


@pytest.mark.parametrize(("before", "old"), [(torch.zeros(0), r"\[0\]"), (None, "missing")])
def test_a_buffer_that_changes_its_shape_is_refused(before: Tensor | None, old: str) -> None:
    net, trained = nn.Linear(2, 2), nn.Linear(2, 2)
    net.register_buffer("seen", before)
    trained.register_buffer("seen", torch.zeros(3))
    with pytest.raises(ModelError, match=rf"^seen of the network is {old} when it is built, and \[3\] after a"):
        refuse_unsavable(net, trained)


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch.jit
            self.conv = torch.jit.script(nn.Conv2d(1, 2, 3))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.conv(images).mean((2, 3))
        return scores


def test_a_scripted_module_is_saved_and_loaded(tmp_path: Path) -> None:
    net, other = Scripted(), Scripted()
    refuse(net)
    save_checkpoint(tmp_path / "c", Checkpoint(net.state_dict(), {}, {}, {}))
    load_weights(other, load_checkpoint(tmp_path / "c"), tmp_path / "c")
    assert torch.equal(net.conv.weight, other.conv.weight)
    assert try_step(make_setup(net), (1, 8, 8), 100, "SGD") is None  # its copy gets no gradients
