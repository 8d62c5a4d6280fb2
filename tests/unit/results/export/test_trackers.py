"""Runs in MLflow and Trackio, read back through these.

The tests that need the packages are slow ones: `uv run --extra mlflow pytest --slow -k mlflow`. Trackio is installed
beside them with `uv pip install trackio 'pillow>=13' --override <(echo 'pillow>=13')`.
"""

import io
import math
import re
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convboard.board.event_file import EventFile
from convboard.board.figures.png import Figure, encode_png
from convboard.board.summaries import image
from convboard.errors import ConfigError
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import TRACKERS, open_tracker
from convboard.results.table import RunTable, load_runs
from convboard.sweeps.store.journal import State
from synthetic_sweep import Outcome, grid, write_sweep

ODD = "a \"b\" 'c' <b>d</b> 😀 + é;é"
KERNELS = np.arange(16, dtype=np.uint8).reshape(4, 4)
OF_OTHERS = pytest.mark.filterwarnings("ignore")  # warnings of these packages and what they use
OUTCOMES = (Outcome(value=0.9, epochs=3), Outcome(State.FAILED, reason=ODD, epochs=2))


@pytest.fixture
def table(tmp_path: Path) -> RunTable:
    """A run that has finished and has a picture and a loss that is not finite, and one that has failed."""
    sweep = write_sweep(tmp_path / ODD, grid({"seed": [1, 2]}), OUTCOMES)
    run_dir = sweep.folder / "seed=1"
    lines = (run_dir / "curves.csv").read_text().splitlines()
    lines[3] = "3,60,1700000000.5,1000,0.1,nan,0.8,0.25,0.85"
    (run_dir / "curves.csv").write_text("\n".join([*lines, "4,80,17"]))  # a line that is being written
    events = EventFile.create(run_dir)
    for step in (20, 60):
        events.write([image("kernels/conv1", Figure(encode_png(KERNELS + step), 4, 4))], step, 1700000000)
    events.close()
    return load_runs(sweep.folder)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing leave the machine, and leave the environment as it was."""

    def refuse(*address: Any) -> None:
        raise AssertionError(address)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("MLFLOW_DISABLE_TELEMETRY", "TRACKIO_DIR", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "")


def need(name: str) -> None:
    if find_spec(name) is None:  # not importorskip: Trackio reads its folder from the environment when it is imported
        pytest.skip(f"{name} is not installed")


def exported(name: str, folder: Path, table: RunTable, chosen: str = "all") -> list[TrackedRun]:
    """The runs, which are exported twice."""
    need(name)
    runs = [TrackedRun(row, table.differing, chosen) for row in table]
    for is_known in (False, True):
        tracker = open_tracker(name, folder, "a project")
        for run in runs:
            assert tracker.has(run) == is_known
            if not is_known:
                tracker.add(run)
    return runs


def test_a_tracked_run(table: RunTable) -> None:
    run = TrackedRun(table[0], table.differing, "last")
    assert run.config["optimizer.lr"] == 0.1
    assert [(point.step, point.time) for point in run.points] == [(20, 1), (40, 2), (60, 1700000000.5)]
    assert run.points[2].metrics["loss/val"] == 0.25
    assert "loss/train" not in run.points[2].metrics, "trackers refuse NaN"
    assert run.final["best/accuracy/val"] == 0.9
    assert [picture.step for picture in run.pictures()] == [60]
    failed = TrackedRun(table[1], table.differing, "none")
    assert failed.facts["convboard.reason"] == ODD
    assert failed.final == {}
    assert failed.pictures() == []
    assert run.id != failed.id


@OF_OTHERS
@pytest.mark.slow
def test_mlflow(table: RunTable, tmp_path: Path) -> None:
    run, failed = exported("mlflow", tmp_path / "mlflow", table)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("a project")
    found = {each.info.run_name: each for each in client.search_runs([experiment.experiment_id])}
    assert found.keys() == {"seed=1", "seed=2"}
    first = found["seed=1"]
    assert first.info.status == "FINISHED"
    assert first.info.end_time == round(1000 * (run.row.ended or 0))
    assert first.data.params["optimizer.lr"] == "0.1"
    assert len(first.data.params) == len(run.config)
    history = client.get_metric_history(first.info.run_id, "accuracy/val")
    assert [(point.step, point.value) for point in history] == [(20, 0.8), (40, 0.8), (60, 0.85)]
    assert history[2].timestamp == 1700000000500
    assert first.data.metrics["best/accuracy/test"] == pytest.approx(0.89)
    assert all(map(math.isfinite, first.data.metrics.values()))
    pictures = sorted((tmp_path / "mlflow/artifacts").rglob("*.png"))
    names = [re.split(r"\W+", path.name)[:4] for path in pictures]
    assert names == [["kernels", "conv1", "step", step] for step in ("20", "60")]
    with Image.open(pictures[1]) as picture:
        assert np.array_equal(np.asarray(picture), KERNELS + 60)
    assert found["seed=2"].info.status == "FAILED"
    assert found["seed=2"].data.tags["convboard.reason"] == ODD == failed.row.reason


@OF_OTHERS
@pytest.mark.slow
def test_what_mlflow_has_in_part_is_written_again(table: RunTable, tmp_path: Path) -> None:
    need("mlflow")
    run = TrackedRun(table[0], table.differing)
    tracker = open_tracker("mlflow", tmp_path / "mlflow", "a project")

    class Stopped(TrackedRun):
        def pictures(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tracker.add(Stopped(table[0], table.differing))
    assert not tracker.has(run)
    tracker.add(run)
    assert tracker.has(run)


@OF_OTHERS
@pytest.mark.slow
def test_trackio(table: RunTable, tmp_path: Path) -> None:
    run, failed = exported("trackio", tmp_path / "trackio", table)
    import trackio

    found = {each.name: each for each in trackio.Api().runs("a project")}
    assert found.keys() == {"seed=1", "seed=2"}
    assert run.config.items() <= found["seed=1"].config.items()
    assert found["seed=2"].config["convboard.reason"] == ODD == failed.row.reason
    logs = trackio.SQLiteStorage.get_logs("a project", "seed=1")
    curve = [(entry["step"], entry["accuracy/val"], entry["timestamp"]) for entry in logs if "accuracy/val" in entry]
    assert [point[:2] for point in curve] == [(20, 0.8), (40, 0.8), (60, 0.85)]
    assert curve[2][2] == "2023-11-14T22:13:20.500000+00:00"
    assert [entry["best/accuracy/val"] for entry in logs if "best/accuracy/val" in entry] == [0.9]
    pictures = [(entry["step"], entry["kernels/conv1"]) for entry in logs if "kernels/conv1" in entry]
    assert [step for step, _ in pictures] == [20, 60]
    file = tmp_path / "trackio/media" / pictures[1][1]["file_path"]
    with Image.open(io.BytesIO(file.read_bytes())) as picture:
        assert np.array_equal(np.asarray(picture.convert("L")), KERNELS + 60)


@OF_OTHERS
@pytest.mark.slow
def test_a_project_that_trackio_does_not_allow(tmp_path: Path) -> None:
    need("trackio")
    with pytest.raises(ConfigError, match="Choose another name with project="):
        open_tracker("trackio", tmp_path / "trackio", "registry-a")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_not_installed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).mkdir()  # which is no package, although Python would import it
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ConfigError, match=f"to={name} needs {name}: pip install"):
        open_tracker(name, tmp_path / "out", "a project")
