"""What may change in a resumed run, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError, RunError
from convboard.experiment.resume import resume_call, resume_overrides, resumed_config
from convboard.experiment.run_dir import load_run_config

RUN: dict[str, Any] = {
    "model": {"_target_": "convboard.models.LeNet", "image_size": 32},
    "dataset": {"name": "image_folder", "path": "pictures", "val_size": 12},
    "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.02, "nesterov": True},
    "scheduler": {"_target_": "convboard.training.schedules.Constant"},
    "trainer": {"max_epochs": 3},
    "data_dir": "there",
    "batch_size": 120,
}
DEFAULTS: dict[str, Any] = {  # of the command line, which differ from the run in everything
    "model": {"_target_": "convboard.models.ConvMLP"},
    "dataset": {"name": "digits"},
    "optimizer": {"_target_": "torch.optim.AdamW", "lr": 0.001},
    "scheduler": {"_target_": "convboard.training.schedules.Cosine"},
    "trainer": {"max_epochs": 15},
}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def write_config(folder: Path, **changes: Any) -> Path:
    OmegaConf.save(OmegaConf.create(TrainConfig.from_dict({**RUN, **changes}).to_dict()), folder / "config.yaml")
    return folder


def composed(run_dir: Path, **groups: Any) -> DictConfig:
    """What the command line composes of its defaults and of the options that it names."""
    plain = OmegaConf.create({**DEFAULTS, **groups, "resume": str(run_dir)})
    config = OmegaConf.merge(OmegaConf.structured(TrainConfig), plain)
    assert isinstance(config, DictConfig)
    return config


def resumed(run_dir: Path, *overrides: str, **groups: Any) -> TrainConfig:
    config = composed(run_dir, **groups)
    for override in overrides:
        key, _, value = override.removeprefix("+").partition("=")
        if key not in groups:
            OmegaConf.update(config, key, OmegaConf.create(f"value: {value}").value, force_add=True)
    return resumed_config(config, [f"resume={run_dir}", *overrides])


def test_a_run_keeps_its_own_config_whatever_the_defaults_are(run_dir: Path) -> None:
    assert resumed(run_dir) == replace(TrainConfig.from_dict(RUN), resume=str(run_dir))


def test_a_key_that_is_given_as_the_run_has_it_changes_nothing(run_dir: Path) -> None:
    given = ("batch_size=120", "optimizer.lr=0.02", "model._target_=convboard.models.LeNet", "hydra.run.dir=elsewhere")
    assert resumed(run_dir, *given) == resumed(run_dir)


def test_length_place_and_look_may_change(run_dir: Path) -> None:
    overrides = ("trainer.max_epochs=9", "trainer.checkpoint_minutes=1.5", "trainer.rank_timeout=30", "data_dir=here")
    full = {"level": "full"}
    config = resumed(run_dir, *overrides, "dataset.path=moved", "board=full", "board.max_channels=4", board=full)
    plain = TrainConfig.from_dict(RUN)
    assert config == replace(
        plain,
        trainer=replace(plain.trainer, max_epochs=9, checkpoint_minutes=1.5, rank_timeout=30.0),
        data_dir="here",
        dataset=replace(plain.dataset, path="moved"),
        board=replace(plain.board, level="full", max_channels=4),
        resume=str(run_dir),
    )


@pytest.mark.parametrize(
    ("overrides", "groups", "differences"),
    [
        (["seed=3", "batch_size=7"], {}, "seed is 0 in that run, not 3; batch_size is 120 in that run, not 7"),
        (["trainer.threads=7"], {}, "trainer.threads is null in that run, not 7"),
        (["+optimizer.nesterov=false"], {}, "optimizer.nesterov is true in that run, not false"),
        (["model=conv_mlp"], {"model": DEFAULTS["model"]}, "model is LeNet in that run, not ConvMLP"),
        (["dataset=digits"], {"dataset": {"name": "digits"}}, "dataset is image_folder in that run, not digits"),
        (
            ["optimizer=sgd"],
            {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.5, "nesterov": True}},
            "optimizer.lr is 0.02 in that run, not 0.5",
        ),
        (["experiment=fast"], {}, "a preset changes more than may change"),
    ],
)
def test_nothing_else_may_change(overrides: list[str], groups: dict[str, Any], differences: str, run_dir: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resumed(run_dir, *overrides, **groups)
    message = str(caught.value)
    assert message.startswith(f"resume={run_dir}: ")
    assert f"{differences}. A resumed" in message
    assert message.endswith(
        "A resumed run keeps its config, but for trainer.max_epochs, trainer.checkpoint_minutes, "
        "trainer.rank_timeout, board, data_dir, dataset.path, dataset.num_workers. Omit the other keys, or start a new "
        "run."
    )


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        resumed(tmp_path)


@pytest.mark.parametrize("group", ["model", "optimizer", "scheduler"])
def test_foreign_code_must_be_named_by_the_user_too(group: str, tmp_path: Path) -> None:
    run_dir = write_config(tmp_path, **{group: {"_target_": "mynet.Made", "lr": 0.1}})
    with pytest.raises(RunError) as caught:
        resumed(run_dir)
    assert str(caught.value) == (
        f"{run_dir} was trained with mynet.Made, which is not convboard's own: building it runs that code. If you "
        f"trust it, say so by giving it again: {group}._target_=mynet.Made"
    )
    assert getattr(resumed(run_dir, f"{group}._target_=mynet.Made"), group)["_target_"] == "mynet.Made"


def test_code_that_is_named_for_something_else_is_not_trusted(tmp_path: Path) -> None:
    nested = {**RUN["model"], "in_channels": {"_target_": "os.system", "command": "touch made"}}
    run_dir = write_config(tmp_path, model=nested)
    with pytest.raises(RunError, match=r"was trained with os\.system, which is not convboard's own"):
        resumed(run_dir, "model._target_=convboard.models.LeNet")


def test_the_command_and_the_call_that_resume_a_run_name_or_trust_foreign_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_dir = write_config(Path())
    assert resume_overrides(run_dir) == ["resume=."]
    assert resume_call(run_dir, load_run_config(run_dir)) == 'convboard.resume(".")'
    write_config(Path(), optimizer={"_target_": "mynet.Made"})
    assert resume_overrides(run_dir) == ["resume=.", "optimizer._target_=mynet.Made"]
    assert resume_call(run_dir, load_run_config(run_dir)) == 'convboard.resume(".", trust=True)'


def test_a_run_of_a_network_that_was_given_from_python_is_resumed_there(tmp_path: Path) -> None:
    run_dir = write_config(tmp_path, model={"_target_": "mynet.Made", "_given_": True})
    with pytest.raises(RunError) as caught:
        resumed(run_dir, "model._target_=mynet.Made")
    assert str(caught.value).endswith(f'give the network again: convboard.resume("{run_dir}", model=network)')
