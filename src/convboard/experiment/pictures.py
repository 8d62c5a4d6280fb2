"""The pictures of a finished run for TensorBoard, from its best checkpoint."""

from pathlib import Path

from convboard.board.later_figures import add_figures
from convboard.board.network_figures import NetworkFigures
from convboard.errors import RunError
from convboard.experiment.evaluation import best_network
from convboard.experiment.run_dir import Run
from convboard.experiment.run_files import LOCK
from convboard.files.locks import locked
from convboard.training.checkpoint import load_checkpoint


def add_pictures(finished: Run, level: str = "default", trust: bool = False) -> int | None:
    """Add the pictures of the best network of a run to its TensorBoard data, as they would be after that epoch.

    Args:
        finished: The run, from `load_run`.
        level: `default`, or `full`; see `Board`.
        trust: See `Run.model`.

    Returns:
        The epoch of the network; None if the run has pictures already.

    Raises:
        RunError: The run is being trained, or its folder cannot be written.
        ConvboardError: See `evaluate_run`.
    """
    run_dir = finished.path
    try:
        with locked(run_dir / LOCK, wait=False, busy=lambda _: _in_use(run_dir)):
            state = load_checkpoint(finished.best_checkpoint).state
            with best_network(finished, trust) as best:
                figures = NetworkFigures(
                    best.model,
                    best.plan.device,
                    best.dataset,
                    finished.config.board.max_channels,
                    is_full=level == "full",
                )
                is_new = add_figures(run_dir, figures, best.evaluate("val"), state["epoch"], state["global_step"])
    except OSError as error:
        raise RunError(f"{error.filename or run_dir} cannot be read or written: {error.strerror}.") from error
    return int(state["epoch"]) if is_new else None


def _in_use(run_dir: Path) -> RunError:
    return RunError(f"{run_dir} is being trained. Wait until it has ended.")
