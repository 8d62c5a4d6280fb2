"""`convboard train`, and `python train.py` in a checkout: train one network, or with -m a sweep of them."""

import os
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from convboard.cli import frame
from convboard.config import compose
from convboard.config.schema import TrainConfig
from convboard.errors import ConfigError
from convboard.experiment.resume import resumed_config


def main() -> None:
    """The command."""
    with frame.command():
        compose.register()
        hydra.main(version_base="1.3", config_path=str(compose.CONF), config_name="config")(_train)()


def _train(composed: DictConfig) -> float:
    """Run what was composed and return the objective, for Hydra's sweepers."""
    with frame.job():
        config = _checked_config(composed)
        from convboard.experiment.run import run  # after the config is checked: this imports torch

        return run(config, compose.run_dir()).objective


def _checked_config(composed: DictConfig) -> TrainConfig:
    """The config of a new run, or of the run that `resume` names.

    Raises:
        ConfigError: See `compose.checked_config`; or the run cannot be resumed this way.
    """
    if not composed.get("resume"):
        return compose.checked_config(composed)
    run_dir = compose.run_dir()
    if HydraConfig.get().mode is RunMode.MULTIRUN:
        raise ConfigError(f"resume={composed.resume} goes on with one run; leave -m away.")
    if run_dir.resolve() != Path(composed.resume).resolve():
        raise ConfigError(
            f"resume={composed.resume} goes on in that run's own directory: leave "
            f"hydra.run.dir={os.path.relpath(run_dir)} away."
        )
    return resumed_config(composed, compose.overrides())
