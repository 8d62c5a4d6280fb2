"""The checkpoints of a run that is to be resumed are its own."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from convboard.errors import CheckpointError
from convboard.training.checkpoint import Checkpoint, save_checkpoint
from convboard.training.saved_state import check_best, check_network, check_state, load_best

STEPS = 10
NET = nn.Linear(2, 2)


def state(epoch: int = 3, best_epoch: int = 2, loss: float = 0.5, **changes: Any) -> dict[str, Any]:
    best = {"accuracy/val": 0.75, "loss/val": loss} if best_epoch else {}
    loop = {"epoch": epoch, "global_step": epoch * STEPS, "best": best, "best_epoch": best_epoch, "processes": 1}
    return {**loop, "sums": {"loss": 0.0, "correct": 0, "samples": 0}, "seconds": 1.0, "callbacks": {}, **changes}


def checkpoint(net: nn.Module = NET, **changes: Any) -> Checkpoint:
    return Checkpoint(model=net.state_dict(), optimizer={}, rng={}, state=state(**changes))


@pytest.mark.parametrize("changes", [{}, {"epoch": 0, "best_epoch": 0}, {"global_step": 35}, {"seconds": 0}])
def test_a_state_of_the_run(changes: dict[str, Any]) -> None:
    check_state(checkpoint(**changes), Path("last"), STEPS)


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": -1},
        {"epoch": 10**30, "global_step": 30},
        *({"global_step": value} for value in (-1, 29, 41, 10**30, "30", None, 30.0)),
        *({"best_epoch": value} for value in (4, -1)),
        *({"best": value} for value in [{}, {"accuracy/val": 1.0}, {"accuracy/val": "1", "loss/val": 1.0}]),
        *({"loss": value} for value in (float("nan"), float("inf"))),
        {"sums": {}},
        {"sums": {"loss": "0", "correct": 0, "samples": 0}},
        *({"seconds": value} for value in (float("nan"), "1")),
        {"callbacks": None},
    ],
    ids=str,
)
def test_a_state_that_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"^last is not a checkpoint of this run: .* with 10 steps per epoch"):
        check_state(checkpoint(**changes), Path("last"), STEPS)


@pytest.mark.parametrize(
    ("net", "difference"),
    [
        (nn.Sequential(nn.Linear(2, 3)), "0.weight is [2, 2] in the checkpoint, [3, 2] in this network; 0.bias is [2]"),
        (nn.Sequential(nn.Linear(2, 2), nn.PReLU()), "1.weight is missing in the checkpoint, [1] in this network."),
        (nn.Sequential(nn.Linear(2, 2, bias=False)), "0.bias is [2] in the checkpoint, missing in this network."),
    ],
)
def test_a_network_that_has_changed(net: nn.Module, difference: str) -> None:
    source, saved = Path("a run/last"), checkpoint(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(CheckpointError) as caught:
        check_network(saved, source, net)
    assert str(caught.value).startswith(f"The network has changed since a run/last was saved: {difference}")
    assert str(caught.value).endswith("remove its checkpoints and resume it again: rm -r 'a run'")


def test_a_network_whose_layers_are_in_another_order() -> None:
    """The state of an optimizer goes by the number of a weight."""
    one, other = (nn.Sequential(OrderedDict({name: nn.Linear(2, 2) for name in names})) for names in ("ab", "ba"))
    with pytest.raises(CheckpointError, match="was saved: its layers are created in another order"):
        check_network(checkpoint(one), Path("last"), other)


def test_buffers_may_be_in_another_order() -> None:
    """A module may register one again when it is called, and no optimizer has a state of it."""
    one, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    mean = one.running_mean
    del one.running_mean
    one.register_buffer("running_mean", mean)
    check_network(checkpoint(one), Path("last"), other)


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., None]:
    """Check a best checkpoint against the last one."""

    def check(best: Checkpoint, last: Checkpoint) -> None:
        save_checkpoint(tmp_path / "best", best)
        check_best(tmp_path / "best", last, NET)

    return check


def test_the_best_one_of_the_same_run(check: Callable[..., None], tmp_path: Path) -> None:
    check(checkpoint(epoch=2), checkpoint())
    check(checkpoint(epoch=4, best_epoch=4, loss=0.25), checkpoint())  # killed between the two
    check_best(tmp_path / "none", checkpoint(epoch=0, best_epoch=0), NET)  # there is none yet


@pytest.mark.parametrize(
    "changes",
    [{"loss": 0.25}, {"best_epoch": 1}, {"epoch": 5, "best_epoch": 5}, {"epoch": 4, "best_epoch": 4, "loss": 1}],
)
def test_the_best_one_of_another_run_of_the_same_network(
    changes: dict[str, Any], check: Callable[..., None], tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError) as caught:
        check(checkpoint(**{"epoch": 2, **changes}), checkpoint())
    assert str(caught.value) == (
        f"{tmp_path}/best is not the best checkpoint of this run, which is that of epoch 2 with accuracy/val=0.7500. "
        "Put it back, or train again."
    )


def test_the_best_one_of_another_network(check: Callable[..., None]) -> None:
    with pytest.raises(CheckpointError, match="is a checkpoint of another network: weight is"):
        check(checkpoint(nn.Linear(3, 2), epoch=2), checkpoint())


RESULT = {"metrics": {"accuracy/val": 0.75, "loss/val": 0.5, "accuracy/test": 0.5}, "best_epoch": 2}
OTHER = "is not the best checkpoint of this run, which is that of epoch 2 with accuracy/val=0.7500"


def test_the_best_one_of_a_finished_run(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, checkpoint(epoch=2))
    assert load_best(path, RESULT, NET).state == state(epoch=2)
    for other in (
        checkpoint(epoch=2, loss=0.25),
        checkpoint(epoch=2, best_epoch=1),
        checkpoint(epoch=4, best_epoch=4, loss=0.25),
    ):
        save_checkpoint(path, other)
        with pytest.raises(CheckpointError, match=OTHER):
            load_best(path, RESULT, NET)


def test_the_best_one_of_an_unfinished_run(tmp_path: Path) -> None:
    path, last = (tmp_path / f"{name}.safetensors" for name in ("best", "last"))
    save_checkpoint(path, checkpoint(epoch=2, loss=0.25))
    assert load_best(path, {}, NET).state["best"]["loss/val"] == 0.25  # nothing tells more of the run
    save_checkpoint(last, Checkpoint(NET.state_dict(), {}, {}, {"best": "x", "best_epoch": 1}))
    assert load_best(path, {}, NET).state["best"]["loss/val"] == 0.25
    save_checkpoint(last, checkpoint())
    with pytest.raises(CheckpointError, match=OTHER):
        load_best(path, {}, NET)
    save_checkpoint(path, checkpoint(epoch=7, best_epoch=7, loss=0.25))  # by a process that is training now
    assert load_best(path, {}, NET).state["epoch"] == 7
    save_checkpoint(path, checkpoint(epoch=2))
    assert load_best(path, {}, NET).state["epoch"] == 2
