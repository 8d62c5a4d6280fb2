"""convboard: train convolutional networks and look inside them in TensorBoard.

The names load when they are first used, so that `import convboard` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convboard.anatomy import diagnose, layer_outputs, layer_table, receptive_field
    from convboard.config import TrainConfig
    from convboard.errors import (
        CheckpointError,
        ConfigError,
        ConvboardError,
        DataError,
        ModelError,
        RunError,
        TrainingError,
    )
    from convboard.experiment import RunResult, evaluate_run, run
    from convboard.models import build_model
    from convboard.runs import Run, load_run

__all__ = [
    "CheckpointError",
    "ConfigError",
    "ConvboardError",
    "DataError",
    "ModelError",
    "Run",
    "RunError",
    "RunResult",
    "TrainConfig",
    "TrainingError",
    "build_model",
    "diagnose",
    "evaluate_run",
    "layer_outputs",
    "layer_table",
    "load_run",
    "receptive_field",
    "run",
]

_HOME = {
    "Run": "runs",
    "RunResult": "experiment",
    "TrainConfig": "config",
    "build_model": "models",
    "diagnose": "anatomy",
    "evaluate_run": "experiment",
    "layer_outputs": "anatomy",
    "layer_table": "anatomy",
    "load_run": "runs",
    "receptive_field": "anatomy",
    "run": "experiment",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'convboard' has no attribute {name!r}")
    return getattr(import_module(f"convboard.{_HOME.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__
