"""Small datasets in the real formats."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from convboard.data.dataset import Split
from convboard.data.sources.mnist import MNIST


@pytest.fixture
def split() -> Split:
    """103 colour images of noise, 8x10 pixels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (103, 3, 8, 10), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(103) % 7)


def idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """An idx file of bytes."""
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def mnist_files() -> dict[str, bytes]:
    """MNIST's four files, with 60 and 20 images."""
    rng = np.random.default_rng(0)
    files = {}
    for prefix, n in (("train", 60), ("t10k", 20)):
        files[f"{prefix}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        files[f"{prefix}-labels-idx1-ubyte"] = idx((np.arange(n) % 10).astype(np.uint8))
    return files


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `data_dir` with a small MNIST that passes for the original."""
    folder = tmp_path / "data" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in mnist_files().items():
        (folder / name).write_bytes(content)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in mnist_files().items()}
    monkeypatch.setattr(MNIST, "md5", md5)
    return tmp_path / "data"


MakePicture = Callable[..., Path]


@pytest.fixture
def pictures(tmp_path: Path, make_picture: MakePicture) -> Path:
    """A folder of 20 red and 40 blue pictures of 8x8 pixels; the class is in the colour, the number in its shade."""
    folder = tmp_path / "pictures"
    for number in range(20):
        make_picture(folder / "red" / f"{number:02}.png", color=(100 + number, 0, 0))
    for number in range(40):
        make_picture(folder / "blue" / f"{number:02}.png", color=(0, 0, 100 + number))
    return folder
