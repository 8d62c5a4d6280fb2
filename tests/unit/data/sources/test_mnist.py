"""MNIST's files, and Fashion-MNIST's."""

import os
import shutil
from pathlib import Path

import pytest

from convboard.data.load import load_dataset
from convboard.errors import DataError

TRAIN = "MNIST/raw/train-images-idx3-ubyte"


def message(name: str, data_dir: Path) -> str:
    with pytest.raises(DataError) as raised:
        load_dataset(name, data_dir, val_size=10)
    return str(raised.value)


def alter(path: Path) -> None:
    """Change one pixel."""
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    changed = path.stat().st_mtime_ns + 10**9
    path.write_bytes(content)
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def fashion(small_mnist: Path) -> Path:
    shutil.copytree(small_mnist / "MNIST", small_mnist / "FashionMNIST")
    return small_mnist


def test_an_altered_file_is_refused(small_mnist: Path) -> None:
    alter(small_mnist / TRAIN)
    assert message("mnist", small_mnist) == (
        f"{small_mnist / TRAIN} is damaged: its MD5 is dee5bd46829fe7e3afabbdc15e99260b, the original's is "
        "76dd4b2af34466029ed0099b27491477. Delete it and run again to download it, or put the original back."
    )
    assert not list((small_mnist / "MNIST/raw").glob("convboard*"))


@pytest.mark.parametrize("image_size", [None, 32])
def test_a_file_altered_after_it_was_cached_is_refused(small_mnist: Path, image_size: int | None) -> None:
    load_dataset("mnist", small_mnist, val_size=10, image_size=image_size)
    alter(small_mnist / TRAIN)
    for _ in range(2):
        assert message("mnist", small_mnist) == (
            f"{small_mnist / TRAIN} was altered: its content is not what it was when it was first read. Delete it "
            "and run again to download it, or put the original back. (If the change is meant, delete "
            "convboard-mnist.json beside it.)"
        )


def test_fashion_mnist(fashion: Path) -> None:
    """Its files have no published checksums: these are not checked against MNIST's."""
    path = fashion / "FashionMNIST/raw/t10k-images-idx3-ubyte"
    alter(path)
    assert load_dataset("fashion_mnist", fashion, val_size=10).class_names[9] == "Ankle boot"
    alter(path)
    assert message("fashion_mnist", fashion).startswith(f"{path} was altered: ")


def test_a_truncated_file_is_refused(fashion: Path) -> None:
    path = fashion / "FashionMNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])
    assert message("fashion_mnist", fashion) == (
        f"{path} is damaged: it has 1000 bytes, and by its own header it should have 47056. Delete it and run again "
        "to download it, or put the original back."
    )


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x08", b"<html>not found</html>"])
def test_a_file_of_something_else_is_refused(fashion: Path, content: bytes) -> None:
    path = fashion / "FashionMNIST/raw/train-labels-idx1-ubyte"
    path.write_bytes(content)
    assert message("fashion_mnist", fashion) == (
        f"{path} is damaged: it does not begin like an idx file of bytes in 1 dimension(s). Delete it and run again "
        "to download it, or put the original back."
    )


def test_a_label_outside_the_classes(fashion: Path) -> None:
    path = fashion / "FashionMNIST/raw/t10k-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[8 + 13] = 10
    path.write_bytes(content)
    assert message("fashion_mnist", fashion) == (
        f"{path} is damaged: image 13 has a label outside the classes, 10; they go from 0 to 9. Delete it and run "
        "again to download it, or put the original back."
    )


def test_fewer_labels_than_images(fashion: Path) -> None:
    folder = fashion / "FashionMNIST/raw"
    shutil.copy(folder / "t10k-labels-idx1-ubyte", folder / "train-labels-idx1-ubyte")
    assert message("fashion_mnist", fashion) == (
        f"{folder}/train-labels-idx1-ubyte is damaged: it has 20 labels for 60 images. Delete it and run again to "
        "download it, or put the original back."
    )
