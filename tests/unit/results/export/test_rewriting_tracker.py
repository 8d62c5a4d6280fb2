"""Trackers that write a run with new pictures anew."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from convboard.board.stored_pictures import StoredPicture
from convboard.errors import ConfigError
from convboard.results.export.rewriting_tracker import FolderTracker, project_folder
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.table import RunTable


class Folders(FolderTracker):
    """A file for each picture, in a folder for each time that a run is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_stopped = False

    def _folders(self, run: TrackedRun) -> list[Path]:
        return [*self.folder.glob(f"*-{run.id}")]

    def _write_folder(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> Path:
        folder = self.folder / f"{len([*self.folder.iterdir()])}-{run.id}"
        folder.mkdir()
        for picture in pictures:
            (folder / f"{picture.step}.png").write_bytes(picture.png)
        if self.is_stopped:
            raise KeyboardInterrupt
        return folder

    def images(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("*.png"))


@pytest.fixture
def tracker(tmp_path: Path) -> Folders:
    return Folders(project_folder(tmp_path / "out", "project"))


def missing_steps(tracker: Folders, run: TrackedRun) -> list[int] | None:
    missing = tracker.missing(run)
    return None if missing is None else [picture.step for picture in missing]


def test_a_run_has_the_pictures_of_all_exports(tracker: Folders, table: RunTable) -> None:
    last, every = (TrackedRun(table[0], table.differing, chosen) for chosen in ("last", "all"))
    assert missing_steps(tracker, last) is None
    tracker.add(last)
    assert (missing_steps(tracker, last), missing_steps(tracker, every)) == ([], [20])
    tracker.add_pictures(every, tracker.missing(every) or [])
    assert (missing_steps(tracker, last), missing_steps(tracker, every)) == ([], [])
    assert tracker.images() == ["20.png", "60.png"], "and they are there once"


def test_what_is_written_in_part_is_written_again(tracker: Folders, table: RunTable) -> None:
    run = TrackedRun(table[0], table.differing)
    tracker.is_stopped = True
    with pytest.raises(KeyboardInterrupt):
        tracker.add(run)
    tracker.is_stopped = False
    assert missing_steps(tracker, run) is None
    tracker.add(run)
    assert missing_steps(tracker, run) == []
    assert tracker.images() == ["60.png"]


@pytest.mark.parametrize("project", [".", ".."])
def test_a_project_is_no_other_folder(project: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose another with project="):
        project_folder(tmp_path, project)
