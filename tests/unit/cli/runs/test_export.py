"""`runs export`: which table is written where."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from convboard.cli.runs import export as command
from convboard.errors import ConfigError, RunError
from convboard.sweeps.store.entries import State
from exported_runs import draw_picture
from synthetic_sweep import Outcome, grid, write_sweep

OUTCOMES = (Outcome(value=0.9), Outcome(value=0.7), Outcome(value=0.8), Outcome(State.FAILED, reason="no room"))


@pytest.fixture
def sweep(tmp_path: Path) -> str:
    """A sweep of two learning rates and two seeds, of which one run has failed."""
    return str(write_sweep(tmp_path / "sweep", grid({"optimizer.lr": [0.1, 0.01], "seed": [1, 2]}), OUTCOMES).folder)


def exported(capsys: pytest.CaptureFixture[str], path: str, **keys: Any) -> str:
    command.main([path], command.Arguments(**keys))
    return capsys.readouterr().out


def test_a_printed_table_is_for_a_report_or_a_program(sweep: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exported(capsys, sweep, format="markdown", sort="objective").splitlines() == [
        "|   lr |   n | accuracy/val (%) | accuracy/test (%) |",
        "| ---: | --: | ---------------: | ----------------: |",
        "|  0.1 |   2 |     85.00 ± 7.07 |      84.00 ± 7.07 |",
        "| 0.01 |   1 |            70.00 |             69.00 |",
    ]
    rows = [*csv.DictReader(exported(capsys, sweep).splitlines())]
    assert [row["optimizer.lr"] for row in rows] == ["0.1", "0.01"]
    assert float(rows[0]["accuracy/val_mean"]) == pytest.approx(0.85)
    rows = [*csv.DictReader(exported(capsys, sweep, group="none").splitlines())]
    assert [row["accuracy/val"] for row in rows] == ["0.9", "0.7", "0.8", ""]
    assert rows[3]["reason"] == "no room"


def test_rows_for_each_run_in_a_report(sweep: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, *_ = exported(capsys, sweep, format="latex", group="none").splitlines()[3:]
    assert head == r"lr & seed & accuracy/val (\%) & accuracy/test (\%) \\"
    (tmp_path / "sweep/optimizer.lr=0.1,seed=1").rename(tmp_path / "alone")
    head, _, row = exported(capsys, str(tmp_path / "alone"), format="markdown").splitlines()
    assert head == "| run   | accuracy/val (%) | accuracy/test (%) |", "nothing else tells which run it is"
    assert row == "| alone |            90.00 |             89.00 |"


def test_a_file_is_written_in_the_format_of_its_suffix(
    sweep: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new folder/table.JSON"
    assert exported(capsys, sweep, out=str(out)).startswith("written: ")
    assert json.loads(out.read_text())[0]["n"] == 2
    with pytest.raises(ConfigError, match=r"is there already.*overwrite=true"):
        exported(capsys, sweep, out=str(out), columns="lr")
    exported(capsys, sweep, out=str(out), columns="lr", overwrite=True)
    assert json.loads(out.read_text()) == [{"optimizer.lr": 0.1}, {"optimizer.lr": 0.01}]
    exported(capsys, sweep, out=str(tmp_path / "table"), format="latex")
    assert r"\toprule" in (tmp_path / "table").read_text()


def test_a_file_that_cannot_be_written(sweep: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written: File exists"):
        exported(capsys, sweep, out=str(tmp_path / "file/table.csv"))
    with pytest.raises(ConfigError, match=r"is a folder\. Give the name of a file, such as out=.*/table\.csv"):
        exported(capsys, sweep, out=str(tmp_path), format="csv", overwrite=True)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"format": "cvs"}, "Did you mean 'csv'"),
        ({"out": "table.xlsx"}, "the suffix tells no format"),
        ({"out": "table"}, "the suffix tells no format"),
        ({"format": "parquet"}, "cannot be printed"),
        ({"to": "mlfow"}, "Did you mean 'mlflow'"),
        ({"to": "mlflow", "format": "csv"}, "format is of a table, and to=mlflow exports whole runs"),
        ({"to": "mlflow", "pictures": "some"}, "Allowed: all, last, none"),
        ({"project": "mine"}, "project is of an export to a tracker: add to=mlflow or to=swanlab"),
        ({"pictures": "all"}, "pictures is of an export to a tracker: add to=mlflow or to=swanlab"),
        ({"columns": "lrr"}, "'lrr' is no column"),
        ({"where": "lr>1"}, "No run in .* fulfils"),
    ],
)
def test_what_cannot_be_exported(
    keys: dict[str, Any], message: str, sweep: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((ConfigError, RunError), match=message):
        exported(capsys, sweep, **keys)


@pytest.mark.filterwarnings("ignore")  # warnings of SwanLab and what it uses
@pytest.mark.thorough
def test_an_export_to_a_tracker_adds_what_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV", "")
    monkeypatch.chdir(tmp_path)
    outcomes = (Outcome(), Outcome(State.FAILED), Outcome(State.RUNNING), Outcome(State.WAITING))
    write_sweep(tmp_path / "sweep", grid({"seed": [1, 2, 3, 4]}), outcomes)
    upload = "upload:     swanlab sync exported/swanlab/sweep/run-*"
    lines = exported(capsys, "sweep", to="swanlab", where="number=0").splitlines()
    assert lines == ["exported:   1 run to swanlab in exported/swanlab, project sweep", upload]
    draw_picture(tmp_path / "sweep/seed=1", "kernels/conv1", 20)
    assert exported(capsys, "sweep", to="swanlab").splitlines() == [
        "exported:   1 run to swanlab in exported/swanlab, project sweep",
        "            1 run had been exported before, and got new pictures",
        "            2 runs left out: not ended, or not readable",
        upload,
    ]
    assert exported(capsys, "sweep", to="swanlab").splitlines()[:2] == [
        "exported:   0 runs to swanlab in exported/swanlab, project sweep",
        "            2 runs had been exported before",
    ]
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"^file cannot be written: .*\. Choose another place with out=\.$"):
        exported(capsys, "sweep", to="swanlab", out="file")
