"""The 1,797 handwritten digits that come with scikit-learn (UCI "Optical Recognition of Handwritten Digits").

They need neither a network nor a cache.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from convboard.data.sources.source import RawDataset, Source, array_split


class Digits(Source):
    """Digits of 8x8 pixels and 17 grey levels, enlarged to 24x24 pixels in the middle of 28x28."""

    name: ClassVar[str] = "digits"
    native_size: ClassVar[int] = 28
    channels_and_classes: ClassVar[tuple[int, int] | None] = (1, 10)
    val_size: ClassVar[int | None] = 250
    test_size: ClassVar[int | None] = 250

    def __init__(self, data_dir: Path) -> None:
        self.root = self.folder = data_dir
        self.cache = None

    def files(self) -> Sequence[Path]:
        """Return no files of the user's: those of scikit-learn are read as fast as a cache."""
        return ()

    def provide(self, download: bool) -> None:
        """Does nothing: scikit-learn has them."""

    def read(self, size: int) -> RawDataset:
        """Read and enlarge them, which takes about 50 ms."""
        pixels, labels = _table()
        grey = pixels.view(-1, 1, 8, 8) * (255 / 16)
        drawn = functional.interpolate(grey, size=(24, 24), mode="bilinear").round_()
        images = functional.pad(drawn.to(torch.uint8), (2, 2, 2, 2))
        return RawDataset(
            class_names=tuple("0123456789"),
            image_shape=(1, size, size),
            splits={"train": array_split(images, labels, size)},
        )


def _table() -> tuple[Tensor, Tensor]:
    """The pixels, float32 [1797, 64] from 0 to 16, and the labels, int64 [1797]."""
    spec = find_spec("sklearn")
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz" if spec and spec.origin else None
    if path is not None and path.is_file():
        table = np.loadtxt(path, delimiter=",", dtype=np.float32)
    else:  # the file is elsewhere
        from sklearn.datasets import load_digits  # deferred for start-up time: takes seconds to import

        table = np.column_stack(load_digits(return_X_y=True)).astype(np.float32)
    return torch.from_numpy(table[:, :-1].copy()), torch.from_numpy(table[:, -1].astype(np.int64))
