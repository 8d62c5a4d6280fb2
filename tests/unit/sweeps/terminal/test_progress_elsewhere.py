"""What the files of a sweep tell of other workers."""

from pathlib import Path

from convboard.sweeps.store.liveness import SignOfLife, this_worker
from convboard.sweeps.terminal.progress_elsewhere import Workers, read_progress
from sweep_records import sweep_of_seeds


def test_a_run_without_a_whole_line_has_no_progress(tmp_path: Path) -> None:
    assert read_progress(tmp_path, 3, "accuracy/val") is None
    for text in ("", "epoch,step", "epoch,step\n", "\0\n"):
        (tmp_path / "curves.csv").write_text(text)
        assert read_progress(tmp_path, 3, "accuracy/val") is None


def test_those_that_are_alive_are_counted_with_the_jobs_that_started_them(tmp_path: Path) -> None:
    sweep = sweep_of_seeds(tmp_path / "sweep", 1)
    workers = Workers(sweep, lambda: "; jobs: 1 running")
    with SignOfLife(sweep.workers, this_worker()):
        while not list(sweep.workers.glob("*.beat")):
            pass
        assert workers.describe() == "1 worker on 1 machine; jobs: 1 running"
    assert Workers(sweep).describe() == "no worker is alive"
