"""The figures of a run that was trained with `board=minimal`, drawn afterwards."""

from pathlib import Path

from convboard.board import tags
from convboard.board.ended_run import open_events
from convboard.board.network_figures import NetworkFigures
from convboard.board.parts import Parts
from convboard.training.callbacks import Evaluation


def add_figures(run_dir: Path, figures: NetworkFigures, val: Evaluation, epoch: int, step: int) -> bool:
    """Append the figures of a network to the event file of its run.

    No process may write this file. If the run is resumed, it drops them.

    Args:
        run_dir: The run directory.
        figures: The network.
        val: Its result on the validation split.
        epoch: Its epoch.
        step: The global step at the end of that.

    Returns:
        False if the run has figures already: then nothing is written.

    Raises:
        RunError: The folder cannot be written.
        OSError: The event file cannot be read.
    """
    events, present, _ = open_events(run_dir)
    is_missing = not {tags.INPUT_PROBE, tags.CONFUSION_MATRIX} <= present  # the latter come last
    if is_missing:
        parts = Parts(events)
        figures.write_graph(parts, events, step)
        figures.write_layers(parts, epoch, step, due=True)
        figures.write_predictions(parts, val, epoch, step, run_dir)
    events.close()
    return is_missing
