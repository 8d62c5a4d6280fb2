"""The files that a run leaves for others to read."""

import csv
import errno
import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convboard.errors import TrainingError
from convboard.experiment.run_files import RESULT
from convboard.experiment.run_record import CurvesFile, SummaryFile
from convboard.experiment.run_summary import COLUMNS, CURVES, read_summary
from convboard.training.callbacks import EpochEnd, Evaluation, FitStart, Step
from convboard.training.signals import Interrupted

STEPS = 5  # in an epoch


def start(global_step: int = 0) -> FitStart:
    return FitStart(nn.Linear(1, 1), torch.device("cpu"), 9, STEPS, global_step // STEPS, global_step)


def train(curves: CurvesFile, *epochs: int) -> None:
    """Tell the events of some epochs."""
    for epoch in epochs:
        curves.on_step(Step(epoch * STEPS, epoch, torch.zeros(()), torch.zeros(()), 8, lr=0.1 / epoch))
        val = Evaluation(0.5 / epoch, 1 - 0.5 / epoch, torch.zeros(1, 1), torch.zeros(1))
        curves.on_epoch_end(EpochEnd(epoch, epoch * STEPS, 1 / epoch, 1 / 3, val, 1234.56, is_last=False, is_best=True))
        curves.state_dict()  # a checkpoint follows


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / CURVES).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def curves(tmp_path: Path) -> CurvesFile:
    made = CurvesFile(tmp_path)
    made.on_fit_start(start())
    return made


class TestCurves:
    def test_each_epoch_is_a_line_with_every_digit(self, curves: CurvesFile, tmp_path: Path) -> None:
        assert (tmp_path / CURVES).read_text() == ",".join(COLUMNS) + "\n"
        train(curves, 1, 2, 3)
        written = rows(tmp_path)
        assert [row["epoch"] for row in written] == ["1", "2", "3"]
        assert written[2]["step"] == "15"
        assert float(written[2]["lr"]) == 0.1 / 3
        assert float(written[2]["loss/train"]) == 1 / 3
        assert float(written[2]["accuracy/val"]) == 1 - 0.5 / 3
        assert written[2]["images_per_second"] == "1234.6"

    @pytest.mark.parametrize(("checkpoint", "kept"), [(0, 0), (4, 0), (5, 1), (9, 1), (10, 2), (15, 3), (30, 3)])
    def test_a_resumed_run_repeats_the_epochs_since_its_checkpoint(
        self, checkpoint: int, kept: int, curves: CurvesFile, tmp_path: Path
    ) -> None:
        train(curves, 1, 2, 3)
        before = (tmp_path / CURVES).read_text().splitlines()
        resumed = CurvesFile(tmp_path)
        resumed.on_fit_start(start(checkpoint))
        assert (tmp_path / CURVES).read_text().splitlines() == before[: 1 + kept]
        train(resumed, *range(kept + 1, 5))
        assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2", "3", "4"]

    @pytest.mark.parametrize("torn", range(1, 60, 7))
    def test_half_a_line_of_a_killed_run_is_cut_off(self, torn: int, curves: CurvesFile, tmp_path: Path) -> None:
        train(curves, 1, 2)
        path = tmp_path / CURVES
        path.write_bytes(path.read_bytes()[:-torn])
        resumed = CurvesFile(tmp_path)
        resumed.on_fit_start(start(10))
        train(resumed, 3)
        assert [row["epoch"] for row in rows(tmp_path)] == ["1", "3"]

    @pytest.mark.parametrize("lost", ["the last line", "half of it", "all of it"])
    def test_what_a_crash_of_the_machine_has_lost_comes_from_the_checkpoint(
        self, lost: str, curves: CurvesFile, tmp_path: Path
    ) -> None:
        train(curves, 1, 2, 3)
        path, state = tmp_path / CURVES, json.loads(json.dumps(curves.state_dict()))
        before = path.read_text()
        path.write_text({"the last line": before[:-80], "half of it": before[:150], "all of it": ""}[lost])
        resumed = CurvesFile(tmp_path)
        resumed.load_state_dict(state)
        resumed.on_fit_start(start(15))
        assert path.read_text() == before

    def test_the_lines_of_a_checkpoint_are_those_of_the_last_seconds(
        self, curves: CurvesFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        train(curves, 1, 2)
        assert len(curves.state_dict()["pending"]) == 2
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + 31)
        assert curves.state_dict() == {"pending": []}
        train(curves, 3)
        assert len(curves.state_dict()["pending"]) == 1

    @pytest.mark.parametrize("damage", ["removed", "emptied", "another's", "a link", "binary"])
    def test_a_file_that_somebody_has_changed_is_written_again(
        self, damage: str, curves: CurvesFile, tmp_path: Path
    ) -> None:
        train(curves, 1)
        path, theirs = tmp_path / CURVES, tmp_path / "theirs"
        theirs.write_text("theirs")
        path.unlink()
        if damage == "a link":
            path.symlink_to(theirs)
        elif damage != "removed":
            path.write_bytes({"emptied": b"", "another's": b"a,b\n1,2\n", "binary": b"\xff\x00"}[damage])
        curves.state_dict()
        train(curves, 2)
        assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2"]
        assert theirs.read_text() == "theirs"
        assert not path.is_symlink()

    @pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\x00", b"epoch,step\n"])
    def test_a_file_of_something_else_is_replaced_when_a_run_is_resumed(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / CURVES).write_bytes(content)
        CurvesFile(tmp_path).on_fit_start(start(10))
        assert (tmp_path / CURVES).read_text() == ",".join(COLUMNS) + "\n"


