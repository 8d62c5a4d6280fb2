from typing import Any

import pytest
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import DATA_TYPE_BOOL, DATA_TYPE_FLOAT64, DATA_TYPE_STRING

from convboard.board import hparams
from convboard.board.hparams import ALONE, SweepRow

CONFIG: dict[str, Any] = {"model": {"_target_": "convboard.models.LeNet"}, "objective": "loss/val", "seed": 1}


def read_start(config: dict[str, Any], row: SweepRow = ALONE) -> dict[str, object]:
    """The values of a row by key."""
    value = hparams.session_start(config, row)
    assert value.tag == metadata.SESSION_START_INFO_TAG
    start = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
    assert start.group_name == row.group  # empty for a group of its own: one run, one row
    return {key: getattr(entry, entry.WhichOneof("kind")) for key, entry in start.hparams.items()}


def test_every_key_is_flattened_with_its_type() -> None:
    config = {"optimizer": {"lr": 0.1, "nesterov": True, "betas": [0.9, 0.99]}, "path": None, "seed": 0, "extra": {}}
    read = read_start(config)
    expected = {
        "optimizer.lr": 0.1,
        "optimizer.nesterov": True,
        "optimizer.betas": "[0.9, 0.99]",
        "path": "null",
        "seed": 0.0,
        "extra": "{}",
    }
    assert {key: read[key] for key in expected} == expected
    assert read["optimizer.nesterov"] is True


def test_a_row_names_model_and_folder_and_the_arguments_without_a_column() -> None:
    config = {
        "model": {"_target_": "mynet.MyNet", "width": 8, "head": {"_target_": "torch.nn.Linear"}},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9, "nesterov": True},
        "dataset": {"name": "image_folder", "path": "/data/pictures/"},
    }
    read = read_start(config)
    assert (read["model"], read["optimizer"], read["dataset"]) == ("MyNet", "SGD", "pictures")
    assert read["model.*"] == "width=8, head._target_=torch.nn.Linear"
    assert read["optimizer.*"] == "nesterov=True"
    assert read_start({"dataset": {"name": "mnist", "path": None}})["dataset"] == "mnist"


def read_columns(config: dict[str, Any], row: SweepRow = ALONE) -> Any:
    value = hparams.experiment(config, row)
    assert value.tag == metadata.EXPERIMENT_TAG
    return metadata.parse_experiment_plugin_data(value.metadata.plugin_data.content)


def test_the_first_columns_of_a_sweep_are_its_swept_keys_and_its_metrics() -> None:
    swept = {"model": "sequential", "+model.hidden": "64", "scheduler.nesterov": "true", "seed": "1"}
    model = {"_target_": "convboard.models.sequential", "hidden": 64}
    config = CONFIG | {"model": model, "scheduler": {"nesterov": True}}
    row = SweepRow("sweep model=sequential", swept)
    columns = read_columns(config, row)
    first = {info.name: info.type for info in columns.hparam_infos if info.differs}
    assert first == {
        "model": DATA_TYPE_STRING,
        "model.hidden": DATA_TYPE_FLOAT64,
        "scheduler.nesterov": DATA_TYPE_BOOL,
    }
    assert "seed" not in {info.name for info in columns.hparam_infos}  # of several runs: TensorBoard would show one
    shown = [info.display_name for info in columns.metric_infos]
    assert shown[:2] == ["loss/val", "loss/test"]
    assert len(shown) == 6
    read = read_start(config, row)
    assert (read["model"], read["model.hidden"], read["scheduler.nesterov"]) == ("sequential", 64, True)
    assert read["seed"] == 1


def test_a_sweep_over_few_keys_keeps_the_seed_if_it_is_one() -> None:
    columns = read_columns(CONFIG, SweepRow("sweep batch_size=8", {"batch_size": "8"}))
    assert "seed" in {info.name for info in columns.hparam_infos}
    assert [info.name for info in columns.hparam_infos if info.differs] == ["batch_size"]


@pytest.mark.parametrize("key", ["trainer.gradient_clip", "model.hidden"])
def test_a_swept_key_that_is_null_has_no_value_beside_numbers(key: str) -> None:
    group, _, name = key.partition(".")
    for value in (None, 0.5):
        config = CONFIG | {group: {"_target_": "mine.Net", name: value}}
        row = SweepRow("sweep", {key: "null" if value is None else "0.5"})
        (info,) = (info for info in read_columns(config, row).hparam_infos if info.name == key)
        assert info.type == DATA_TYPE_FLOAT64
        assert read_start(config, row).get(key) == value


def test_the_columns_are_the_config_and_the_best_epochs_metrics() -> None:
    columns = read_columns({"objective": "accuracy/val"})
    first = sorted(info.name for info in columns.hparam_infos if info.differs)
    assert first == ["dataset", "model", "optimizer", "optimizer.lr", "seed"]
    names = {info.name for info in columns.hparam_infos}
    assert not [name for name in names if "limit" in name or name in ("data_dir", "resume")]
    shown = [(info.display_name, info.name.tag) for info in columns.metric_infos]
    assert shown[:2] == [("accuracy/val", "best/accuracy/val"), ("accuracy/test", "best/accuracy/test")]


def test_the_session_end_tells_how_it_ended() -> None:
    for finished, status in ((True, 1), (False, 2)):
        value = hparams.session_end(finished=finished)
        assert value.tag == metadata.SESSION_END_INFO_TAG
        end = metadata.parse_session_end_info_plugin_data(value.metadata.plugin_data.content)
        assert end.status == status
