"""Mistakes that only the data shows, in the words of the config."""

import re
from pathlib import Path
from typing import Any

import pytest

from convboard.config.schema import TrainConfig
from convboard.errors import ConvboardError
from convboard.experiment.dataset import build_dataset, describe_config_dataset, worker_errors


def make_config(dataset: dict[str, Any], **changes: Any) -> TrainConfig:
    plain = {
        "model": {"_target_": "convboard.models.LeNet", "image_size": 32},
        "dataset": {"name": "digits", **dataset},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.02},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
    }
    return TrainConfig.from_dict(plain | changes)


@pytest.mark.parametrize(
    ("dataset", "changes", "message"),
    [
        (
            {"image_size": 60_000},
            {},
            re.compile(
                r"dataset.image_size=60000: 1,797 images of 1x60000x60000 need 6,469.2 GB of memory, and [\d,.]+ "
                r"GB are free. Choose a smaller size."
            ),
        ),
        (
            {},
            {"model": {"_target_": "convboard.models.LeNet", "image_size": 60_000}},
            re.compile(r"model.image_size=60000: 1,797 images .*"),
        ),
        ({"cutout": 32}, {}, "dataset.cutout=32: must be smaller than the images, which are 32x32."),
        ({"random_crop": 33}, {}, "dataset.random_crop=33: must be smaller than the images, which are 32x32."),
        (
            {"val_size": 1547},
            {},
            "dataset.val_size=1547 is not allowed: it must be from 1 to 1546, so that some of the 1547 training "
            "images are left to train on.",
        ),
    ],
)
def test_values_with_the_limits_of_the_data(
    dataset: dict[str, Any], changes: dict[str, Any], message: str | re.Pattern[str]
) -> None:
    with pytest.raises(ConvboardError) as raised:
        build_dataset(make_config(dataset, **changes))
    assert re.fullmatch(re.escape(message) if isinstance(message, str) else message, str(raised.value))


def test_a_batch_larger_than_the_training_images_is_said_to_be_smaller() -> None:
    assert build_dataset(make_config({}, batch_size=1298)).remarks == (
        ("batch size", "1,297 instead of 1,298: there are no more training images"),
    )
    assert not build_dataset(make_config({}, batch_size=1297)).remarks


def test_the_folder_that_is_meant(tmp_path: Path, make_picture: Any) -> None:
    for name in ("cat", "dog"):
        make_picture(tmp_path / "high one/images" / name / "1.png")
    config = make_config({"name": "image_folder", "path": str(tmp_path / "high one")})
    for load in (build_dataset, describe_config_dataset):
        with pytest.raises(ConvboardError) as raised:
            load(config)
        assert str(raised.value) == (
            f"dataset.path={tmp_path}/high one is not the folder of the class folders. Give "
            f"'dataset.path=\"{tmp_path}/high one/images\"' instead."
        )


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    config = make_config({"name": "image_folder", "path": str(tmp_path / "nowhere")})
    for load in (build_dataset, describe_config_dataset):
        with pytest.raises(ConvboardError) as raised:
            load(config)
        assert str(raised.value) == (
            f"dataset.path={tmp_path / 'nowhere'} does not exist. Give a folder that holds a folder of pictures for "
            "each class."
        )


def test_missing_files_and_what_needs_none(tmp_path: Path) -> None:
    with pytest.raises(ConvboardError) as raised:
        build_dataset(make_config({"name": "cifar10"}, data_dir=str(tmp_path / "data")))
    lines = str(raised.value).splitlines()
    assert lines[0].startswith(f"CIFAR-10 is not in {tmp_path}/data, and could not be downloaded: [Errno 111]")
    assert lines[1:3] == [
        "To train without a network, take the digits that are built in: dataset=digits",
        "Or put these files there by hand:",
    ]
    assert not (tmp_path / "data").exists()


def test_the_size_is_the_datasets_or_else_the_models() -> None:
    assert build_dataset(make_config({})).image_shape == (1, 32, 32)
    assert describe_config_dataset(make_config({})) == ((1, 32, 32), 10)
    assert describe_config_dataset(make_config({"image_size": 40})) == ((1, 40, 40), 10)


def test_the_end_of_a_process_that_reads_ahead_is_explained() -> None:
    with pytest.raises(ConvboardError) as raised, worker_errors(make_config({"num_workers": 1}), "Resume it."):
        raise RuntimeError("DataLoader worker (pid 9) is killed by signal: Killed. ")
    assert str(raised.value) == (
        "dataset.num_workers=1: a process that reads images has ended, perhaps because memory ran out (DataLoader "
        "worker (pid 9) is killed by signal: Killed). Resume it."
    )
    with pytest.raises(RuntimeError, match="of the user's"), worker_errors(make_config({}), ""):
        raise RuntimeError("of the user's network")
