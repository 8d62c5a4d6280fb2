"""Offline runs of SwanLab, read back from its store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from convboard.errors import ConfigError
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import open_tracker
from convboard.results.table import RunTable
from exported_runs import ODD, is_picture, need

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.thorough]  # warnings of SwanLab and what it uses


def records(store: Path) -> list[Any]:
    from swanlab.proto.swanlab.record.v1.record_pb2 import Record
    from swanlab.sdk.internal.core_python.store import DataStoreReader

    reader = DataStoreReader()
    reader.open(store)
    found = [Record.FromString(record) for record in reader]
    reader.close()
    return found


def test_swanlab(
    table: RunTable,
    export: Callable[..., list[TrackedRun]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SWANLAB_WEBHOOK", "http://127.0.0.1:1/")  # would be told of each run
    run, failed = export("swanlab", table)
    assert capfd.readouterr() == ("", "")
    folder, other = (tmp_path / "swanlab/project" / f"run-{each.id}" for each in (run, failed))
    found = records(folder / f"run-{run.id}.swanlab")
    (start,) = (record.start for record in found if record.HasField("start"))
    assert (start.project, start.name, [*start.tags]) == ("project", "#0 seed=1", ["finished"])
    config = {key: entry["value"] for key, entry in yaml.safe_load((folder / "files/config.yaml").read_text()).items()}
    assert run.config.items() <= config.items()
    points = [record.scalar for record in found if record.HasField("scalar")]
    curve = [(point.step, point.value.number) for point in points if point.key == "accuracy/val"]
    assert curve == [(20, 0.8), (40, 0.8), (60, 0.85)]
    assert [point.step for point in points if point.key == "loss/train"] == [20, 40]
    (best,) = (point for point in points if point.key == "best/accuracy/test")
    assert (best.step, best.value.number) == (60, pytest.approx(0.89))
    pictures = {(record.media.key, record.media.step): record.media for record in found if record.HasField("media")}
    assert pictures.keys() == {("kernels/conv1", 20), ("kernels/é:x", 40), ("kernels/conv1", 60)}
    for (_, step), media in pictures.items():
        with Image.open(folder / "media/image" / media.value.items[0].filename) as picture:
            assert is_picture(picture, step)
    (end,) = (record.finish for record in records(other / f"run-{failed.id}.swanlab") if record.HasField("finish"))
    assert end.error == ODD == failed.row.reason


@pytest.mark.usefixtures("no_network")
def test_a_project_that_swanlab_does_not_allow(tmp_path: Path) -> None:
    need("swanlab")
    with pytest.raises(ConfigError, match="project=a b is no name for SwanLab: choose another with project="):
        open_tracker("swanlab", tmp_path / "out", "a b")
    assert not (tmp_path / "out").exists()
