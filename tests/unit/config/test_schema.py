import math
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from convboard.config import compose as compose_module
from convboard.config import error_messages
from convboard.config.command_line import command
from convboard.config.schema import TrainConfig, to_config
from convboard.errors import ConfigError
from python_code import printed

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture(autouse=True)
def hydra() -> Any:
    compose_module.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def composed(*overrides: str) -> TrainConfig:
    return to_config(compose("config", list(overrides)))


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("group", ["model", "dataset", "optimizer", "scheduler", "loss", "trainer", "board"])
def test_every_option_of_every_group_composes(group: str) -> None:
    for option in options(group):
        composed(f"{group}={option}", *(["dataset.path=pictures"] if option == "image_folder" else []))


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_composes(experiment: str) -> None:
    composed(f"experiment={experiment}")


def test_an_experiment_wins_over_the_groups_and_the_command_line_over_both() -> None:
    usual, preset = composed("dataset=mnist"), composed("experiment=mnist_99")
    assert preset.trainer.max_epochs != usual.trainer.max_epochs
    assert composed("experiment=mnist_99", "trainer.max_epochs=77").trainer.max_epochs == 77


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=-1", "optimizer.lr=-1: must be a finite number, 0 or above."),
        ("optimizer.lr=nan", "optimizer.lr=nan: must be a finite number, 0 or above."),
        ("optimizer.lr=fast", "optimizer.lr='fast': must be a number, such as 0.01."),
        ("batch_size=0", "batch_size=0: must be at least 1."),
        ("data_dir=[1]", "data_dir=[1]: must be a text."),
        ("data_dir={a: 1}", "data_dir={'a': 1}: must be a text."),
        (
            "trainer.max_epochs=${foo}",
            "trainer.max_epochs: Interpolation key 'foo' not found. ${name} takes the value of another key, "
            "${trainer.device} say.",
        ),
        ("batch_size=many", "batch_size='many': must be a whole number."),
        ("trainer.max_epochs=0", "trainer.max_epochs=0: must be at least 1."),
        ("trainer.gradient_clip=0", "trainer.gradient_clip=0.0: must be a number above 0; null clips nothing."),
        ("trainer.patience=0", "trainer.patience=0: must be at least 1."),
        (
            "trainer.device=gpu",
            "trainer.device='gpu' is not known. Did you mean 'cuda'? Allowed: auto, cpu, cuda, mps.",
        ),
        (
            "trainer.precision=fp16",
            "trainer.precision='fp16' is not known. Did you mean 'bf16'? Allowed: auto, bf16, fp32.",
        ),
        (
            "trainer.plan=aut",
            "trainer.plan='aut' is not known. Did you mean 'auto'? Allowed: auto, default, measure, none.",
        ),
        (
            "trainer.plan=false",
            "trainer.plan='false' is not known. Did you mean 'none'? Allowed: auto, default, measure, none.",
        ),
        ("trainer.threads=0", "trainer.threads=0: must be at least 1."),
        (
            "objective=accuracy",
            "objective='accuracy' is not known. Did you mean 'accuracy/val'? "
            "Allowed: accuracy/test, accuracy/val, loss/test, loss/val.",
        ),
        (
            "loss.label_smoothing=1",
            "loss.label_smoothing=1.0: must be at least 0 and below 1; 0.1 is usual.",
        ),
        ("dataset.cutout=-2", "dataset.cutout=-2: must be at least 0."),
        ("dataset.random_crop=-1", "dataset.random_crop=-1: must be at least 0."),
        ("dataset.num_workers=-2", "dataset.num_workers=-2: must be at least 0."),
        ("dataset.image_size=0", "dataset.image_size=0: must be at least 1."),
        ("dataset.val_size=0", "dataset.val_size=0: must be at least 1."),
        (
            "dataset.crop_border=reflct",
            "dataset.crop_border='reflct' is not known. Did you mean 'reflect'? Allowed: black, reflect.",
        ),
        (
            "dataset.data_location=devcie",
            "dataset.data_location='devcie' is not known. Did you mean 'device'? Allowed: auto, device, stream.",
        ),
        (
            "dataset.path=cats",
            "dataset.path=cats cannot be used with dataset=digits: it belongs to dataset=image_folder. The files of "
            "the other datasets are in data_dir.",
        ),
        (
            "seed=18446744073709551616",
            "seed=18446744073709551616: must be at most 18446744073709551615.",
        ),
        ("~trainer.max_epochs", "trainer.max_epochs cannot be removed: every run has one."),
        ("resume=", "resume is empty: give a run directory, such as resume=outputs/digits/lenet/RUN."),
        (
            "hydra.foo=3",
            f"hydra.foo: Key 'foo' not in 'HydraConf'. {command('train', '--hydra-help')} lists what Hydra takes.",
        ),
        ("optimizer._target_=5", "optimizer._target_=5: must name a class, as in optimizer._target_=module.Class."),
        (
            "scheduler._target_=[a]",
            "scheduler._target_=['a']: must name a class, as in scheduler._target_=module.Class.",
        ),
        *(
            (
                f"model.image_size={given}",
                f"model.image_size={shown}: must be a whole number of pixels, 1 or more: the side of a square image.",
            )
            for given, shown in (
                ("abc", "'abc'"),
                ("[32,16]", "[32, 16]"),
                ("16.5", "16.5"),
                ("0", "0"),
                ("true", "True"),
            )
        ),
    ],
)
def test_a_bad_value_gets_one_sentence(override: str, message: str) -> None:
    with pytest.raises(Exception) as caught:
        composed(override)
    assert str(error_messages.explain(caught.value, TrainConfig)) == message


def test_label_smoothing_of_mse_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^loss\.label_smoothing=0\.1 has no meaning for loss\.name=mse"):
        composed("loss=mse", "loss.label_smoothing=0.1")


def test_image_folder_needs_a_path() -> None:
    with pytest.raises(ConfigError, match=r"^dataset\.path is not set: dataset=image_folder needs the folder"):
        composed("dataset=image_folder")


def test_a_config_made_in_python_is_checked_as_well() -> None:
    plain = composed().to_dict()
    plain["trainer"]["max_epochs"] = 0
    with pytest.raises(ConfigError, match=r"^trainer\.max_epochs=0"):
        TrainConfig.from_dict(plain)
    with pytest.raises(ConfigError, match=r"^model=\['lenet'\]: must be key: value pairs"):
        TrainConfig(**{**vars(composed()), "model": ["lenet"]})
    plain["trainer"] = {"epochs": 3}
    with pytest.raises(ConfigError, match=r"^trainer\.epochs is not a known key\. Did you mean 'trainer.max_epochs'\?"):
        TrainConfig.from_dict(plain)


def test_the_schema_is_imported_without_torch() -> None:
    code = "import sys, convboard.config.schema; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    assert printed(code) == "[]\n"


def test_nan_is_a_float_that_every_check_refuses() -> None:
    plain = composed().to_dict()
    plain["loss"]["label_smoothing"] = math.nan
    with pytest.raises(ConfigError, match="label_smoothing=nan"):
        TrainConfig.from_dict(plain)


def test_nothing_is_interpolated_in_plain_values() -> None:
    plain = composed().to_dict()
    plain["data_dir"] = "${oc.env:HOME}"
    plain["model"]["names"] = ["${seed}", {"a": "\\\\${b"}]
    config = TrainConfig.from_dict(plain)
    assert config.data_dir == "${oc.env:HOME}"
    assert config.to_dict() == plain
