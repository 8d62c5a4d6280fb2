"""CIFAR-10: 60,000 colour photographs of 32x32 pixels (Krizhevsky, 2009)."""

import warnings
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch

from convboard.data.sources.downloads import Download
from convboard.data.sources.source import RawDataset, array_split


class CIFAR10(Download):
    """Ten classes of animals and vehicles. Its files are pickles, which are opened only if their checksum is right."""

    name: ClassVar[str] = "cifar10"
    title: ClassVar[str] = "CIFAR-10"
    torchvision_name: ClassVar[str] = "CIFAR10"
    place: ClassVar[str] = "cifar-10-batches-py"
    native_size: ClassVar[int] = 32
    channels_and_classes: ClassVar[tuple[int, int] | None] = (3, 10)
    val_size: ClassVar[int | None] = 5000
    archives: ClassVar[Sequence[str]] = ("cifar-10-python.tar.gz",)
    md5: ClassVar[Mapping[str, str | None]] = {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    }

    def read(self, size: int) -> RawDataset:
        """Read the batches with torchvision's class."""
        self.check()
        splits = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy warns about old pickles
            for name in ("train", "test"):
                reader = self.reader()(self.root, train=name == "train")
                images = torch.from_numpy(reader.data).permute(0, 3, 1, 2)
                splits[name] = array_split(images, torch.tensor(reader.targets), size)
        return RawDataset(tuple(reader.classes), (3, size, size), splits)
