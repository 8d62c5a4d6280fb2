"""`repeat=RUN` stands for the overrides that give the config of that run."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from convboard.config.compose import compose_config
from convboard.config.override_values import with_quoted_texts
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError, RunError
from convboard.experiment.repeat import expand_repeat

CONFIGS = {
    "a preset": compose_config(["experiment=cifar10_94"]).config,
    "layers": compose_config(["model=sequential", "dataset.image_size=20"]).config,
    "a folder": compose_config(["dataset=image_folder", "dataset.path=\"my 'pictures'\"", "data_dir=a/b"]).config,
    "no option": compose_config(
        ["model._target_=convboard.models.LeNet", "optimizer._target_=torch.optim.ASGD"]
    ).config,
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(config: TrainConfig) -> str:
    Path("RUN").mkdir()
    OmegaConf.save(OmegaConf.create(config.to_dict()), "RUN/config.yaml")
    return "repeat=RUN"


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_config_again(name: str) -> None:
    assert compose_config(expand_repeat([write(CONFIGS[name])])).config == CONFIGS[name]


def test_what_is_given_beside_it_changes_it() -> None:
    write(CONFIGS["a preset"])
    composed = compose_config(expand_repeat(["seed=7", "repeat=RUN", "optimizer=adamw", "trainer.max_epochs=3"]))
    config, before = composed.config, CONFIGS["a preset"]
    assert (config.seed, config.trainer.max_epochs) == (7, 3)
    assert config.optimizer == compose_config(["optimizer=adamw"]).config.optimizer
    assert (config.model, config.dataset) == (before.model, before.dataset)
    assert composed.run_dir.parent == Path("outputs/cifar10/whitened_cnn")


def test_without_it_nothing_changes() -> None:
    assert expand_repeat(["seed=7", "-m"]) == ["seed=7", "-m"]


@pytest.mark.parametrize(
    ("changes", "overrides", "message"),
    [
        ({"model": {"_target_": "mynet.Net"}}, [], "so by giving it again: model._target_=mynet.Net"),
        ({"model": {"_target_": "mynet.Net", "_given_": True}}, [], "RUN was trained with a network that was given"),
        ({}, ["experiment=mnist_99"], "repeat=RUN cannot be used with experiment=. Omit one of them."),
    ],
)
def test_refused(changes: dict[str, Any], overrides: list[str], message: str) -> None:
    run = write(TrainConfig.from_dict({**CONFIGS["layers"].to_dict(), **changes}))
    with pytest.raises((RunError, ConfigError)) as caught:
        expand_repeat([run, *overrides])
    assert message in str(caught.value)


def test_a_run_whose_name_is_a_number() -> None:
    write(CONFIGS["layers"])
    Path("RUN").rename("5")
    assert compose_config(expand_repeat(with_quoted_texts(["repeat=5"]))).config == CONFIGS["layers"]


@pytest.mark.parametrize(("override", "is_sweep"), [("repeat=a,b", True), ("repeat=", False), ("repeat=null", False)])
def test_what_is_not_one_run(override: str, is_sweep: bool) -> None:
    with pytest.raises(ConfigError, match=r"^'repeat=.*' is not understood: give one run directory"):
        expand_repeat(with_quoted_texts([override], is_sweep))


def test_a_class_that_is_named_again() -> None:
    run = write(TrainConfig.from_dict({**CONFIGS["layers"].to_dict(), "model": {"_target_": "mynet.Net", "width": 3}}))
    config = compose_config(expand_repeat([run, "model._target_=mynet.Net"])).config
    assert config.model == {"_target_": "mynet.Net", "width": 3}
