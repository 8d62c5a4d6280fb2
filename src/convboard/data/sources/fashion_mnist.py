"""Fashion-MNIST: 70,000 articles of clothing of 28x28 pixels (Xiao, Rasul and Vollgraf, 2017)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from convboard.data.sources.mnist import MNIST


class FashionMNIST(MNIST):
    """MNIST's files with other pictures in them.

    Only its archives have published checksums, which are verified on download. The files in them are held to what
    they were when they were first read (see `record`), and to their own headers.
    """

    name: ClassVar[str] = "fashion_mnist"
    title: ClassVar[str] = "Fashion-MNIST"
    torchvision_name: ClassVar[str] = "FashionMNIST"
    place: ClassVar[str] = "FashionMNIST/raw"
    class_names: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    archives: ClassVar[Sequence[str]] = tuple(f"FashionMNIST/raw/{Path(archive).name}" for archive in MNIST.archives)
    md5: ClassVar[Mapping[str, str | None]] = dict.fromkeys(MNIST.md5)
