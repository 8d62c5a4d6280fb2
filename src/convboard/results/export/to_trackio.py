"""Runs in a folder of Trackio: a SQLite database for each project, and pictures beside it."""

import io
import os
import shlex
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image

from convboard.errors import ConfigError
from convboard.results.export.tracked_run import TrackedRun

_ID, _PARTIAL = "convboard.id", "convboard.partial"  # of a run that is written, and of one that is being written
_LONGEST_NAME = 60  # characters, since pictures are in a folder of that name


class Tracker:
    """Writes runs into a folder of Trackio; see `trackers.Tracker`."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the folder.

        Raises:
            ConfigError: Trackio does not allow the name of the project.
        """
        os.environ |= {"TRACKIO_DIR": str(folder.absolute()), "HF_HUB_OFFLINE": "1"}
        for elsewhere in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
            os.environ.pop(elsewhere, None)
        import trackio  # after the lines above, and deferred: it takes seconds

        try:
            trackio.SQLiteStorage.validate_project_name(project)
        except ValueError as error:
            raise ConfigError(f"{error} Choose another name with project=.") from error
        self._trackio: Any = trackio
        self._project = project
        self.shown_by = f"TRACKIO_DIR={shlex.quote(str(folder))} trackio show --project {shlex.quote(project)}"

    def has(self, run: TrackedRun) -> bool:
        """Return whether a run has been written before. One that was written in part is deleted."""
        try:
            stored = self._trackio.Api().runs(self._project)
        except ValueError:  # there is no such project
            return False
        for found in stored:
            config = found.config or {}
            if config.get(_ID) == run.id:
                return True
            if config.get(_PARTIAL) == run.id:
                found.delete()
        return False

    def add(self, run: TrackedRun) -> None:
        """Write a run."""
        with redirect_stdout(io.StringIO()):  # it prints several lines for each run
            written = self._trackio.init(
                self._project,
                name=run.name[-_LONGEST_NAME:],
                group=run.group or None,
                config={_PARTIAL: run.id},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            for picture in run.pictures():
                image = self._trackio.Image(Image.open(io.BytesIO(picture.png)))
                written.log({picture.tag: image}, step=picture.step)
            self._trackio.finish()
            config = {name: value for name, value in written.config.items() if name != _PARTIAL}
            self._add_metrics(run, written.name, written.id, config | run.config | run.facts)

    def _add_metrics(self, run: TrackedRun, name: str, run_id: str, config: dict[str, Any]) -> None:
        """Write the curves with the times at which they were measured, as the importers of Trackio do."""
        points = [(point.metrics, point.step, point.time) for point in run.points]
        ended = run.row.ended or run.row.started or 0.0
        points.append((run.final, run.last_step, ended))
        self._trackio.SQLiteStorage.bulk_log(
            self._project,
            name,
            metrics_list=[metrics for metrics, _, _ in points],
            steps=[step for _, step, _ in points],
            timestamps=[datetime.fromtimestamp(time, UTC).isoformat() for _, _, time in points],
            config=config,
            run_id=run_id,
        )
