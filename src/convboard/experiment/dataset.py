"""The data set of a config. Errors of `data`, which name arguments, are raised with the keys of the config here."""

from pathlib import Path

from convboard.config.schema import TrainConfig
from convboard.data.dataset import ImageDataset, ImageShape
from convboard.data.load import describe_dataset, load_dataset
from convboard.data.sources.downloads import MissingFilesError
from convboard.errors import ConfigError, DataError
from convboard.experiment.config_keys import errors_with_config_keys


@errors_with_config_keys()
def build_dataset(config: TrainConfig) -> ImageDataset:
    """Load the data set of a config, with images of the size in `dataset.image_size` or else `model.image_size`.

    Args:
        config: The config.

    Raises:
        DataError: Images or labels are missing or damaged, or there are too few of them.
        ConfigError: The images are too few for a batch, or too small for the augmentation.
    """
    try:
        dataset = load_dataset(
            config.dataset.name,
            Path(config.data_dir),
            path=_path(config),
            image_size=_image_size(config),
            val_size=config.dataset.val_size,
        )
    except MissingFilesError as error:
        raise DataError(
            f"{error.reason}\nTo train without a network, take the digits that are built in: dataset=digits\n"
            f"Or {error.remedy}"
        ) from None
    _check_sizes(config, dataset)
    return dataset


@errors_with_config_keys()
def describe_config_dataset(config: TrainConfig) -> tuple[ImageShape, int]:
    """Return the shape (C, H, W) of the images that `build_dataset` would load, and the number of classes.

    Args:
        config: The config.

    Raises:
        DataError: Images are missing or damaged.
    """
    return describe_dataset(
        config.dataset.name, Path(config.data_dir), path=_path(config), image_size=_image_size(config)
    )


def _path(config: TrainConfig) -> Path | None:
    return Path(config.dataset.path) if config.dataset.path else None


def _image_size(config: TrainConfig) -> int | None:
    return config.dataset.image_size or config.model.get("image_size")


def _check_sizes(config: TrainConfig, dataset: ImageDataset) -> None:
    """Check the values of the config whose limits are those of the data."""
    if config.batch_size > len(dataset.train):
        raise ConfigError(
            f"batch_size={config.batch_size}: must be at most {len(dataset.train)}, the images there are to train on."
        )
    _, height, width = dataset.image_shape
    for key in ("random_crop", "cutout"):
        pixels = getattr(config.dataset, key)
        if pixels >= min(height, width):
            raise ConfigError(f"dataset.{key}={pixels}: must be smaller than the images, which are {height}x{width}.")
