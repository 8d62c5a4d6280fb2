"""Load a data set by its name: choose the source, open the cache, and cut the splits."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import sqrt
from pathlib import Path

from convboard.data.cache import open_stored
from convboard.data.cache_file import Stored
from convboard.data.dataset import ImageDataset, ImageShape, Remarks, Split
from convboard.data.fingerprint import Fingerprint, take_fingerprint
from convboard.data.options import DATASETS, FITS
from convboard.data.sources.cifar10 import CIFAR10
from convboard.data.sources.digits import Digits
from convboard.data.sources.image_folder import ImageFolder
from convboard.data.sources.mnist import MNIST, FashionMNIST
from convboard.data.sources.source import Source
from convboard.errors import DataError

_SOURCES = {source.name: source for source in (Digits, MNIST, FashionMNIST, CIFAR10, ImageFolder)}
assert tuple(_SOURCES) == DATASETS
_SHOWN = 20  # classes in a remark


def load_dataset(
    name: str,
    data_dir: Path,
    *,
    path: Path | None = None,
    image_size: int | None = None,
    fit: str = "pad",
    val_size: int | None = None,
    download: bool = True,
) -> ImageDataset:
    """Load a data set. It is downloaded and decoded if it was not before.

    Args:
        name: One of `DATASETS`.
        data_dir: The folder in which torchvision's data sets are, or are downloaded to.
        path: The folder of an image_folder; None for all others.
        image_size: Side of the images in pixels: smaller images get a black frame, larger ones are scaled down. None
            for the data set's own size, which is 64 for an image_folder.
        fit: How the pictures of an image_folder become squares, one of `FITS`; see `image_files.fitted`.
        val_size: Training images in the validation split. None for the data set's own number.
        download: Whether missing files may be downloaded.

    Raises:
        DataError: Images or labels are missing or damaged, or there are too few for `val_size`. `arguments` names the
            argument that is wrong, if one is.
    """
    assert image_size is None or image_size >= 1
    assert fit in FITS
    assert val_size is None or val_size >= 1
    source = _source(name, data_dir, path, fit)
    with _system_errors():
        return _split(source, open_stored(source, image_size or source.native_size, download), val_size)


def describe_dataset(
    name: str, data_dir: Path, *, path: Path | None = None, image_size: int | None = None
) -> tuple[ImageShape, int]:
    """Describe the images of a data set without loading it; of an image_folder, the headers of the images are read.

    Args:
        name: See `load_dataset`, as the rest.
        data_dir: Need not exist.
        path: The folder of an image_folder.
        image_size: Side of the images in pixels.

    Returns:
        (C, H, W) of every image, and the number of classes.

    Raises:
        DataError: See `load_dataset`.
    """
    source = _source(name, data_dir, path)
    with _system_errors():
        return source.describe(image_size or source.native_size)


def fingerprint_dataset(name: str, data_dir: Path, *, path: Path | None = None, fit: str = "pad") -> Fingerprint | None:
    """Return the fingerprint of the files of a data set. Nothing is downloaded, decoded or written.

    Args:
        name: See `load_dataset`, as the rest.
        data_dir: Need not exist.
        path: The folder of an image_folder.
        fit: How its pictures become squares: each way has a cache of its own.

    Returns:
        The fingerprint; None if files are missing, which are downloaded when they are needed, or if there are none.

    Raises:
        DataError: The folder of an image_folder does not exist, or a file cannot be read.
    """
    source = _source(name, data_dir, path, fit)
    with _system_errors():
        if not source.files() or not all(file.is_file() for file in source.files()):
            return None
        return take_fingerprint(source.files(), source.folder, source.record)


def _source(name: str, data_dir: Path, path: Path | None, fit: str = "pad") -> Source:
    assert name in DATASETS
    assert (path is not None) == (name == ImageFolder.name)
    if path is not None:
        return ImageFolder(_resolved("path", path), fit)
    return _SOURCES[name](_resolved("data_dir", data_dir))


def _resolved(argument: str, path: Path) -> Path:
    """The absolute path, with ~ and links resolved."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, an unknown ~user, a null byte
        reason = f"{argument}={path} leads nowhere: {error}. Give the path of a folder."
        raise DataError(reason, arguments=(argument,)) from error


@contextmanager
def _system_errors() -> Iterator[None]:
    """Name the file or folder that the system does not let us read."""
    try:
        yield
    except OSError as error:
        name, reason = error.filename or "The data", error.strerror or error
        raise DataError(f"{name} cannot be read: {reason}. See that it is there and may be read.") from error


def _split(source: Source, stored: Stored, val_size: int | None) -> ImageDataset:
    """Cut the training images, which are in stratified order, into training, validation and test split."""
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
    has_val = "val/labels" in tensors
    _check_val_size(source, val_size, end, has_val)
    if has_val:
        val = whole("val")
    else:
        size = source.val_size or _tenth(total) if val_size is None else val_size
        end -= size
        val = part("train", end, end + size)
    if end < 1:
        raise DataError(f"{source.folder} has {total} training images, too few to set some apart. Add more.")
    missing = _missing_classes(stored.class_names, {"val": val, "test": test})
    mean, std = _statistics(stored, end)
    if not any(std):
        raise DataError(
            f"{source.folder}: all training images have one and the same colour, {255 * mean[0]:.0f} of 255, so that "
            "there is nothing to learn. See whether an image viewer shows them otherwise."
        )
    return ImageDataset(
        source.name,
        stored.class_names,
        mean,
        tuple(deviation or 1.0 for deviation in std),
        part("train", 0, end),
        val,
        test,
        stored.value_ranges,
        (*source.remarks(), *missing, *stored.remarks),
    )


def _missing_classes(class_names: Sequence[str], splits: Mapping[str, Split]) -> Remarks:
    """What to know of classes that have too few pictures to be in every split."""
    absent: dict[str, list[str]] = {}
    for name, split in splits.items():
        counts = split.labels.bincount(minlength=len(class_names)).tolist()
        for label, count in zip(class_names, counts):
            if count == 0:
                absent.setdefault(label, []).append(name)
    if not absent:
        return ()
    shown = ", ".join(f"{label} in {' and '.join(names)}" for label, names in list(absent.items())[:_SHOWN])
    more = f" and {len(absent) - _SHOWN:,} more" if len(absent) > _SHOWN else ""
    return (("missing", f"{shown}{more}: no accuracy tells how well these classes are recognised there"),)


def _check_val_size(source: Source, val_size: int | None, images: int, has_val: bool) -> None:
    """Refuse a number of validation images that cannot be set apart from this number of training images."""
    if val_size is None:
        return
    if has_val:
        raise DataError(
            f"val_size={val_size} cannot be used here: {source.folder} has a folder val/. Omit one of them.",
            arguments=("val_size",),
        )
    if val_size >= images:
        raise DataError(
            f"val_size={val_size} is not allowed: it must be from 1 to {images - 1}, so that some of the {images} "
            "training images are left to train on.",
            arguments=("val_size",),
        )


def _tenth(total: int) -> int:
    return max(1, round(total / 10))


def _statistics(stored: Stored, images: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over the first training images, scaled to 0..1.

    They are computed from sums of whole numbers, which are exact.
    """
    height, width = stored.tensors["train/images"].shape[2:]
    count = images * height * width
    mean, std = [], []
    for total, squares in stored.tensors["train/sums"][:images].sum(0).tolist():
        variance = (count * squares - total * total) / count**2
        mean.append(total / count / 255)
        std.append(sqrt(variance) / 255)
    return tuple(mean), tuple(std)
