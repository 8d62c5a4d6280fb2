"""The state of an optimizer is loaded only if it is one of this optimizer on this network."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adafactor, Adam, AdamW, Optimizer

from convboard.errors import CheckpointError
from convboard.training.optimizer_state import check_optimizer, load_optimizer
from convboard.training.optimizer_step import take_step

BUILD: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda weights: SGD(weights, lr=0.1, momentum=0.9, fused=True),
    "adamw": lambda weights: AdamW(weights, lr=0.1, fused=True),
    "amsgrad": lambda weights: Adam(weights, lr=0.1, amsgrad=True),
    "adafactor": lambda weights: Adafactor(weights, lr=0.1),
}
OTHERS: list[Any] = ["x", None, [], {}, 0.5, torch.zeros(5), torch.zeros(2, 2), torch.zeros(1, dtype=torch.long)]
REFUSED = "last is not a checkpoint of this run: its optimizer is not .*, or has other arguments"


class OwnOptimizer(AdamW):
    """An optimizer of a user's."""


def stepped(build: Callable[..., Optimizer]) -> Optimizer:
    net = nn.Linear(3, 2)
    optimizer = build(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    take_step(optimizer)
    return optimizer


def fresh(build: Callable[..., Optimizer]) -> Optimizer:
    return build(nn.Linear(3, 2).parameters())


def refuses(saved: Any, optimizer: Optimizer) -> None:
    with pytest.raises(CheckpointError, match=REFUSED):
        check_optimizer(saved, optimizer, Path("last"))


@pytest.mark.parametrize("name", BUILD)
def test_a_state_of_the_same_optimizer(name: str) -> None:
    saved = stepped(BUILD[name]).state_dict()
    optimizer = fresh(BUILD[name])
    check_optimizer(saved, optimizer, Path("last"))
    load_optimizer(optimizer, saved)
    assert str(optimizer.state_dict()) == str(saved)


@pytest.mark.parametrize("name", BUILD)
def test_a_value_of_another_form(name: str) -> None:
    whole = stepped(BUILD[name]).state_dict()
    for number, state in whole["state"].items():
        for key in state:
            for value in OTHERS:
                saved = deepcopy(whole)
                saved["state"][number][key] = value
                refuses(saved, fresh(BUILD[name]))
            del saved["state"][number][key]
            refuses(saved, fresh(BUILD[name]))


@pytest.mark.parametrize("part", ["state", "param_groups"])
@pytest.mark.parametrize("value", [None, 3, "x", {0: "x"}, {7: {}}, ["x"], [{}], [], {0: {"exp_avg": "x"}}])
def test_no_state(part: str, value: Any) -> None:
    refuses({**stepped(BUILD["adamw"]).state_dict(), part: value}, fresh(BUILD["adamw"]))
    refuses({}, fresh(BUILD["adamw"]))


@pytest.mark.parametrize(("key", "value"), [("betas", (0.5, 0.999)), ("weight_decay", None), ("params", [0, 0])])
def test_other_arguments(key: str, value: Any) -> None:
    saved = stepped(BUILD["adamw"]).state_dict()
    saved["param_groups"][0][key] = value
    refuses(saved, fresh(BUILD["adamw"]))


def test_what_the_device_and_the_schedule_choose_is_not_loaded() -> None:
    saved = stepped(BUILD["adamw"]).state_dict()
    saved["param_groups"][0] |= {"lr": torch.tensor(0.3), "capturable": True, "fused": None}  # of a GPU
    optimizer = fresh(BUILD["adamw"])
    check_optimizer(saved, optimizer, Path("last"))
    load_optimizer(optimizer, saved)
    group = optimizer.state_dict()["param_groups"][0]
    assert (group["lr"], group["capturable"], group["fused"]) == (0.1, False, True)


def test_a_weight_without_a_gradient_has_no_state() -> None:
    saved = stepped(BUILD["adamw"]).state_dict()
    del saved["state"][1]
    check_optimizer(saved, fresh(BUILD["adamw"]), Path("last"))


def test_an_optimizer_of_a_user_may_change_its_arguments() -> None:
    saved = stepped(OwnOptimizer).state_dict()
    saved["param_groups"][0] |= {"lr": 0.3, "betas": (0.5, 0.5)}
    optimizer = fresh(OwnOptimizer)
    check_optimizer(saved, optimizer, Path("last"))
    load_optimizer(optimizer, saved)
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.5)
    assert all(isinstance(state["exp_avg"], Tensor) for state in optimizer.state.values())
    saved["param_groups"][0]["betas"] = None
    refuses(saved, fresh(OwnOptimizer))
