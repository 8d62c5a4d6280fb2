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
    "seconds": 5400.0,
    "run": "#3",
}


def holds(condition: str) -> bool:
    return parse_where(condition).holds(lambda column, _: RUN.get(column))


@pytest.mark.parametrize(
    "condition",
    [
        "optimizer.lr>0.01 and model=lenet",
        "model=LeNet",
        "model='lenet'",
        "0.01<optimizer.lr<=0.03",
        "0.03=optimizer.lr and 1!=trainer.patience and -1<seed",
        "not model=resnet18",
        "model!=resnet18 and (seed=2 or seed=1)",
        "model in (lenet, resnet18)",
        "seed not in [2, 3]",
        "accuracy/val>=0.9",
        "dataset.horizontal_flip=true",
        "trainer.patience=null",
        "model in lenet and model in (lenet) and seed not in (2)",
        "accuracy/val>=90% and accuracy/val<90.5 %",
        "seconds=1.5h and seconds>30 min and seconds<1d",
        "run=#3 and run in (#2, #3) and run!='#2'",
        "model!='a=1 #3 90%' and run=\"#3\"",
    ],
)
def test_conditions_that_hold(condition: str) -> None:
    assert holds(condition)
    assert not holds(f"not ({condition})")


@pytest.mark.parametrize("condition", ["optimizer.lr>1", "model>1", "trainer.patience<3", "seed=true", "model=lenett"])
def test_conditions_that_do_not_hold(condition: str) -> None:
    assert not holds(condition)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("model=lenet-5", "'lenet - 5' is no value.*A text that is more than a word needs quotes"),
        ("seed=1,model=lenet", r"'\(seed = 1, model = lenet\)' is no comparison.*joined by and, or, not"),
        ("seed=1 # model=lenet", "cannot be read"),
        ("run=sweeps/S#3", "cannot be read.*needs quotes"),
        ("1 in (1,2)", "1: only =, !=, <, <=, >, >= can follow a number"),
        ("model is lenet", "'lenet': only =, !=, <, <=, >, >= and in can be used"),
        ("lenet", "'lenet' is no comparison"),
        ("1and model=a", "'1' is no comparison"),
        ("(" * 300 + "a=1", "cannot be read"),
        ("a=\0", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_condition(condition: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_where(condition)


@pytest.mark.parametrize("condition", ["", "model", "model=lenet and", "__import__('os')=1", "model=[", "f(1)>2"])
def test_what_is_no_condition(condition: str) -> None:
    with pytest.raises(ConfigError, match="where"):
        parse_where(condition)


def test_the_columns_of_a_condition() -> None:
    """Also those that are not looked at, because the comparison before them decides."""
    condition = parse_where("model=resnet18 and (1<seed<3 or accuracy/val>0.5) and not model in (a,b)")
    assert condition.columns == ("model", "seed", "accuracy/val")
