"""The config of a run, in its file: as it was, and nothing but plain values."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convboard.config.schema import TrainConfig
from convboard.config.stored_config import dump_config, load_config, with_absolute_paths
from convboard.errors import ConfigError

CONFIG = TrainConfig.from_dict(
    {
        "model": {"_target_": "convboard.models.LeNet"},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.02},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
    }
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x85") | st.sampled_from("${}\\\\:#'1e-_."))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(lambda key: key != "_target_"), inner),
    max_leaves=8,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@given(value=VALUES.filter(lambda value: "???" not in str(value)))
def test_any_config_survives_its_file(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "survives.yaml"
    config = replace(CONFIG, model={**CONFIG.model, "argument": value})
    file.write_text(dump_config(config))
    assert load_config(file) == config


def test_what_somebody_has_typed_is_read_as_on_the_command_line(file: Path) -> None:
    file.write_text(dump_config(CONFIG).replace("lr: 0.02", "lr: 2e-2\n  day: 2026-01-31"))
    assert load_config(file).optimizer == {**CONFIG.optimizer, "day": "2026-01-31"}


def test_no_resolver_runs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "told")
    text = dump_config(CONFIG)
    file.write_text(text.replace("data_dir: data", "data_dir: ${oc.env:SECRET}"))
    assert load_config(file).data_dir == "${oc.env:SECRET}"
    file.write_text(text.replace("seed: 0", "seed: ${oc.decode:${oc.env:SECRET}}"))
    with pytest.raises(ConfigError, match=r"config\.yaml: seed: .* could not be converted to Integer") as caught:
        load_config(file)
    assert "told" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"seed: 0\nmodel: \xff\xfe\n", "'utf-8' codec can't decode byte 0xff"),
        (b"seed: 0\nseed: 1\n", "found a duplicate key"),
        (b"a: &a [1]\nb: *a\n", "line 2 has an alias, which a run never writes"),
        (b"[" * 900_000, "lists and mappings are nested more than 50 deep"),
        (b"#" * 1_000_001, "Larger than 1,000,000 bytes"),
        (b"seed: " + b"9" * 10_000, "Exceeds the limit"),
        (b"seed: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        (b"a: \x00", "special characters are not allowed|control characters are not allowed"),
    ],
)
def test_what_cannot_be_read(content: bytes, reason: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"^{file} cannot be read: .*({reason})"):
        load_config(file)


def test_a_fifo_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(ConfigError, match="Not a regular file"):
        load_config(file)


@pytest.mark.parametrize("text", ["", "3", "[]", "null", "text"])
def test_what_is_no_config(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match="does not contain a config"):
        load_config(file)


def test_paths_that_are_stored_do_not_depend_on_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    folder = replace(CONFIG.dataset, name="image_folder", path="~/cats")
    stored = with_absolute_paths(replace(CONFIG, dataset=folder, data_dir="here/../data"))
    assert (stored.dataset.path, stored.data_dir) == ("/home/somebody/cats", str(Path.cwd() / "data"))
    assert with_absolute_paths(CONFIG).dataset.path is None
