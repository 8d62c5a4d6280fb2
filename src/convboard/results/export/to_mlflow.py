"""Runs in a folder of MLflow: a SQLite database, and pictures beside it."""

import io
import logging
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from convboard.board.stored_pictures import StoredPicture
from convboard.config.command_line import format_value, installed_program
from convboard.errors import ConfigError
from convboard.files import check_writable
from convboard.results.export.tracked_run import TrackedRun
from convboard.results.export.trackers import damaged
from convboard.sweeps.store.entries import State

_STATES = {State.FINISHED: "FINISHED", State.PRUNED: "FINISHED", State.FAILED: "FAILED"}
_IMAGE = re.compile(r"images/(.+)\+step\+(\d+)\+timestamp\+")  # how MLflow names the file of an image
_NOT_IN_A_NAME = re.compile(r"[^\w\-. /]", re.ASCII)
_BEING_WRITTEN = "RUNNING"
_MOST_PARAMETERS, _MOST_METRICS = 100, 1000  # of a request
_LONGEST_PARAMETER, _LONGEST_TAG, _LONGEST_KEY = 6000, 8000, 250


class Tracker:
    """Writes runs into a folder of MLflow; see `trackers.Tracker`."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the database.

        Raises:
            ConfigError: The experiment of this name was deleted.
            RunError: The database is damaged, or of a later version.
        """
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        from mlflow import entities  # after the line above, and deferred: it takes seconds
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells how it makes its tables
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder)
        file = folder.absolute() / "mlflow.db"
        store = f"sqlite:///{file}"
        self._entities: Any = entities
        try:
            self._client: Any = MlflowClient(store)
            found = self._client.get_experiment_by_name(project)
        except (MlflowException, SQLAlchemyError) as error:
            raise damaged(file, error) from error
        if found and found.lifecycle_stage == entities.LifecycleStage.DELETED:
            raise ConfigError(f"project={project} was deleted in MLflow: choose another name with project=.")
        pictures = (folder.absolute() / "artifacts").as_uri()
        self._experiment = found.experiment_id if found else self._client.create_experiment(project, pictures)
        address = f"http://localhost:5000/#/experiments/{self._experiment}/runs?workflowType=machine_learning"
        self.advice = {
            "look at it": installed_program("mlflow", "ui", "--backend-store-uri", shlex.quote(store)),
            "address": address,  # its front page opens experiments as those of language models, without any run
        }

    def missing(self, run: TrackedRun) -> list[StoredPicture] | None:
        """Return the pictures of a run that are not written; None if the whole run is not."""
        for found in self._written(run):
            if found.info.status != _BEING_WRITTEN:
                files = [file.path for file in self._client.list_artifacts(found.info.run_id, "images")]
                stored = {(name[1].replace("~", "/"), int(name[2])) for name in map(_IMAGE.match, files) if name}
                return [picture for picture in run.pictures() if (_key(picture.tag), picture.step) not in stored]
        return None

    def add(self, run: TrackedRun) -> None:
        """Write a run."""
        for found in self._written(run):
            self._client.delete_run(found.info.run_id)
        row, client = run.row, self._client
        started = row.started or (run.points[0].time if run.points else 0.0)
        tags = {_key(name): text[:_LONGEST_TAG] for name, text in run.facts.items()}
        tags["mlflow.source.name"] = row.command[:_LONGEST_TAG]
        if row.reason:
            tags["mlflow.note.content"] = row.reason[:_LONGEST_TAG]
        if run.group:
            tags["convboard.setting"] = run.group
        run_id = client.create_run(self._experiment, _milliseconds(started), tags, run.name).info.run_id
        self._add_config(run_id, run)
        self._add_metrics(run_id, run)
        self._add_pictures(run_id, run.pictures())
        client.set_terminated(run_id, _STATES.get(State(row.state), "KILLED"), _milliseconds(row.ended or started))

    def add_pictures(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> None:
        """Add pictures to a run."""
        found, *_ = self._written(run)
        self._add_pictures(found.info.run_id, pictures)

    def _written(self, run: TrackedRun) -> list[Any]:
        return list(self._client.search_runs([self._experiment], f"tags.`convboard.id` = '{run.id}'"))

    def _add_pictures(self, run_id: str, pictures: Sequence[StoredPicture]) -> None:
        for picture in pictures:
            self._client.log_image(
                run_id,
                Image.open(io.BytesIO(picture.png)),
                key=_key(picture.tag),
                step=picture.step,
                timestamp=_milliseconds(picture.time),
                synchronous=True,
            )

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
