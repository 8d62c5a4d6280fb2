"""Runs in a folder of MLflow: a SQLite database, and pictures beside it."""

import io
import logging
import os
import re
import shlex
from pathlib import Path
from typing import Any

from PIL import Image

from convboard.config.command_line import format_value
from convboard.results.export.tracked_run import TrackedRun
from convboard.sweeps.store.journal import State

_STATES = {State.FINISHED: "FINISHED", State.PRUNED: "FINISHED", State.FAILED: "FAILED"}
_NOT_IN_A_NAME = re.compile(r"[^\w\-. /]", re.ASCII)
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000  # of a request
_LONGEST_PARAMETER, _LONGEST_TAG, _LONGEST_KEY = 6000, 8000, 250


class Tracker:
    """Writes runs into a folder of MLflow; see `trackers.Tracker`."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the database."""
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        from mlflow import entities  # after the line above, and deferred: it takes seconds
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells how it makes its tables
        folder.mkdir(parents=True, exist_ok=True)
        store = f"sqlite:///{folder.absolute() / 'mlflow.db'}"
        self._entities: Any = entities
        self._client: Any = MlflowClient(store)
        found = self._client.get_experiment_by_name(project)
        pictures = (folder.absolute() / "artifacts").as_uri()
        self._experiment = found.experiment_id if found else self._client.create_experiment(project, pictures)
        self.shown_by = f"mlflow ui --backend-store-uri {shlex.quote(store)}"

    def has(self, run: TrackedRun) -> bool:
        """Return whether a run has been written before. One that was written in part is deleted."""
        for found in self._client.search_runs([self._experiment], f"tags.`convboard.id` = '{run.id}'"):
            if found.info.status != "RUNNING":
                return True
            self._client.delete_run(found.info.run_id)
        return False

    def add(self, run: TrackedRun) -> None:
        """Write a run."""
        row, client = run.row, self._client
        started = row.started or (run.points[0].time if run.points else 0.0)
        tags = {_key(name): text[:_LONGEST_TAG] for name, text in run.facts.items()}
        if run.group:
            tags["convboard.setting"] = run.group
        run_id = client.create_run(self._experiment, _milliseconds(started), tags, run.name).info.run_id
        self._add_config(run_id, run)
        self._add_metrics(run_id, run)
        for picture in run.pictures():
            image, time = Image.open(io.BytesIO(picture.png)), _milliseconds(picture.time)
            client.log_image(run_id, image, key=picture.tag, step=picture.step, timestamp=time, synchronous=True)
        client.set_terminated(run_id, _STATES.get(State(row.state), "KILLED"), _milliseconds(row.ended or started))

    def _add_config(self, run_id: str, run: TrackedRun) -> None:
        texts = {_key(key): format_value(value)[:_LONGEST_PARAMETER] for key, value in run.config.items()}
        parameters = [self._entities.Param(key, text) for key, text in texts.items()]
        for at in range(0, len(parameters), _MOST_PARAMETERS):
            self._client.log_batch(run_id, params=parameters[at : at + _MOST_PARAMETERS])

    def _add_metrics(self, run_id: str, run: TrackedRun) -> None:
        points = [(tag, value, point.time, point.step) for point in run.points for tag, value in point.metrics.items()]
        ended = run.row.ended or (run.points[-1].time if run.points else 0.0)
        points += [(tag, value, ended, run.last_step) for tag, value in run.final.items()]
        metrics = [
            self._entities.Metric(_key(tag), value, _milliseconds(time), step) for tag, value, time, step in points
        ]
        for at in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(run_id, metrics=metrics[at : at + _MOST_METRICS])


def _key(name: str) -> str:
    """Return a name of a parameter, a metric or a tag, in which few characters are allowed."""
    return _NOT_IN_A_NAME.sub("_", name)[:_LONGEST_KEY]


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
