from typing import Any

from tensorboard.plugins.hparams import metadata

from convboard.board import hparams


def read_start(config: dict[str, Any]) -> dict[str, object]:
    """The values of a row by key."""
    value = hparams.session_start(config)
    assert value.tag == metadata.SESSION_START_INFO_TAG
    start = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
    assert start.group_name == ""  # a group of its own: one run, one row
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


def test_the_columns_are_the_config_and_the_best_epochs_metrics() -> None:
    value = hparams.experiment()
    assert value.tag == metadata.EXPERIMENT_TAG
    columns = metadata.parse_experiment_plugin_data(value.metadata.plugin_data.content)
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
