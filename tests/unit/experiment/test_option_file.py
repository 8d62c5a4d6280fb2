"""Looking something up in files of options, such as the place of a layer."""

import os
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

import convboard
from convboard.errors import ModelError
from convboard.experiment.option_file import options, place_of_layer
from convboard.experiment.setup import build_model

YAML = """\
_target_: convboard.models.sequential
layers:
  - conv: {out_channels: 8, kernel_size: 3}
  - relu
  - pooling
"""


SIBLINGS = {
    "deep": "layers: " + "[" * 900_000,  # takes minutes to parse
    "merged": "base: &base\n  layers: [relu, pooling]\n_target_: x\n<<: *base\n",
    "twice": "layers: [relu]\nlayers: [relu]\n",
    "list": "- layers\n",
    "long": "layers: [relu]\nnumber: " + "1" * 5000,
    "no_text": "layers: [relu]\n\x00",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder conf/model, with files that cannot be read."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "conf/model"
    folder.mkdir(parents=True)
    for name, text in SIBLINGS.items():
        (folder / f"{name}.yaml").write_text(text)
    os.mkfifo(folder / "pipe.yaml")
    return folder


def test_an_error_of_a_layer_names_file_and_line(folder: Path) -> None:
    (folder / "small.yaml").write_text(YAML)
    node = convboard.compose("model=small").model
    with pytest.raises(ModelError, match=r"^conf/model/small.yaml, line 5: layers\[2\]: unknown layer 'pooling'"):
        build_model(node, (1, 32, 32), 10)
    with pytest.raises(ModelError, match=r"^layers\[0\]: unknown"):
        build_model({**node, "layers": ["pooling"]}, (1, 32, 32), 10)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("layers:\n- dropout: {p: 2e-1}\n- pooling\n", 3),
        ("n: 3\nlayers:\n- conv: {out_channels: '${model.n}'}\n- pooling\n", 4),
        ("n: &a\n- relu\n- pooling\nlayers: *a\n", 3),
        ("n: &a\n  layers:\n  - relu\n  - pooling\n<<: *a\n", 4),
        ("n: &a\n  layers: [relu]\n<<: *a\nlayers:\n- relu\n- pooling\n", 6),
    ],
)
def test_options_are_read_as_hydra_reads_them(text: str, line: int, folder: Path) -> None:
    (folder / "mine.yaml").write_text(text)
    layers = OmegaConf.to_container(OmegaConf.create({"model": OmegaConf.load(folder / "mine.yaml")}), resolve=True)
    assert isinstance(layers, dict)
    (folder / "merged.yaml").unlink()
    assert place_of_layer(layers["model"]["layers"], 1) == f"conf/model/mine.yaml, line {line}"


def test_the_chosen_option_is_the_one_that_is_read(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(YAML)
    layers = convboard.compose("model=b").model["layers"]
    assert place_of_layer(layers, 2) is None  # both have them
    config = OmegaConf.create({"hydra": {"runtime": {"choices": {"model": "b"}}}})
    HydraConfig.instance().cfg = config  # type: ignore[assignment]
    try:
        assert place_of_layer(layers, 2) == "conf/model/b.yaml, line 5"
    finally:
        HydraConfig.instance().cfg = None


def test_an_option_that_cannot_be_read_is_none() -> None:
    assert set(SIBLINGS) & set(options("model")) == {"merged"}
    assert "lenet" in options("model")
