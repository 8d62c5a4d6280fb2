"""Trackers that cannot add pictures to a run at a later time: a run that has new ones is written anew."""

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from convboard.board.stored_pictures import StoredPicture
from convboard.errors import ConfigError
from convboard.files import atomic_write_text, check_writable, read_text
from convboard.results.export.tracked_run import Place, TrackedRun, place

_WRITTEN = "convboard.json"  # in the folder of a run, once all of it is written: the places of its pictures


class RewritingTracker(ABC):
    """Writes and removes whole runs; see `trackers.Tracker`."""

    def missing(self, run: TrackedRun) -> list[StoredPicture] | None:
        """Return the pictures of a run that the tracker does not have; None if it does not have the whole run."""
        stored = self._stored(run)
        return None if stored is None else [picture for picture in run.pictures() if place(picture) not in stored]

    def add(self, run: TrackedRun) -> None:
        """Write a run."""
        self._remove(run)
        self._write(run, run.pictures())

    def add_pictures(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> None:
        """Write a run with more pictures than before."""
        kept = {*(self._stored(run) or ()), *map(place, pictures)}
        self._remove(run)
        self._write(run, run.pictures(kept))

    @abstractmethod
    def _stored(self, run: TrackedRun) -> set[Place] | None:
        """Return the places of the pictures that the tracker has; None if it does not have the whole run."""

    @abstractmethod
    def _remove(self, run: TrackedRun) -> None:
        """Remove all that there is of a run."""

    @abstractmethod
    def _write(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> None:
        """Write a run with these pictures."""


class FolderTracker(RewritingTracker):
    """A tracker with a folder for each run."""

    @abstractmethod
    def _folders(self, run: TrackedRun) -> list[Path]:
        """Return the folders of a run, of which at most one is whole."""

    @abstractmethod
    def _write_folder(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> Path:
        """Write a run, and return its folder."""

    def _stored(self, run: TrackedRun) -> set[Place] | None:
        for folder in self._folders(run):
            with suppress(OSError, ValueError, TypeError):  # without the file, the run is not whole
                return {(tag, step) for tag, step in json.loads(read_text(folder / _WRITTEN))}
        return None

    def _remove(self, run: TrackedRun) -> None:
        for folder in self._folders(run):
            shutil.rmtree(folder)

    def _write(self, run: TrackedRun, pictures: Sequence[StoredPicture]) -> None:
        folder = self._write_folder(run, pictures)
        atomic_write_text(folder / _WRITTEN, json.dumps([*map(place, pictures)]))


def project_folder(folder: Path, project: str) -> Path:
    """Return the folder of a project, which is created.

    Raises:
        ConfigError: The name is that of another folder.
        OSError: It cannot be created, or no file in it.
    """
    if project in (".", ".."):
        raise name_error("a folder", project, "letters and digits")
    path = folder / project
    path.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    return path


def name_error(who: str, project: str, allowed: str) -> ConfigError:
    """Return the error that a tracker does not allow the name of a project."""
    return ConfigError(f"project={project} is no name for {who}: choose another with project=, of {allowed}.")
