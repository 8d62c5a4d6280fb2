"""The table of the tab: its figures are those of `results`, its settings keep their names while a sweep runs."""

from pathlib import Path
from typing import Any

import pytest

from convboard.plugins.sweeps.table import table_of
from convboard.results.read_runs import read_runs
from convboard.results.statistics import summarise
from convboard.sweeps.store.entries import State
from synthetic_sweep import Outcome, grid, write_sweep

AXES: dict[str, list[Any]] = {"model": ["lenet", "batchnorm_cnn"], "optimizer.lr": [0.1, 0.001], "seed": [1, 2, 3]}
MEANS = [0.9, 0.8, 0.95, 0.7]  # by setting, in the order of the grid


def table(folder: Path) -> Any:
    return table_of(read_runs([folder]), lambda row: row.name)


def outcomes() -> list[Outcome]:
    return [Outcome(value=mean + shift) for shift in (0.0, 0.01, -0.02) for mean in MEANS]


def test_settings_are_ranked_with_their_figures(tmp_path: Path) -> None:
    write_sweep(tmp_path, grid(AXES), outcomes())
    found = table(tmp_path)
    assert (found["objective"], found["tested"], found["is_maximised"]) == ("accuracy/val", "accuracy/test", True)
    assert found["keys"] == ["model", "optimizer.lr"]
    assert found["scales"] == {"model": "category", "optimizer.lr": "log"}
    assert [setting["id"] for setting in found["settings"]] == ["2", "0", "1", "3"]
    best = found["settings"][0]
    expected = summarise([0.95, 0.96, 0.93])
    assert expected is not None
    assert best["values"] == {"model": "batchnorm_cnn", "optimizer.lr": 0.1}
    for name in ("n", "mean", "deviation", "interval"):
        assert best[name] == pytest.approx(getattr(expected, name)), name
    assert best["test"]["mean"] == pytest.approx(expected.mean - 0.01)
    assert [run["seed"] for run in best["runs"]] == [1, 2, 3]
    assert best["runs"][0]["command"].endswith("train.py model=batchnorm_cnn optimizer.lr=0.1 seed=1")


def test_runs_that_have_not_ended_well_say_why_and_how_far_they_are(tmp_path: Path) -> None:
    planted = outcomes()
    planted[3] = Outcome(State.FAILED, reason="ValueError: <b>no</b>", epochs=1)
    planted[7] = Outcome(State.RUNNING, epochs=4)
    planted[11] = Outcome(State.WAITING)
    write_sweep(tmp_path, grid(AXES), planted)
    last = table(tmp_path)["settings"][-1]
    assert (last["id"], last["n"], last["mean"], last["deviation"]) == ("3", 0, None, None)
    said = [(run["state"], run["reason"], run["epochs"], run["max_epochs"]) for run in last["runs"]]
    assert said == [("failed", "ValueError: <b>no</b>", 1, 10), ("running", "", 4, 10), ("waiting", "", None, 10)]


def test_a_setting_keeps_its_name_when_its_first_run_is_not_its_best(tmp_path: Path) -> None:
    write_sweep(tmp_path / "a", grid(AXES), outcomes())
    begun = [*outcomes()[:4], *[Outcome(State.WAITING)] * 8]
    write_sweep(tmp_path / "b", grid(AXES), begun)
    done, beginning = (
        {tuple(setting["values"].items()): setting["id"] for setting in table(tmp_path / name)["settings"]}
        for name in ("a", "b")
    )
    assert done == beginning


def test_a_run_that_cannot_be_read_has_no_command(tmp_path: Path) -> None:
    write_sweep(tmp_path / "sweep", grid(AXES), outcomes())
    (tmp_path / "sweep/sweep.yaml").write_text("cut")
    (setting,) = (one for one in table(tmp_path)["settings"] if one["runs"][0]["state"] == "unreadable")
    assert setting["runs"][0]["command"] == ""
    assert "sweep.yaml" in setting["runs"][0]["reason"]
