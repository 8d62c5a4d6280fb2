"""The experiment trackers to which runs can be exported, each an optional dependency."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from convboard.config.command_line import pip_install
from convboard.errors import ConfigError, RunError

if TYPE_CHECKING:  # these import TensorBoard
    from convboard.board.stored_pictures import StoredPicture
    from convboard.results.export.tracked_run import TrackedRun

REQUIREMENTS: dict[str, tuple[str, ...]] = {  # to be installed in this order
    "mlflow": ("mlflow>=3.17,<4",),
    "swanlab": ("swanlab>=0.10.3,<0.11",),
    # No extra: it asks for Pillow below 13, with which convboard cannot be installed, although it works with Pillow 13.
    "trackio": ("trackio>=0.43,<0.44", "pillow>=13"),
    "wandb": ("wandb>=0.31,<0.32",),
}
TRACKERS = tuple(REQUIREMENTS)
PICTURES = ("last", "all", "none")  # which pictures of a run are exported


class Tracker(Protocol):
    """Writes runs into a folder for a tracker. Nothing leaves the machine.

    Attributes:
        advice: What can be done with the folder: commands or addresses, by labels such as `look at it`.
    """

    advice: Mapping[str, str]

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the folder.

        Args:
            folder: The folder.
            project: The name of what the tracker calls a project or an experiment.
        """

    def missing(self, run: "TrackedRun") -> "list[StoredPicture] | None":
        """Return the pictures of a run that the folder does not have; None if it does not have the whole run."""

    def add(self, run: "TrackedRun") -> None:
        """Write a run, instead of what there is if it was written in part."""

    def add_pictures(self, run: "TrackedRun", pictures: "Sequence[StoredPicture]") -> None:
        """Add pictures to a run that was written before."""


def open_tracker(name: str, folder: Path, project: str) -> Tracker:
    """Return a tracker.

    Args:
        name: One of `TRACKERS`.
        folder: Where it stores the runs.
        project: The name of the project.

    Raises:
        ConfigError: It is not installed, or does not allow the name of the project.
        RunError: What is in the folder is damaged.
        OSError: The folder cannot be written.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:  # a folder of that name is not the package
        commands = ", and then ".join(map(pip_install, REQUIREMENTS[name]))
        raise ConfigError(f"to={name} needs {name}: {commands}.")
    kind: type[Tracker] = import_module(f"convboard.results.export.to_{name}").Tracker
    return kind(folder, project)


def export_runs(tracker: Tracker, runs: "Sequence[TrackedRun]") -> tuple[int, int]:
    """Write what a tracker does not have yet of some runs.

    Args:
        tracker: The tracker.
        runs: The runs.

    Returns:
        The number of new runs, and of runs that were written before and have new pictures.

    Raises:
        OSError: The folder cannot be written.
    """
    new = extended = 0
    for run in runs:
        missing = tracker.missing(run)
        if missing is None:
            tracker.add(run)
            new += 1
        elif missing:
            tracker.add_pictures(run, missing)
            extended += 1
    return new, extended


def damaged(file: Path, error: Exception) -> RunError:
    """Return the error that the database of a tracker cannot be used."""
    first, *_ = str(error).splitlines()
    return RunError(f"{file} cannot be used: {first.rstrip('.')}. Choose another place with out=.")
