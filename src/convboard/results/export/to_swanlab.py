"""Runs in a folder of SwanLab: an offline run each, which its dashboard shows where that is installed."""

import io
import os
import shlex
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from convboard.board.stored_pictures import StoredPicture
from convboard.config.command_line import installed_program
from convboard.results.export.rewriting_tracker import FolderTracker, name_error, project_folder
from convboard.results.export.tracked_run import TrackedRun
from convboard.sweeps.store.entries import State

_STATES = {State.FINISHED: "success", State.PRUNED: "success", State.FAILED: "crashed"}
_LONGEST_DESCRIPTION = 1024  # characters
_NOTHING_COLLECTED = dict.fromkeys(("hardware", "runtime", "requirements", "conda", "git", "swanlab", "monitor"), False)


class Tracker(FolderTracker):
    """Writes runs into a folder of SwanLab; see `trackers.Tracker`."""

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the folder.

        Raises:
            ConfigError: SwanLab does not allow the name of the project.
        """
        for name in [name for name in os.environ if name.startswith("SWANLAB_")]:
            del os.environ[name]  # such as where runs are uploaded to
        import swanlab  # after the lines above, and deferred: it takes a second

        try:
            swanlab.Settings.Project(name=project)
        except ValueError as error:
            raise name_error("SwanLab", project, "letters, digits, - and _") from error
        self._swanlab: Any = swanlab
        self._project = project
        self._has_dashboard = find_spec("swanboard") is not None
        self._folder = project_folder(folder, project)
        place = shlex.quote(str(self._folder))
        self.advice = {"upload": installed_program("swanlab", "sync", f"{place}/run-*")}
        if self._has_dashboard:
            self.advice = {"look at it": installed_program("swanlab", "watch", place)} | self.advice

    def _folders(self, run: TrackedRun) -> list[Path]:
        folder = self._folder / f"run-{run.id}"
        return [folder] if folder.exists() else []

    def _remove(self, run: TrackedRun) -> None:
        super()._remove(run)
        if self._has_dashboard:
            from swanboard.db import connect
            from swanboard.db.models import Experiment

            connect(str(self._folder), autocreate=True)
            Experiment.delete().where(Experiment.run_id == f"run-{run.id}").execute()

    def _write_folder(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> Path:
        # In the main thread SwanLab would handle Ctrl-C, in which it can wait for ever for a lock that it holds itself.
        with redirect_stdout(io.StringIO()), ThreadPoolExecutor(1) as another_thread:  # it prints lines for each run
            folder = another_thread.submit(self._write_run, run, pictures).result()
        _stop_watching()
        return folder

    def _write_run(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> Path:
        state = _STATES.get(State(run.row.state), "aborted")
        reason = run.row.reason[:_LONGEST_DESCRIPTION] or None
        written = self._swanlab.init(
            id=run.id,
            name=run.name,
            group=run.group or None,
            description=reason,
            tags=[run.row.state],
            config={key: "null" if value is None else value for key, value in run.described.items()},
            settings=self._settings(f"run-{run.id}"),
        )
        for point in run.points:
            written.log(point.metrics, step=point.step)
        for picture in pictures:
            image = self._swanlab.Image(Image.open(io.BytesIO(picture.png)))
            written.log({picture.tag: image}, step=picture.step)
        written.log(run.final, step=run.last_step)
        written.finish(state=state, error=reason if state == "crashed" else None)
        return Path(written.dir)

    def _settings(self, run_folder: str) -> Any:
        """Return what no setting of the user's may change: nothing is uploaded, collected or asked."""
        kind = self._swanlab.Settings
        return kind(
            mode="local" if self._has_dashboard else "offline",
            interactive=False,
            log_dir=self._folder,
            project=kind.Project(name=self._project),
            run=kind.Run(dir=run_folder),
            core=kind.Core(skip_store=False),
            probe=kind.Probe(**_NOTHING_COLLECTED),
            terminal=kind.Terminal(proxy_type="none"),
            integration=kind.Integration(webhook=kind.Integration.Webhook(url="")),
        )


def _stop_watching() -> None:
    """End the threads that watch the folders of runs, which SwanLab leaves: a user may often have 128 of them."""
    from watchdog.utils import BaseThread  # of SwanLab

    for thread in threading.enumerate():
        if isinstance(thread, BaseThread):
            thread.stop()
