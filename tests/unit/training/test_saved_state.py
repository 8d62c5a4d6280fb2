"""The checkpoints of a run that is to be resumed are its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convboard.errors import CheckpointError
from convboard.training.checkpoint import Checkpoint, save_checkpoint
from convboard.training.saved_state import check_best, check_optimizer, check_state

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


@pytest.mark.parametrize("changes", [{"loss": 0.25}, {"best_epoch": 1}, {"epoch": 5, "best_epoch": 5}])
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


def adam() -> torch.optim.Optimizer:
    optimizer = torch.optim.AdamW(NET.parameters(), lr=0.1)
    NET(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return optimizer


def test_the_state_of_an_optimizer() -> None:
    saved = adam().state_dict()
    check_optimizer(saved, torch.optim.AdamW(NET.parameters()), Path("last"))
    saved["param_groups"][0] |= {"lr": torch.tensor(0.1), "fused": True}  # of a GPU
    check_optimizer(saved, torch.optim.AdamW(NET.parameters()), Path("last"))


@pytest.mark.parametrize("part", ["state", "param_groups"])
@pytest.mark.parametrize("value", [None, 3, "x", {0: "x"}, ["x"], [{}], {0: {"exp_avg": "x"}}])
def test_the_state_of_no_optimizer(part: str, value: Any) -> None:
    with pytest.raises(CheckpointError, match="its optimizer is not AdamW, or has other arguments"):
        check_optimizer({**adam().state_dict(), part: value}, adam(), Path("last"))


def test_an_argument_of_another_type() -> None:
    saved = adam().state_dict()
    saved["param_groups"][0]["lr"] = float("nan")
    with pytest.raises(CheckpointError):
        check_optimizer(saved, adam(), Path("last"))
