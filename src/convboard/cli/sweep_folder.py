"""What commands say of the folder of a sweep: that it cannot be written, and how to go on with the sweep."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convboard.config.command_line import assignment, command
from convboard.errors import RunError
from convboard.experiment.console import shown_path
from convboard.sweeps.store.sweep_record import SWEEP


@contextmanager
def folder_errors(folder: Path) -> Iterator[None]:
    """Tell in one sentence that the folder of a sweep cannot be written.

    Raises:
        RunError: It cannot.
    """
    try:
        yield
    except OSError as error:
        place, whole = Path(error.filename or ""), folder.absolute()
        if error.filename is None or not (place.is_relative_to(whole) or whole.is_relative_to(place.absolute())):
            raise
        advice = "Choose another folder with hydra.sweep.dir=<folder>."
        if (folder / SWEEP).exists():
            advice = f"Mend that first. {how_to_go_on(folder)}"
        raise RunError(f"{folder} cannot be written: {error.strerror} ({error.filename}). {advice}") from error


def how_to_go_on(folder: Path, key: str = "sweep.resume") -> str:
    """Return the sentence with the command that goes on with a sweep.

    Args:
        folder: Its folder.
        key: `sweep.join` for the command of a further worker.
    """
    return f"Go on with the sweep: {command('train', '-m', assignment(key, shown_path(folder)))}"
