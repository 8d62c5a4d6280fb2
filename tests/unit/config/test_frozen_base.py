"""Configs from a stored base are those that Hydra composes, and read no file and no environment."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from convboard.config.compose import compose_config
from convboard.config.frozen_base import calls_resolver, compose_base, config_of
from convboard.errors import ConfigError


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ([], []),
        (["model=lenet"], ["optimizer.lr=0.1", "+optimizer.dampening=0.1"]),
        (["experiment=mnist_99"], ["trainer.max_epochs=3"]),
        ([], ["model._target_=torchvision.models.resnet18", "optimizer._target_=torch.optim.Adam", "optimizer.lr=0.1"]),
        (["dataset=image_folder"], ["dataset.path=a b/ü", "seed=3"]),
        (["scheduler=cosine"], ["~optimizer.momentum"]),
        (["model=sequential"], ["model.layers=[flatten,{linear: {out_features: 12}}]"]),
        ([], ["trainer.patience=${trainer.max_epochs}", "trainer.max_epochs=7"]),
    ],
)
def test_a_config_is_the_one_that_hydra_composes(options: Sequence[str], values: Sequence[str]) -> None:
    base = json.loads(json.dumps(compose_base(options)))
    overrides = [*options, *values]
    assert config_of(base, values, overrides) == compose_config(overrides).config
    assert config_of(compose_base(overrides), [], overrides) == compose_config(overrides).config


def test_later_changes_of_options_and_of_the_environment_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA", "first")
    option = tmp_path / "conf/optimizer/mine.yaml"
    option.parent.mkdir(parents=True)
    option.write_text("_target_: torch.optim.SGD\nlr: 0.5\nweight_decay: ${batch_size}\n")
    given = ["optimizer=mine", "data_dir=${oc.env:DATA}/x"]
    base = compose_base(given)
    option.unlink()
    monkeypatch.setenv("DATA", "second")
    assert not calls_resolver(base)
    config = config_of(base, ["batch_size=8"], [*given, "batch_size=8"])
    assert (config.optimizer["lr"], config.optimizer["weight_decay"], config.data_dir) == (0.5, 8, "first/x")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("batch_size=0", "batch_size=0: must be at least 1."),
        ("batch_size=1.5", "batch_size=1.5: must be a whole number."),
        ("trainer.max_epoch=3", "trainer.max_epoch is not a known key. Did you mean 'trainer.max_epochs'?"),
    ],
)
def test_a_value_that_is_not_allowed_is_told_as_ever(value: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_of(compose_base([]), [value], [value])
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    "value",
    [
        "${oc.env:HOME}",
        "${${n}:HOME}",
        "x ${a.${b}.c:1}",
        "${\n${n}\n:HOME}",
        "\\${oc.env:X}",
        {"${oc.env:X}": 1},
        [{"a": ["${a:}"]}],
    ],
)
def test_what_calls_a_resolver(value: object) -> None:
    assert calls_resolver(value)


@pytest.mark.parametrize("value", ["${batch_size}", "a: {b}", "time: ${a}: ${b}", 1, None, {"a:b": ["${c}"]}])
def test_what_calls_none(value: object) -> None:
    assert not calls_resolver(value)
