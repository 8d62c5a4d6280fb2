from tensorboard.plugins.hparams import metadata

from convboard.board import hparams


def test_every_key_is_flattened_with_its_type() -> None:
    config = {"optimizer": {"lr": 0.1, "nesterov": True, "betas": [0.9, 0.99]}, "path": None, "seed": 0, "extra": {}}
    value = hparams.session_start(config)
    assert value.tag == metadata.SESSION_START_INFO_TAG
    start = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
    read = {key: getattr(entry, entry.WhichOneof("kind")) for key, entry in start.hparams.items()}
    assert read == {
        "optimizer.lr": 0.1,
        "optimizer.nesterov": True,
        "optimizer.betas": "[0.9, 0.99]",
        "path": "null",
        "seed": 0.0,
        "extra": "{}",
    }
    assert read["optimizer.nesterov"] is True
    assert start.group_name == ""  # a group of its own: one run, one row


def test_a_target_is_told_by_its_bare_name() -> None:
    config = {
        "model": {"_target_": "convboard.models.LeNet", "head": {"_target_": "Linear"}},
        "dataset": {"dir": "a.b"},
    }
    start = metadata.parse_session_start_info_plugin_data(hparams.session_start(config).metadata.plugin_data.content)
    assert {key: entry.string_value for key, entry in start.hparams.items()} == {
        "model._target_": "LeNet",
        "model.head._target_": "Linear",
        "dataset.dir": "a.b",
    }


def test_the_session_end_tells_how_it_ended() -> None:
    for finished, status in ((True, 1), (False, 2)):
        value = hparams.session_end(finished=finished)
        assert value.tag == metadata.SESSION_END_INFO_TAG
        end = metadata.parse_session_end_info_plugin_data(value.metadata.plugin_data.content)
        assert end.status == status
