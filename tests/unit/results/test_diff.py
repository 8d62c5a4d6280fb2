"""What differs between two runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from convboard.results.diff import Difference, diff, differing_config
from convboard.results.run_row import RunRow
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from run_rows import run_row

ENVIRONMENT = {"torch": "2.11.0", "convboard": "0.1.0", "git commit": "abc", "command": "train.py"}


def runs() -> tuple[RunRow, RunRow]:
    first = run_row(0, 0.9, model="lenet", model__hidden=84, optimizer__lr=0.1, seed=1, epochs=3)
    second = run_row(
        1, 0.95, model="resnet18", optimizer__lr=0.1, trainer__threads=2, data_dir="/data", seed=1, epochs=5
    )
    newer = ENVIRONMENT | {"torch": "2.12.0", "git commit": "def (changed)", "command": "train.py seed=2"}
    return replace(first, environment=ENVIRONMENT), replace(second, environment=newer, seconds=2.0)


def test_config_environment_code_and_result() -> None:
    first, second = runs()
    assert diff([first], [second]) == {
        "config": [Difference("model", "lenet", "resnet18"), Difference("model.hidden", "84", "")],
        "computing": [Difference("data_dir", "", "/data"), Difference("trainer.threads", "", "2")],
        "environment": [Difference("torch", "2.11.0", "2.12.0")],
        "code": [Difference("git commit", "abc", "def (changed)")],
        "result": [
            Difference("accuracy/val", "90.00%", "95.00%", "+5.00 points"),
            Difference("accuracy/test", "45.00%", "47.50%", "+2.50 points"),
            Difference("epochs", "3", "5", "+2"),
        ],
    }


def test_settings_have_all_values_and_the_mean_of_their_results() -> None:
    first = [run_row(seed, 0.9 + 0.02 * seed, lr=0.1, seed=seed) for seed in range(6)]
    second = [run_row(0, 0.8, lr=0.1, seed=0), run_row(1, None, State.FAILED, lr=0.2, seed=1)]
    found = diff(first, second)
    assert found["config"] == [
        Difference("lr", "0.1", "0.1, 0.2"),
        Difference("seed", "0, 1, 2, 3 and 2 more", "0, 1"),
    ]
    assert found["result"][:2] == [
        Difference("state", "finished", "failed, finished"),
        Difference("accuracy/val", "95.00% ± 3.74%", "80.00%", "-15.00 points"),
    ]


def test_of_equal_runs_only_the_result_is_told() -> None:
    first, _ = runs()
    assert list(diff([first], [first])) == ["result"]
    failed = run_row(1, None, State.FAILED)
    assert diff([failed], [failed]) == {}


def test_the_config_as_values() -> None:
    assert differing_config(*runs()) == [("model", "lenet", "resnet18"), ("model.hidden", 84, None)]


@pytest.fixture
def sweeps(tmp_path: Path) -> list[Path]:
    """Two sweeps with the lists of their source files."""
    folders = []
    for name, sources in (("one", '{"a.py": "1", "b.py": "1"}'), ("two", '{"a.py": "2", "c.py": "1"}')):
        Sweep.create(tmp_path / name, SweepRecord("train.py -m", ("seed",), "accuracy/val", "abc", {}, {}, name), [])
        (tmp_path / name / "sources").mkdir()
        (tmp_path / name / "sources" / f"{name}.json").write_text(sources)
        folders.append(tmp_path / name)
    return folders


def test_source_files_that_differ_between_two_sweeps(sweeps: list[Path]) -> None:
    first, second = (replace(run_row(0, 0.9), sweep=folder) for folder in sweeps)
    assert diff([first], [second])["code"] == [
        Difference("a.py", "", "has changed"),
        Difference("b.py", "", "is not there"),
        Difference("c.py", "", "is new"),
    ]
    assert "code" not in diff([first], [replace(first, number=1)])
    (sweeps[0] / "sources" / "one.json").unlink()
    assert "code" not in diff([first], [second])
