"""Runs in a folder of Weights & Biases: an offline run each, which can be looked at and uploaded later."""

import io
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from convboard.board.stored_pictures import StoredPicture
from convboard.config.command_line import installed_program
from convboard.results.export.rewriting_tracker import FolderTracker, name_error, project_folder
from convboard.results.export.tracked_run import TrackedRun, shortened
from convboard.sweeps.store.entries import State

_LONGEST_NAME = 128  # characters
_NOT_COLLECTED = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "disable_job_creation": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}  # of this process, which has not trained the runs


class Tracker(FolderTracker):
    """Writes runs into a folder of Weights & Biases; see `trackers.Tracker`."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the folder.

        Raises:
            ConfigError: Weights & Biases does not allow the name of the project.
        """
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            del os.environ[name]  # such as the run that this process would be, or where it would be uploaded to
        os.environ |= {"WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
        import wandb  # after the lines above, and deferred: it takes seconds

        try:
            self._settings = wandb.Settings(mode="offline", silent=True, project=project, **_NOT_COLLECTED)
        except wandb.errors.UsageError as error:
            raise name_error("Weights & Biases", project, "letters, digits, blanks, - and _") from error
        self._wandb: Any = wandb
        self._parent = project_folder(folder, project)
        self._folder = project_folder(self._parent, "wandb")
        place = shlex.quote(str(self._folder))
        self.advice = {
            "look at it": installed_program("wandb", "leet", place),
            "upload": installed_program("wandb", "sync", f"{place}/offline-run-*"),
        }

    def _folders(self, run: TrackedRun) -> list[Path]:
        return list(self._folder.glob(f"offline-run-*-{run.id}"))

    def _write_folder(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> Path:
        written = self._wandb.init(
            dir=self._parent,
            id=run.id,
            name=shortened(run.name, _LONGEST_NAME),
            group=shortened(run.group, _LONGEST_NAME) or None,
            notes=run.row.reason or None,
            tags=[run.row.state],
            config=run.described,
            settings=self._settings,
        )
        for step, values in sorted(self._rows(run, pictures).items()):
            written.log(values, step=step)
        written.summary.update(run.final)
        written.finish(exit_code=0 if run.row.state in (State.FINISHED, State.PRUNED) else 1)
        return Path(written.dir).parent

    def _rows(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> dict[int, dict[str, Any]]:
        """Return what was measured and drawn, by step: a run takes one row for each, in their order."""
        rows: dict[int, dict[str, Any]] = {}
        for point in run.points:
            rows.setdefault(point.step, {}).update(point.metrics, _timestamp=point.time)
        for picture in pictures:
            image = self._wandb.Image(Image.open(io.BytesIO(picture.png)))
            rows.setdefault(picture.step, {"_timestamp": picture.time})[picture.tag] = image
        return rows
