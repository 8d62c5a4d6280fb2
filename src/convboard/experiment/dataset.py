"""The data set of a config, and its batches.

Errors of `data`, which name arguments, are raised with the keys of the config here.
"""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from convboard.config.command_line import assignment
from convboard.config.schema import TrainConfig
from convboard.data.augment import Augmentation
from convboard.data.batches import Batches, is_worker_failure
from convboard.data.dataset import ImageDataset, ImageShape, Split
from convboard.data.load import describe_dataset, fingerprint_dataset, load_dataset
from convboard.data.sources.class_folders import OtherFolderError
from convboard.data.sources.downloads import MissingFilesError
from convboard.data.sources.image_folder import CUT_OFF
from convboard.errors import ConfigError, DataError, RunError
from convboard.experiment.config_keys import errors_with_config_keys
from convboard.training.distributed.communicator import Communicator
from convboard.training.execution_plan.plan import Plan
from convboard.training.training_setup import Splits


@errors_with_config_keys()
def build_dataset(config: TrainConfig) -> ImageDataset:
    """Load the data set of a config, with images of the size in `dataset.image_size` or else `model.image_size`.

    Args:
        config: The config.

    Raises:
        DataError: Images or labels are missing or damaged, or there are too few of them.
        ConfigError: The images are too small for the augmentation.
    """
    with _explained(config):
        dataset = load_dataset(
            config.dataset.name,
            Path(config.data_dir),
            path=_path(config),
            image_size=_image_size(config),
            fit=config.dataset.fit,
            val_size=config.dataset.val_size,
        )
    _check_sizes(config, dataset)
    advice = {CUT_OFF: ". dataset.fit=pad keeps the whole of each, in a black border"}
    remarks = tuple((label, text + advice.get(label, "")) for label, text in dataset.remarks)
    dataset = replace(dataset, remarks=remarks)
    return _with_batch_size(config, dataset)


@errors_with_config_keys()
def describe_config_dataset(config: TrainConfig) -> tuple[ImageShape, int]:
    """Return the shape (C, H, W) of the images that `build_dataset` would load, and the number of classes.

    Args:
        config: The config.

    Raises:
        DataError: Images are missing or damaged.
    """
    with _explained(config):
        return describe_dataset(
            config.dataset.name, Path(config.data_dir), path=_path(config), image_size=_image_size(config)
        )


@errors_with_config_keys()
def describe_config_files(config: TrainConfig) -> str:
    """Return what identifies the files of the data set of a config; empty if they are missing or it has none.

    Args:
        config: The config.

    Raises:
        DataError: Images are missing or cannot be read.
    """
    chosen = config.dataset
    with _explained(config):
        found = fingerprint_dataset(chosen.name, Path(config.data_dir), path=_path(config), fit=chosen.fit)
    return found.describe() if found else ""


@contextmanager
def worker_errors(config: TrainConfig, remedy: str) -> Iterator[None]:
    """Explain the end of a process that reads images ahead.

    Args:
        config: The config.
        remedy: How to go on without such processes.

    Raises:
        DataError: One has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_worker_failure(error):
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # PyTorch's handler would raise again when the others end
        raise DataError(
            f"dataset.num_workers={config.dataset.num_workers}: a process that reads images has ended, perhaps because "
            f"memory ran out ({str(error).rstrip('. ')}). {remedy}"
        ) from error


@contextmanager
def _explained(config: TrainConfig) -> Iterator[None]:
    """Add to errors what can be given on the command line instead."""
    try:
        yield
    except MissingFilesError as error:
        raise DataError(
            f"{error.reason}\nTo train without a network, take the digits that are built in: dataset=digits\n"
            f"Or {error.remedy}"
        ) from None
    except OtherFolderError as error:
        advice = f"{error.reason} Give {assignment('dataset.path', error.folder)} instead."
        raise DataError(advice, arguments=("path",)) from None
    except DataError as error:
        size = config.model.get("image_size")
        if error.arguments == ("image_size",) and size and not config.dataset.image_size:
            raise DataError(f"model.{error}") from error
        raise


def _path(config: TrainConfig) -> Path | None:
    return Path(config.dataset.path) if config.dataset.path else None


def _image_size(config: TrainConfig) -> int | None:
    return config.dataset.image_size or config.model.get("image_size")


def _check_sizes(config: TrainConfig, dataset: ImageDataset) -> None:
    """Check the values of the config whose limits are those of the data."""
    _, height, width = dataset.image_shape
    for key in ("random_crop", "cutout"):
        pixels = getattr(config.dataset, key)
        if pixels >= min(height, width):
            raise ConfigError(f"dataset.{key}={pixels}: must be smaller than the images, which are {height}x{width}.")


def _with_batch_size(config: TrainConfig, dataset: ImageDataset) -> ImageDataset:
    """The data set with a remark if its training images are fewer than a batch, which `build_batches` makes smaller."""
    images = len(dataset.train)
    if config.batch_size <= images:
        return dataset
    text = f"{images:,} instead of {config.batch_size:,}: there are no more training images"
    return replace(dataset, remarks=(*dataset.remarks, ("batch size", text)))


def build_batches(config: TrainConfig, dataset: ImageDataset, plan: Plan, comm: Communicator | None = None) -> Splits:
    """Cut the splits into batches; only those of the training split are shuffled and augmented.

    Args:
        config: The config.
        dataset: The images.
        plan: Its device and memory format are those of the batches.
        comm: The processes that train together; each makes its own part of every batch.
    """
    chosen = config.dataset

    def batches(split: Split, batch_size: int, **more: Any) -> Batches:
        return Batches(
            split,
            mean=dataset.mean,
            std=dataset.std,
            batch_size=batch_size,
            device=plan.device,
            channels_last=plan.channels_last,
            data_location=chosen.data_location,
            num_workers=chosen.num_workers,
            part=(comm.rank, comm.world_size) if comm else (0, 1),
            **more,
        )

    augmentation = Augmentation(chosen.random_crop, chosen.crop_border, chosen.horizontal_flip, chosen.cutout)
    size = config.trainer.eval_batch_size
    train_size = min(config.batch_size, len(dataset.train))
    return Splits(
        train=batches(dataset.train, train_size, seed=config.seed, shuffle=True, augmentation=augmentation),
        val=batches(dataset.val, min(size, len(dataset.val))),
        test=batches(dataset.test, min(size, len(dataset.test))),
    )


def refuse_other_data(run_dir: Path, stored: Mapping[str, Any], dataset: ImageDataset) -> None:
    """Refuse other images than those of a run; mean and std depend on every pixel of the training split.

    Args:
        run_dir: The directory of the run, for messages.
        stored: The properties of its data.
        dataset: The data now.

    Raises:
        RunError: They differ.
    """
    for key, now in data_properties(dataset).items():
        then = stored.get(key, now)  # earlier versions wrote fewer
        if then != now:
            raise RunError(
                f"{run_dir}: the data has changed since it was trained: {key} was {then}, and is {now}. Restore "
                "the data, or train again."
            )


def data_properties(dataset: ImageDataset) -> dict[str, Any]:
    """Return, JSON-like, the properties of the data that the network needs, and those that identify the data."""
    return {
        "name": dataset.name,
        "image_shape": list(dataset.image_shape),
        "class_names": list(dataset.class_names),
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "value_ranges": {kind: list(values) for kind, values in dataset.value_ranges.items()},
        "images": [len(split) for split in (dataset.train, dataset.val, dataset.test)],
    }
