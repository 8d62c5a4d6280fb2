import json
from pathlib import Path
from typing import Any

import pytest

from convboard.experiment.run_summary import SUMMARY, read_summary, record_end, write_summary

CONTENT: dict[str, Any] = {
    "state": "running",
    "reason": "",
    "started": 1_800_000_000.5,
    "ended": None,
    "config": {"seed": 0, "model": {"_target_": "convboard.models.LeNet"}},
    "environment": {"torch": "2.9", "command": "train.py 'a b'"},
}


def test_a_summary_is_read_back(tmp_path: Path) -> None:
    write_summary(tmp_path, CONTENT)
    assert read_summary(tmp_path) == CONTENT


@pytest.mark.parametrize(
    "damaged",
    [
        *("", "{", "null", "[1, 2]", "[" * 10_000, "{}"),
        json.dumps(CONTENT)[:-20],
        *(json.dumps({name: value for name, value in CONTENT.items() if name != missing}) for missing in CONTENT),
        *(json.dumps(CONTENT | {name: [7]}) for name in CONTENT),
        *(json.dumps({**CONTENT, name: value}) for name, value in (("config", {}), ("environment", {"torch": 2}))),
    ],
)
def test_a_damaged_one_counts_as_missing(damaged: str, tmp_path: Path) -> None:
    assert read_summary(tmp_path) is None
    (tmp_path / SUMMARY).write_text(damaged)
    assert read_summary(tmp_path) is None


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / SUMMARY).mkdir()
    assert read_summary(tmp_path) is None


def test_the_end_of_a_run_is_recorded_by_somebody_else_only_if_it_has_begun_and_not_ended(tmp_path: Path) -> None:
    record_end(tmp_path, "failed", "killed")
    assert read_summary(tmp_path) is None
    write_summary(tmp_path, CONTENT)
    record_end(tmp_path, "failed", "killed")
    recorded = read_summary(tmp_path)
    assert recorded is not None
    assert recorded["ended"] > CONTENT["started"] - 1e9
    assert recorded | {"ended": None} == CONTENT | {"state": "failed", "reason": "killed"}
    record_end(tmp_path, "failed", "again")
    assert read_summary(tmp_path) == recorded
    write_summary(tmp_path, CONTENT | {"state": "interrupted"})  # and it has failed before it could go on
    record_end(tmp_path, "failed", "killed")
    assert (read_summary(tmp_path) or {})["state"] == "failed"
