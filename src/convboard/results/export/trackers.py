"""The experiment trackers to which runs can be exported, each an optional dependency."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from convboard.errors import ConfigError

if TYPE_CHECKING:
    from convboard.results.export.tracked_run import TrackedRun  # imports TensorBoard

_INSTALLED_BY = {
    "mlflow": "pip install 'convboard[mlflow]', or pip install 'mlflow>=3.17,<4'",
    # No extra: it asks for Pillow below 13, with which convboard cannot be installed, although it works with Pillow 13.
    "trackio": "pip install 'trackio>=0.43,<0.44', and after that pip install 'pillow>=13', which Trackio works with",
}
TRACKERS = tuple(_INSTALLED_BY)
PICTURES = ("last", "all", "none")  # which pictures of a run are exported


class Tracker(Protocol):
    """Writes runs into a folder that a tracker shows. Nothing leaves the machine.

    Attributes:
        shown_by: The command that shows them.
    """

    shown_by: str

    def __init__(self, folder: Path, project: str) -> None:
        """Open or create the folder.

        Args:
            folder: The folder.
            project: The name of what the tracker calls a project or an experiment.
        """

    def has(self, run: "TrackedRun") -> bool:
        """Return whether a run has been written before."""

    def add(self, run: "TrackedRun") -> None:
        """Write a run."""


def open_tracker(name: str, folder: Path, project: str) -> Tracker:
    """Return a tracker.

    Args:
        name: One of `TRACKERS`.
        folder: Where it stores the runs.
        project: The name of the project.

    Raises:
        ConfigError: It is not installed, or does not allow the name of the project.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:  # a folder of that name is not the package
        raise ConfigError(f"to={name} needs {name}: {_INSTALLED_BY[name]}.")
    kind: type[Tracker] = import_module(f"convboard.results.export.to_{name}").Tracker
    return kind(folder, project)