def summary_of(run_dir: Path) -> dict[str, Any]:
    found = read_summary(run_dir)
    assert found is not None
    return found


class TestSummary:
    def test_a_run_that_begins_and_ends(self, tmp_path: Path) -> None:
        summary = SummaryFile(tmp_path, {"seed": 0}, {"torch": "2"})
        assert read_summary(tmp_path) is None
        summary.on_fit_start(start())
        begun = summary_of(tmp_path)
        assert (begun["state"], begun["reason"], begun["ended"]) == ("running", "", None)
        assert (begun["config"], begun["environment"]) == ({"seed": 0}, {"torch": "2"})
        summary.end("pruned", "worse than others")
        ended = summary_of(tmp_path)
        assert (ended["state"], ended["reason"]) == ("pruned", "worse than others")
        assert ended["started"] == begun["started"] <= ended["ended"]

    def test_a_resumed_run_was_started_when_it_was(self, tmp_path: Path) -> None:
        SummaryFile(tmp_path, {"seed": 0}, {}, started=17.5).on_fit_start(start())
        assert summary_of(tmp_path)["started"] == 17.5

    @pytest.mark.parametrize(
        ("error", "state", "reason"),
        [
            (TrainingError("The loss is nan at step 3."), "failed", "The loss is nan at step 3."),
            (ZeroDivisionError("division by zero"), "failed", "ZeroDivisionError: division by zero"),
            (SystemExit(3), "failed", "SystemExit: 3"),
            (Interrupted(15), "interrupted", "interrupted by SIGTERM"),
            (KeyboardInterrupt(2), "interrupted", "interrupted before the first step"),
        ],
    )
    def test_what_ends_a_run_is_recorded(self, error: BaseException, state: str, reason: str, tmp_path: Path) -> None:
        summary = SummaryFile(tmp_path, {"seed": 0}, {})
        with pytest.raises(type(error)), summary.recording_failure():
            raise error
        assert (summary_of(tmp_path)["state"], summary_of(tmp_path)["reason"]) == (state, reason)

    def test_a_run_that_has_a_result_has_not_failed(self, tmp_path: Path) -> None:
        summary = SummaryFile(tmp_path, {"seed": 0}, {})
        summary.end("finished")
        (tmp_path / RESULT).touch()
        with pytest.raises(BrokenPipeError), summary.recording_failure():
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        assert summary_of(tmp_path)["state"] == "finished"

    def test_a_folder_that_cannot_be_written_does_not_hide_the_cause(self, tmp_path: Path) -> None:
        summary = SummaryFile(tmp_path / "missing", {"seed": 0}, {})
        with pytest.raises(TrainingError, match="nan"), summary.recording_failure():
            raise TrainingError("nan")
