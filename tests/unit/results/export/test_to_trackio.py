"""Runs in Trackio, read back through it: `uv pip install trackio && uv pip install 'pillow>=13'`, then `--slow`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from convboard.errors import ConfigError, RunError
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import open_tracker
from convboard.results.table import RunTable
from exported_runs import ODD, is_picture, need

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]  # warnings of Trackio and what it uses


def test_trackio(table: RunTable, export: Callable[..., list[TrackedRun]], tmp_path: Path) -> None:
    run, failed = export("trackio", table, "a project")
    import trackio

    found = {each.name: each for each in trackio.Api().runs("a project")}
    assert found.keys() == {"#0 seed=1", "#1 seed=2"}
    assert run.config.items() <= found["#0 seed=1"].config.items()
    assert found["#1 seed=2"].config["convboard.reason"] == ODD == failed.row.reason
    logs = trackio.SQLiteStorage.get_logs("a project", "#0 seed=1")
    curve = [(entry["step"], entry["accuracy/val"], entry["timestamp"]) for entry in logs if "accuracy/val" in entry]
    assert [point[:2] for point in curve] == [(20, 0.8), (40, 0.8), (60, 0.85)]
    assert curve[2][2] == "2023-11-14T22:13:20.500000+00:00"
    assert [entry["best/accuracy/val"] for entry in logs if "best/accuracy/val" in entry] == [0.9]
    pictures = {(tag, entry["step"]): entry[tag] for entry in logs for tag in entry if tag.startswith("kernels/")}
    assert pictures.keys() == {("kernels/conv1", 20), ("kernels/é:x", 40), ("kernels/conv1", 60)}
    with Image.open(tmp_path / "trackio/media" / pictures["kernels/conv1", 60]["file_path"]) as picture:
        assert is_picture(picture, 60)
    assert len([*(tmp_path / "trackio/media").rglob("*.png")]) == 3


@pytest.mark.usefixtures("no_network")
def test_a_project_that_trackio_does_not_allow_or_cannot_read(tmp_path: Path) -> None:
    need("trackio")
    with pytest.raises(ConfigError, match="Choose another name with project="):
        open_tracker("trackio", tmp_path / "trackio", "registry-a")
    import trackio

    file = trackio.SQLiteStorage.get_project_db_path("damaged")  # in the folder of the first test of this process
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("this is no database at all")
    with pytest.raises(RunError, match=r"damaged\.db cannot be used: .*not a database\. Choose another place with"):
        open_tracker("trackio", tmp_path / "trackio", "damaged")
