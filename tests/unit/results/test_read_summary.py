"""Runs that belong to no sweep, as their small files tell of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from convboard.results.read_runs import read_runs
from convboard.results.run_row import RunRow

CONFIG = {"objective": "accuracy/val", "seed": 3, "model": {"_target_": "convboard.models.LeNet"}}
SUMMARY: dict[str, Any] = {
    "state": "running",
    "reason": "",
    "started": 1_800_000_000.0,
    "ended": None,
    "config": CONFIG,
    "environment": {"torch": "2"},
}
RESULT = {
    "status": "finished",
    "best_epoch": 2,
    "metrics": {"accuracy/val": 0.9, "accuracy/test": 0.8, "loss/val": 0.3, "loss/test": 0.4},
    "objective": 0.9,
    "epochs": 3,
    "seconds": 12.5,
}


def write(run: Path, **files: Any) -> None:
    """Write a run directory: `summary={...}` is `summary.json`."""
    run.mkdir(exist_ok=True)
    (run / "config.yaml").write_text("objective: accuracy/val\nseed: 3\nmodel: {_target_: convboard.models.LeNet}\n")
    (run / "dataset.json").write_text("{}")
    for name, content in files.items():
        (run / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))


def read(run: Path) -> RunRow:
    (row,) = read_runs([run])
    return row


def test_all_that_is_known_of_a_run_comes_from_its_small_files(tmp_path: Path) -> None:
    write(tmp_path, summary=SUMMARY | {"state": "finished", "ended": 1_800_000_013.0}, result=RESULT)
    row = read(tmp_path)
    assert (row.state, row.started, row.ended) == ("finished", 1_800_000_000.0, 1_800_000_013.0)
    assert (row.value, row.test, row.epochs, row.seconds) == (0.9, 0.8, 3, 12.5)
    assert (row.config["seed"], row.config["model"], row.environment) == (3, "lenet", {"torch": "2"})


@pytest.mark.parametrize(
    ("summary", "state", "reason"),
    [
        ({"state": "failed", "reason": "The loss is nan."}, "failed", "The loss is nan."),
        ({"state": "interrupted", "reason": "interrupted by SIGINT"}, "interrupted", "interrupted by SIGINT"),
        ({"state": "running"}, "interrupted", ""),  # killed: no process holds its lock
        ({"state": "finished"}, "interrupted", ""),  # resumed, and killed before its first step
        ({"state": "pruned", "reason": "worse"}, "interrupted", ""),
    ],
)
def test_the_state_of_a_run_without_a_result(summary: dict[str, Any], state: str, reason: str, tmp_path: Path) -> None:
    write(tmp_path, summary=SUMMARY | summary)
    assert (read(tmp_path).state, read(tmp_path).reason) == (state, reason)


@pytest.mark.parametrize("status", ["finished", "pruned"])
def test_a_result_counts_more_than_a_summary(status: str, tmp_path: Path) -> None:
    """The result is written first."""
    write(tmp_path, summary=SUMMARY, result=RESULT | {"status": status})
    assert read(tmp_path).state == status


@pytest.mark.parametrize("damaged", ["", "{", json.dumps(SUMMARY | {"config": 7})])
def test_a_damaged_summary_leaves_what_the_other_files_say(damaged: str, tmp_path: Path) -> None:
    write(tmp_path, summary=damaged, result=RESULT)
    assert (read(tmp_path).state, read(tmp_path).config["seed"]) == ("finished", 3)


def test_the_epochs_of_a_run_that_has_not_ended_are_those_of_its_curves(tmp_path: Path) -> None:
    write(tmp_path, summary=SUMMARY)
    for content, epochs in (("epoch,step\n", None), ("epoch,step\n1,5\n2,10\n", 2), ("", None)):
        (tmp_path / "curves.csv").write_text(content)
        assert read(tmp_path).epochs == epochs
