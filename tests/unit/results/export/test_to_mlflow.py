"""Runs in MLflow, read back through it. It is large: `uv run --extra mlflow pytest --slow -k mlflow`."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from convboard.errors import ConfigError, RunError
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import open_tracker
from convboard.results.table import RunTable
from exported_runs import ODD, is_picture, need

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]  # warnings of MLflow and what it uses


def test_mlflow(table: RunTable, export: Callable[..., list[TrackedRun]], tmp_path: Path) -> None:
    run, failed = export("mlflow", table, "a project")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("a project")
    found = {each.info.run_name: each for each in client.search_runs([experiment.experiment_id])}
    assert found.keys() == {"#0 seed=1", "#1 seed=2"}
    first, second = found["#0 seed=1"], found["#1 seed=2"]
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
    names = [re.split(r"[^\w]+", path.name)[:4] for path in pictures]
    assert names == [
        ["kernels", layer, "step", step] for layer, step in (("__x", "40"), ("conv1", "20"), ("conv1", "60"))
    ]
    with Image.open(pictures[2]) as picture:
        assert is_picture(picture, 60)
    assert second.info.status == "FAILED"
    assert second.data.tags["convboard.reason"] == second.data.tags["mlflow.note.content"] == ODD == failed.row.reason


class Stopped(TrackedRun):
    @property
    def final(self) -> dict[str, float]:
        raise KeyboardInterrupt


@pytest.mark.usefixtures("no_network")
def test_what_mlflow_has_in_part_is_written_again(table: RunTable, tmp_path: Path) -> None:
    need("mlflow")
    run = TrackedRun(table[0], table.differing)
    tracker = open_tracker("mlflow", tmp_path / "mlflow", "a project")
    with pytest.raises(KeyboardInterrupt):
        tracker.add(Stopped(table[0], table.differing))
    assert tracker.missing(run) is None
    tracker.add(run)
    assert tracker.missing(run) == []


@pytest.mark.usefixtures("no_network")
def test_a_project_that_was_deleted(tmp_path: Path) -> None:
    need("mlflow")
    open_tracker("mlflow", tmp_path, "a project")
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    client.delete_experiment(client.get_experiment_by_name("a project").experiment_id)
    with pytest.raises(ConfigError, match="project=a project was deleted in MLflow: choose another name with project="):
        open_tracker("mlflow", tmp_path, "a project")


@pytest.mark.usefixtures("no_network")
def test_a_database_that_is_damaged(tmp_path: Path) -> None:
    need("mlflow")
    (tmp_path / "mlflow.db").write_text("this is no database at all")
    with pytest.raises(RunError, match=r"mlflow\.db cannot be used: .*not a database.*\. Choose another place"):
        open_tracker("mlflow", tmp_path, "a project")
