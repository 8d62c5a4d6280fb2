"""The place of a layer in the YAML file of a network."""

import os
from pathlib import Path

import pytest

import convboard
from convboard.errors import ModelError
from convboard.experiment.setup import build_model

YAML = """\
_target_: convboard.models.sequential
layers:
  - conv: {out_channels: 8, kernel_size: 3}
  - relu
  - pooling
"""


def test_an_error_of_a_layer_names_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/small.yaml").write_text(YAML)
    (tmp_path / "conf/model/earlier.yaml").write_text("layers: " + "[" * 900_000)  # takes minutes to parse
    os.mkfifo(tmp_path / "conf/model/pipe.yaml")
    node = convboard.compose("model=small").model
    with pytest.raises(ModelError, match=r"^conf/model/small.yaml, line 5: layers\[2\]: unknown layer 'pooling'"):
        build_model(node, (1, 32, 32), 10)
    with pytest.raises(ModelError, match=r"^layers\[0\]: unknown"):
        build_model({**node, "layers": ["pooling"]}, (1, 32, 32), 10)
