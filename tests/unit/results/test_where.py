"""Conditions on runs."""

from typing import Any

import pytest

from convboard.errors import ConfigError
from convboard.results.where import parse_where

RUN: dict[str, Any] = {
    "optimizer.lr": 0.03,
    "model": "lenet",
    "accuracy/val": 0.9,
    "seed": 1,
    "dataset.horizontal_flip": True,
    "trainer.patience": None,
}


@pytest.mark.parametrize(
    "condition",
    [
        "optimizer.lr>0.01 and model=lenet",
        "model=LeNet",
        "model='lenet'",
        "0.01<optimizer.lr<=0.03",
        "not model=resnet18",
        "model!=resnet18 and (seed=2 or seed=1)",
        "model in (lenet, resnet18)",
        "seed not in [2, 3]",
        "accuracy/val>=0.9",
        "dataset.horizontal_flip=true",
        "trainer.patience=null",
    ],
)
def test_conditions_that_hold(condition: str) -> None:
    assert parse_where(condition)(RUN.get)
    assert not parse_where(f"not ({condition})")(RUN.get)


@pytest.mark.parametrize("condition", ["optimizer.lr>1", "model>1", "trainer.patience<3", "seed=true", "model=lenett"])
def test_conditions_that_do_not_hold(condition: str) -> None:
    assert not parse_where(condition)(RUN.get)


@pytest.mark.parametrize("condition", ["", "model", "model=lenet and", "__import__('os')=1", "model=[", "f(1)>2"])
def test_what_is_no_condition(condition: str) -> None:
    with pytest.raises(ConfigError, match="where"):
        parse_where(condition)
