"""Runs in a folder of Trackio: a SQLite database for each project, and pictures beside it."""

import io
import os
import shlex
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import DatabaseError
from typing import Any

from PIL import Image

from convboard.board.stored_pictures import StoredPicture
from convboard.config.command_line import installed_program
from convboard.errors import ConfigError
from convboard.files import check_writable
from convboard.results.export.rewriting_tracker import RewritingTracker
from convboard.results.export.tracked_run import Place, TrackedRun, shortened
from convboard.results.export.trackers import damaged

_ID, _PARTIAL = "convboard.id", "convboard.partial"  # of a run that is written, and of one that is being written
_LONGEST_NAME = 60  # characters, since pictures are in a folder of that name


class Tracker(RewritingTracker):
    """Writes runs into a folder of Trackio; see `trackers.Tracker`."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the folder.

        Raises:
            ConfigError: Trackio does not allow the name of the project.
            RunError: The database is damaged.
        """
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder)
        os.environ |= {"TRACKIO_DIR": str(folder.absolute()), "HF_HUB_OFFLINE": "1"}
        for elsewhere in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
            os.environ.pop(elsewhere, None)
        import trackio  # after the lines above, and deferred: it takes seconds

        try:
            trackio.SQLiteStorage.validate_project_name(project)
        except ValueError as error:
            raise ConfigError(f"{error} Choose another name with project=.") from error
        self._trackio: Any = trackio
        self._folder = folder
        self._project = project
        shown = installed_program("trackio", "show", "--project", shlex.quote(project))
        self.advice = {"look at it": f"TRACKIO_DIR={shlex.quote(str(folder))} {shown}"}
        self._written: dict[str, list[Any]] = {}  # what there is of runs, by the ids of these
        file = Path(trackio.SQLiteStorage.get_project_db_path(project))
        if file.exists():
            try:
                for found in trackio.Api().runs(project):
                    config = found.config or {}
                    self._written.setdefault(str(config.get(_ID) or config.get(_PARTIAL)), []).append(found)
            except DatabaseError as error:
                raise damaged(file, error) from error

    def _stored(self, run: TrackedRun) -> set[Place] | None:
        whole = [found for found in self._written.get(run.id, ()) if _ID in (found.config or {})]
        return {(tag, step) for tag, step, _ in self._images(whole[0])} if whole else None

    def _images(self, found: Any) -> list[tuple[str, int, Path]]:
        """Return tag, step and file of the pictures of a run."""
        return [
            (tag, entry["step"], self._folder / "media" / value["file_path"])
            for entry in self._trackio.SQLiteStorage.get_logs(self._project, found.name, run_id=found.id)
            for tag, value in entry.items()
            if isinstance(value, dict) and "file_path" in value
        ]

    def _remove(self, run: TrackedRun) -> None:
        for found in self._written.pop(run.id, ()):
            for *_, file in self._images(found):
                file.unlink(missing_ok=True)
            found.delete()

    def _write(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> None:
        with redirect_stdout(io.StringIO()):  # it prints several lines for each run
            written = self._trackio.init(
                self._project,
                name=shortened(run.name, _LONGEST_NAME),
                group=run.group or None,
                config={_PARTIAL: run.id},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            for picture in pictures:
                image = self._trackio.Image(Image.open(io.BytesIO(picture.png)))
                written.log({picture.tag: image}, step=picture.step)
            self._trackio.finish()
            config = {name: value for name, value in written.config.items() if name != _PARTIAL}
            self._add_metrics(run, written.name, written.id, config | run.described)

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
