"""From a dataset's name to an `ImageDataset`: the one door to this room's sources."""

from math import sqrt
from pathlib import Path

from convboard.data.cache import Stored, open_stored
from convboard.data.dataset import ImageDataset, Split
from convboard.data.sources.cifar10 import CIFAR10
from convboard.data.sources.digits import Digits
from convboard.data.sources.fashion_mnist import FashionMNIST
from convboard.data.sources.image_folder import ImageFolder
from convboard.data.sources.mnist import MNIST
from convboard.data.sources.source import Source
from convboard.errors import ConfigError, DataError, nearest

_SOURCES = {source.name: source for source in (Digits, MNIST, FashionMNIST, CIFAR10)}

DATASETS = (*_SOURCES, ImageFolder.name)
"""Every name that `load_dataset` knows."""


def load_dataset(
    name: str,
    data_dir: Path,
    *,
    path: Path | None = None,
    image_size: int | None = None,
    val_size: int | None = None,
    download: bool = True,
) -> ImageDataset:
    """Load a dataset, downloaded and decoded where that was not done before.

    Args:
        name: One of `DATASETS`.
        data_dir: Where torchvision's datasets are, or are downloaded to.
        path: The folder of pictures of `image_folder`; for no other dataset.
        image_size: Side in pixels that the network wants: smaller images get a black frame, larger ones are
            scaled down. None keeps the dataset's own (`image_folder`: 64).
        val_size: Training images that become the validation split. None takes the dataset's own number.
        download: Whether what is missing may be downloaded.

    Raises:
        ConfigError: A value is not allowed.
        DataError: Images or labels are missing or damaged.
    """
    source = _source(name, data_dir, path)
    if image_size is not None and image_size < 1:
        raise ConfigError(f"dataset.image_size={image_size} is not allowed: it is a side in pixels, 1 or more.")
    stored = open_stored(source, image_size or source.native_size, download)
    return _split(source, stored, val_size)


def describe_dataset(
    name: str, data_dir: Path, *, path: Path | None = None, image_size: int | None = None
) -> tuple[tuple[int, int, int], int]:
    """What a dataset's images would be, without loading one; of `image_folder` the headers are read.

    Args:
        name: See `load_dataset`, as all of these.
        data_dir: Need not be there.
        path: The folder of `image_folder`.
        image_size: Side in pixels that the network wants.

    Returns:
        (C, H, W) of every image, and the number of classes.

    Raises:
        ConvboardError: See `load_dataset`.
    """
    source = _source(name, data_dir, path)
    size = image_size or source.native_size
    if source.known_kind is None:
        source.provide(download=False)
        opened = source.read(size)
        return opened.image_shape, len(opened.class_names)
    channels, classes = source.known_kind
    return (channels, size, size), classes


def _source(name: str, data_dir: Path, path: Path | None) -> Source:
    if name not in DATASETS:
        raise ConfigError(f"dataset={name!r} is unknown. {nearest(name, DATASETS)}")
    if name == ImageFolder.name:
        if path is None:
            raise ConfigError(
                "dataset=image_folder needs dataset.path=FOLDER: a folder that holds one folder of pictures for "
                "each class."
            )
        return ImageFolder(_resolved("dataset.path", path))
    if path is not None:
        raise ConfigError(
            f"dataset.path={path} has no use with dataset={name}: it belongs to dataset=image_folder. The files "
            "of the other datasets are in data_dir."
        )
    return _SOURCES[name](_resolved("data_dir", data_dir))


def _resolved(key: str, path: Path) -> Path:
    """The folder that is meant, from the root."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, an unknown ~user, a null byte
        raise DataError(f"{key}={path} leads nowhere: {error}. Give the path of a folder.") from error


def _split(source: Source, stored: Stored, val_size: int | None) -> ImageDataset:
    """Cut the training images, which are in stratified order: to train on, then validation, then test."""
    tensors = stored.tensors

    def part(name: str, start: int, end: int) -> Split:
        return Split(tensors[f"{name}/images"][start:end], tensors[f"{name}/labels"][start:end])

    def whole(name: str) -> Split:
        return Split(tensors[f"{name}/images"], tensors[f"{name}/labels"])

    total = len(tensors["train/labels"])
    end = total
    if "test/labels" in tensors:
        test = whole("test")
    else:
        end -= source.test_size or _tenth(total)
        test = part("train", end, total)
    if "val/labels" in tensors:
        if val_size is not None:
            raise ConfigError(
                f"dataset.val_size={val_size} has no use here: {source.folder} has a folder val/. Leave one away."
            )
        val = whole("val")
    else:
        if val_size is None:
            val_size = source.val_size or _tenth(total)
        elif not 1 <= val_size < end:
            raise ConfigError(
                f"dataset.val_size={val_size} is not allowed: it must be from 1 to {end - 1}, so that some of the "
                f"{end} training images are left to train on."
            )
        end -= val_size
        val = part("train", end, end + val_size)
    if end < 1:
        raise DataError(f"{source.folder} has {total} training images, too few to set some apart. Add more.")
    mean, std = _statistics(stored, end)
    return ImageDataset(source.name, stored.class_names, mean, std, part("train", 0, end), val, test)


def _tenth(total: int) -> int:
    return max(1, round(total / 10))


def _statistics(stored: Stored, images: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over the first training images, scaled to 0..1.

    From sums of whole numbers, so that they are exact until the last division.
    """
    height, width = stored.tensors["train/images"].shape[2:]
    count = images * height * width
    mean, std = [], []
    for total, squares in stored.tensors["train/sums"][:images].sum(0).tolist():
        variance = (count * squares - total * total) / count**2
        mean.append(total / count / 255)
        std.append(sqrt(variance) / 255 or 1.0)
    return tuple(mean), tuple(std)
