"""The pictures of the best runs of a sweep: `python scripts/runs.py pictures outputs/sweeps/SWEEP best=5`."""

import time
from dataclasses import dataclass

from convboard.cli.runs.selection import load
from convboard.config.command_line import printable, tensorboard
from convboard.errors import ConfigError, ConvboardError, RunError, nearest
from convboard.experiment.console import counted, shown_path
from convboard.experiment.run_dir import load_run
from convboard.results.run_row import RunRow

_LEVELS = ("default", "full")


@dataclass
class Arguments:
    """Draw the pictures of the best runs for TensorBoard, from their best checkpoints.

    Sweeps of many runs are trained with board=minimal: with curves, and without graph, kernels, feature maps,
    histograms and confusion matrix. This adds them, as they are after the best epoch.

    Attributes:
        best: Number of settings, in the order of the ranking; of each, the best of its seeds is drawn.
        where: A condition on the runs, such as model=lenet.
        board: default, or full, which adds precision-recall curves and the embedding projector.
        trust: Build networks although their class is not convboard's own. That runs code that the runs name.
    """

    best: int = 5
    where: str | None = None
    board: str = "default"
    trust: bool = False

    def __post_init__(self) -> None:
        if self.best < 1:
            raise ConfigError(f"best={self.best}: must be at least 1.")
        if self.board not in _LEVELS:
            raise ConfigError(f"board={self.board} is not known. {nearest(self.board, _LEVELS)}")


def main(paths: list[str], arguments: Arguments) -> None:
    """Draw the pictures, and say of which runs."""
    rows = _best(paths, arguments)
    failed = [row for row in rows if not _draw(row, arguments)]
    if failed:
        raise RunError(f"{len(failed):,} of {counted(len(rows), 'run')} could not be drawn.")
    print(f"look at it: {tensorboard(shown_path(rows[0].sweep or rows[0].path))}")


def _best(paths: list[str], arguments: Arguments) -> list[RunRow]:
    """Return the best run of each of the best settings."""
    settings = load(paths, arguments.where).ranking()
    rows = [setting.rows[0] for setting in settings if setting.rows[0].value is not None]
    if not rows:
        raise RunError("None of these runs has finished, so none has a best network to draw.")
    return rows[: arguments.best]


def _draw(row: RunRow, arguments: Arguments) -> bool:
    """Draw the pictures of a run. Returns whether that could be done."""
    from convboard.experiment.pictures import add_pictures  # after the arguments are checked: it imports torch

    began = time.perf_counter()
    try:
        run = load_run(row.path)
        if not run.best_checkpoint.exists():
            print(printable(f"{row.name}: its best checkpoint is not there any more. To train it again: {row.command}"))
            return False
        epoch = add_pictures(run, arguments.board, arguments.trust)
    except ConvboardError as error:
        print(printable(f"{row.name}: {error}"))
        return False
    seconds = time.perf_counter() - began
    done = "has pictures already" if epoch is None else f"pictures of epoch {epoch}, {seconds:.1f} s"
    print(printable(f"{row.name}: {done}"))
    return True
