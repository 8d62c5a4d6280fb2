"""convboard: train convolutional networks and look inside them in TensorBoard.

The names load when they are first used, so that `import convboard` costs nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # not imported from typing, which a file in the current folder could replace: see current_folder
if TYPE_CHECKING:
    from convboard.anatomy.diagnostics.diagnose import diagnose
    from convboard.anatomy.effective_field import effective_receptive_field
    from convboard.anatomy.outputs import layer_outputs
    from convboard.anatomy.summary import layer_table, receptive_field
    from convboard.config.schema import TrainConfig
    from convboard.errors import (
        CheckpointError,
        ConfigError,
        ConvboardError,
        DataError,
        ModelError,
        RunError,
        TrainingError,
    )
    from convboard.experiment.api import compose, resume, run, train
    from convboard.experiment.evaluation import evaluate_run
    from convboard.experiment.run import RunResult
    from convboard.experiment.run_dir import Run, load_run
    from convboard.models import build_model
    from convboard.results.compare import compare_runs
    from convboard.results.plots.draw import plot_runs
    from convboard.results.run_row import RunRow
    from convboard.results.table import RunTable, load_runs
    from convboard.training.signals import Interrupted

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ConvboardError",
    "DataError",
    "Interrupted",
    "ModelError",
    "Run",
    "RunError",
    "RunResult",
    "RunRow",
    "RunTable",
    "TrainConfig",
    "TrainingError",
    "build_model",
    "compare_runs",
    "compose",
    "diagnose",
    "effective_receptive_field",
    "evaluate_run",
    "layer_outputs",
    "layer_table",
    "load_run",
    "load_runs",
    "plot_runs",
    "receptive_field",
    "resume",
    "run",
    "train",
]

_HOME = {
    "Interrupted": "training.signals",
    "Run": "experiment.run_dir",
    "RunResult": "experiment.run",
    "RunRow": "results.run_row",
    "RunTable": "results.table",
    "TrainConfig": "config.schema",
    "build_model": "models",
    "compare_runs": "results.compare",
    "compose": "experiment.api",
    "diagnose": "anatomy.diagnostics.diagnose",
    "effective_receptive_field": "anatomy.effective_field",
    "evaluate_run": "experiment.evaluation",
    "layer_outputs": "anatomy.outputs",
    "layer_table": "anatomy.summary",
    "load_run": "experiment.run_dir",
    "load_runs": "results.table",
    "plot_runs": "results.plots.draw",
    "receptive_field": "anatomy.summary",
    "resume": "experiment.api",
    "run": "experiment.api",
    "train": "experiment.api",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'convboard' has no attribute {name!r}")
    return getattr(import_module(f"convboard.{_HOME.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
