"""MNIST and Fashion-MNIST, which have the same four files in the idx format."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from convboard.data.sources.downloads import Download, damaged
from convboard.data.sources.source import RawDataset, array_split

_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


class MNIST(Download):
    """70,000 handwritten digits of 28x28 pixels (LeCun, Bottou, Bengio and Haffner, 1998)."""

    name: ClassVar[str] = "mnist"
    title: ClassVar[str] = "MNIST"
    torchvision_name: ClassVar[str] = "MNIST"
    place: ClassVar[str] = "MNIST/raw"
    native_size: ClassVar[int] = 28
    channels_and_classes: ClassVar[tuple[int, int] | None] = (1, 10)
    val_size: ClassVar[int | None] = 5000
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    archives: ClassVar[Sequence[str]] = tuple(f"MNIST/raw/{name}.gz" for name in _NAMES)
    # torchvision has the checksums of the archives only; these are of the files in them.
    md5: ClassVar[Mapping[str, str | None]] = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }

    def read(self, size: int) -> RawDataset:
        """Read the idx files with torchvision's functions; its class would prefer an unchecked `processed/` folder."""
        # Deferred for start-up time.
        from torchvision.datasets.mnist import read_image_file, read_label_file

        self.check()
        splits = {}
        for name, prefix in (("train", "train"), ("test", "t10k")):
            images_path = self.folder / f"{prefix}-images-idx3-ubyte"
            labels_path = self.folder / f"{prefix}-labels-idx1-ubyte"
            _check_idx(images_path, dimensions=3)
            _check_idx(labels_path, dimensions=1)
            images: Tensor = read_image_file(str(images_path))
            labels: Tensor = read_label_file(str(labels_path))
            if len(images) != len(labels):
                raise damaged(labels_path, f"it has {len(labels)} labels for {len(images)} images")
            if int(labels.max()) >= len(self.class_names):
                index = int((labels >= len(self.class_names)).nonzero()[0])
                raise damaged(
                    labels_path,
                    f"image {index} has a label outside the classes, {int(labels[index])}; they go from 0 to "
                    f"{len(self.class_names) - 1}",
                )
            splits[name] = array_split(images[:, None], labels, size)
        return RawDataset(self.class_names, (1, size, size), splits)


class FashionMNIST(MNIST):
    """70,000 articles of clothing of 28x28 pixels (Xiao, Rasul and Vollgraf, 2017).

    Only its archives have published checksums, which are verified after a download. Its files are compared with their
    fingerprint of the first time (see `fingerprint`), and with their own headers.
    """

    name: ClassVar[str] = "fashion_mnist"
    title: ClassVar[str] = "Fashion-MNIST"
    torchvision_name: ClassVar[str] = "FashionMNIST"
    place: ClassVar[str] = "FashionMNIST/raw"
    class_names: ClassVar[tuple[str, ...]] = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    archives: ClassVar[Sequence[str]] = tuple(f"FashionMNIST/raw/{name}.gz" for name in _NAMES)
    md5: ClassVar[Mapping[str, str | None]] = dict.fromkeys(_NAMES)


def _check_idx(path: Path, dimensions: int) -> None:
    """Check that an idx file of bytes has the length of its header, which torchvision does not."""
    with path.open("rb") as file:
        header = file.read(4 + 4 * dimensions)
    if len(header) < 4 + 4 * dimensions or header[:4] != bytes([0, 0, 8, dimensions]):
        raise damaged(path, f"it does not begin like an idx file of bytes in {dimensions} dimension(s)")
    lengths = [int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4)]
    expected = len(header) + math.prod(lengths)
    found = path.stat().st_size
    if found != expected:
        raise damaged(path, f"it has {found} bytes, and by its own header it should have {expected}")
