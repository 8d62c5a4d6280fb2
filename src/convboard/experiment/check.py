"""The check of many runs before any of them is started: all that a run checks before its first step."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convboard.config.schema import TrainConfig
from convboard.data.dataset import ImageDataset
from convboard.experiment.dataset import build_dataset
from convboard.experiment.run_plan import default_plan
from convboard.experiment.sanity_check import smallest_batch
from convboard.experiment.setup import build_setup, rebuild_optimizer
from convboard.training.distributed.torchrun import communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.seeding import set_deterministic
from convboard.training.training_setup import TrainingSetup

_MOST_KEPT = 4  # networks in memory


class RunCheck:
    """Checks runs one after another. A data set is loaded once, and a first step is tried once for equal ones.

    It writes nothing but the cache of the data, which may be downloaded.
    """

    def __init__(self) -> None:
        self._datasets: dict[str, ImageDataset] = {}
        self._tried: dict[str, TrainingSetup] = {}

    def check(self, config: TrainConfig) -> TrainingSetup:
        """Check that a run would reach its first step, and take it.

        Args:
            config: The config of the run.

        Returns:
            Its setup.

        Raises:
            ConvboardError: See `experiment.run.run`.
            Exception: Any other exception of code that the config names.
        """
        set_deterministic(config.trainer.deterministic)
        plan = default_plan(config)
        with plan.with_threads():
            dataset = self._dataset(config)
            step = _first_step(config, dataset, plan)
            if step in self._tried:
                return rebuild_optimizer(self._tried[step], config, dataset)
            if len(self._tried) == _MOST_KEPT:
                self._tried.clear()
            self._tried[step] = build_setup(config, dataset, plan, Path(), communicator())
            return self._tried[step]

    def _dataset(self, config: TrainConfig) -> ImageDataset:
        wanted = json.dumps([asdict(config.dataset), config.data_dir, config.model.get("image_size")])
        if wanted not in self._datasets:
            self._datasets.clear()  # the trials of one follow each other
            self._datasets[wanted] = build_dataset(config)
        return self._datasets[wanted]


def _first_step(config: TrainConfig, dataset: ImageDataset, plan: Plan) -> str:
    """Return what the first step of a run depends on: runs with equal ones fail in it, or not, for the same reason.

    A learning rate and the other numbers of an optimizer change what a step computes, not whether it can be computed.
    """
    trainer, images = config.trainer, len(dataset.train)
    smallest = [smallest_batch(images, min(config.batch_size, images), trainer.limit_train_batches)]
    for split, limit in ((dataset.val, trainer.limit_val_batches), (dataset.test, trainer.limit_test_batches)):
        smallest.append(smallest_batch(len(split), min(trainer.eval_batch_size, len(split)), limit))
    is_single = [size == 1 for size in smallest]
    parts = [config.model, asdict(config.dataset), config.data_dir, without_numbers(config.optimizer)]
    return json.dumps([*parts, config.loss.name, plan.to_dict(), trainer.channels_last, is_single])


def without_numbers(value: Any) -> Any:
    """Return a part of a config with 0 in place of every number in it.

    Args:
        value: JSON-like.
    """
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return 0
        case list():
            return [without_numbers(item) for item in value]
    return {key: without_numbers(item) for key, item in value.items()}
