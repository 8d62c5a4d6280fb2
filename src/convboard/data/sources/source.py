"""What every source of images gives: the files it is made of, and their images, read at a chosen size."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor


@dataclass(frozen=True)
class RawSplit:
    """A part of a source, read bit by bit so that it never has to be in memory whole.

    Attributes:
        labels: int64 `[N]`.
        read: Given places int64 `[B]`, the images there, uint8 `[B, C, S, S]`.
    """

    labels: Tensor
    read: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class RawDataset:
    """A source that was opened.

    Attributes:
        class_names: In the order of the labels.
        image_shape: (C, S, S) that `RawSplit.read` gives.
        splits: `train`, and `val` and `test` where the source has them apart.
    """

    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    splits: Mapping[str, RawSplit]


class Source(ABC):
    """Where a dataset's images come from.

    Attributes:
        name: The name it is chosen by.
        native_size: Side in pixels of its images, where the network asks for none.
        known_kind: Channels of its images and number of its classes, where they are known without its files.
        fixed: Its files never change: one that did is damaged. Otherwise a change is taken over.
        val_size: Training images that become the validation split; None for a tenth.
        test_size: Likewise for the test split, of a source that has none of its own.
        root: The folder that it may write in.
        folder: The folder of its files, and of the cache.
    """

    name: ClassVar[str]
    native_size: ClassVar[int]
    known_kind: ClassVar[tuple[int, int] | None] = None
    fixed: ClassVar[bool] = True
    val_size: ClassVar[int | None] = None
    test_size: ClassVar[int | None] = None
    root: Path
    folder: Path

    @abstractmethod
    def files(self) -> Sequence[Path]:
        """All files that it is made of, in a fixed order, there or not; none where it needs no cache."""

    @abstractmethod
    def provide(self, download: bool) -> None:
        """See that all files are there.

        Raises:
            DataError: They are not, and cannot be had.
        """

    @abstractmethod
    def read(self, size: int) -> RawDataset:
        """Open it, after checking that its files are whole.

        Args:
            size: Side of the images wanted, in pixels.

        Raises:
            DataError: A file is damaged.
        """
