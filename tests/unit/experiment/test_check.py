"""The check of many runs: what one alone would refuse is refused, and equal first steps are tried once."""

from pathlib import Path
from typing import Any

import pytest

from convboard.config.compose import compose_config
from convboard.config.schema import TrainConfig
from convboard.errors import ConvboardError
from convboard.experiment.check import RunCheck, without_numbers

BASE = ("trainer.threads=1", "model=lenet")
SMALL = "model.layers=[{max_pool:{kernel_size:8}},batch_norm,flatten,linear]"  # normalises one value of each image


def config(*overrides: str) -> TrainConfig:
    return compose_config([*BASE, *overrides]).config


def test_equal_first_steps_are_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check = RunCheck()
    first = check.check(config())
    assert check.check(config("optimizer.lr=0.5")).model is first.model
    assert check.check(config("batch_size=100")).splits.train.batch_size == 100
    assert check.check(config("scheduler=cosine")).model is first.model
    for other in ("optimizer=adam", "model.image_size=28", "trainer.plan=none", "loss=mse", "dataset.val_size=7"):
        assert check.check(config(other)).model is not first.model, other
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("scheduler.rise=1.5",), "scheduler.rise=1.5: must be"),
        (("optimizer=adam", "+optimizer.betas=[2.0,0.9]"), "optimizer: .* refuses its arguments: Invalid beta"),
        (("optimizer._target_=torch.optim.LBFGS",), "computes the loss several times"),
        (("dataset.image_size=7",), "LeNet does not fit images of 1x7x7"),
        ((SMALL, "model=sequential", "dataset.image_size=8", "batch_size=1296"), "there are 1297 to train on"),
        (("trainer.device=mps",), "trainer.device=mps: torch .* finds no mps device"),
    ],
)
def test_what_one_run_refuses_is_refused_after_others(overrides: tuple[str, ...], message: str) -> None:
    check = RunCheck()
    images = len(check.check(config()).splits.train)
    assert images
    with pytest.raises(ConvboardError, match=message):
        check.check(config(*overrides))
    check.check(config("seed=3"))


def test_numbers_are_left_out_and_nothing_else() -> None:
    node: dict[str, Any] = {"_target_": "a.B", "lr": 0.1, "betas": [1, 0.9], "nesterov": True, "more": None}
    assert without_numbers(node) == {**node, "lr": 0, "betas": [0, 0]}
