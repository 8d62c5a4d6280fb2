from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from convboard.errors import ConfigError, RunError
from convboard.experiment.run_dir import load_run

DATASET = """{"name": "digits", "image_shape": [1, 28, 28], "class_names": ["a", "b"], "mean": [0.1], "std": [0.3]}"""
RESULT = '{"metrics": {"accuracy/val": 0.5, "loss/val": 1, "accuracy/test": 0.25, "loss/test": 2.5}, "best_epoch": 1}'
PLAN = """{"device": "cpu", "precision": "fp32", "channels_last": true, "threads": 1, "compile": false,
"cuda_graph": false}"""
CHANGES = [("cpu", "tpu"), ("1", "0"), ("1", "true"), ("1", "9999"), ("}", ', "x": 1}')]
NO_PLANS = ["{}", *(PLAN.replace(old, new) for old, new in CHANGES)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The files of a run, as far as they are read."""
    config: dict[str, Any] = {
        "model": {"_target_": "convboard.models.LeNet"},
        "dataset": {"name": "digits"},
        "optimizer": {"_target_": "torch.optim.SGD"},
        "scheduler": {"_target_": "convboard.training.schedules.Constant"},
    }
    OmegaConf.save(OmegaConf.create(config), tmp_path / "config.yaml")
    (tmp_path / "dataset.json").write_text(DATASET)
    (tmp_path / "result.json").write_text(RESULT)
    (tmp_path / "plan.json").write_text(PLAN)
    return tmp_path


def test_a_whole_run(run: Path) -> None:
    assert load_run(run).dataset["image_shape"] == [1, 28, 28]
    assert load_run(run).metrics["accuracy/val"] == 0.5
    assert load_run(run).plan["threads"] == 1
    (run / "result.json").unlink()
    assert load_run(run).result == {}


def refusal(run: Path, name: str, content: str) -> str:
    """What is said of a run whose file of this name has another content."""
    (run / name).write_text(content)
    with pytest.raises(RunError) as caught:
        load_run(run)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        "3",
        "null",
        *(
            DATASET.replace(old, new)
            for old, new in [
                ("[1, 28, 28]", "3"),
                ("[1, 28, 28]", "[1, 28]"),
                ("[1, 28, 28]", '[1, 28, "28"]'),
                ("[1, 28, 28]", "[1, 0, 28]"),
                ("[1, 28, 28]", "[true, 28, 28]"),
                ("[1, 28, 28]", "[1, 28, 28.0]"),
                ("[1, 28, 28]", "[1, 28, 99999999999]"),
                ('["a", "b"]', "[]"),
                ('["a", "b"]', '"ab"'),
                ('["a", "b"]', '["a", 1]'),
                ('"digits"', "null"),
                ("[0.1]", "[0.1, 0.1]"),
                ("[0.1]", "[NaN]"),
                ("[0.1]", "0.1"),
                ("[0.3]", "[0]"),
                ("[0.3]", "[Infinity]"),
                ("[0.3]", f"[1{'0' * 400}]"),
            ]
        ),
    ],
)
def test_a_data_set_description_that_is_none(content: str, run: Path) -> None:
    assert refusal(run, "dataset.json", content) == (
        f"{run}/dataset.json is not what a run writes: it must hold a name, an image_shape of three sizes, the "
        "class_names, and mean and std per channel. Put it back, or train again."
    )


@pytest.mark.parametrize(
    "content",
    [
        *("{}", "[]", '{"metrics": {}}', '{"metrics": 3}'),
        *(RESULT.replace("0.5", value) for value in ('"low"', "NaN", "true", "1e400", "1" + "0" * 400)),
        RESULT.replace("/test", "/val"),
    ],
)
def test_a_result_that_is_none(content: str, run: Path) -> None:
    assert refusal(run, "result.json", content) == (
        f"{run}/result.json is not what a run writes: it must hold its best_epoch and its metrics, by name. "
        "Put it back, or train again."
    )


@pytest.mark.parametrize("content", NO_PLANS)
def test_a_plan_that_is_none(content: str, run: Path) -> None:
    assert refusal(run, "plan.json", content) == (
        f"{run}/plan.json is not what a run writes: it must hold how it computes, by name. Put it back, or train again."
    )


@pytest.mark.parametrize("name", ["dataset.json", "result.json", "plan.json", "config.yaml"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[" * 100_000, b" " * 20_000_000])
def test_a_file_that_cannot_be_read(name: str, content: bytes, run: Path) -> None:
    (run / name).write_bytes(content)
    with pytest.raises((RunError, ConfigError), match=rf"^{run}/{name} cannot be read: "):
        load_run(run)


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read: File name too long"):
        load_run(tmp_path / ("x" * 300))


def test_the_config_of_a_run_that_is_resumed_is_read_once(run: Path) -> None:
    config = load_run(run).config
    (run / "config.yaml").unlink()
    assert load_run(run, config).config is config
