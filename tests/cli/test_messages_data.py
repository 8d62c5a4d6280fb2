"""What data that is missing or damaged gets from the real command."""

import hashlib
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]
Refused = Callable[..., str]
QUICK = ("trainer.max_epochs=1", "trainer.limit_train_batches=2", "board=minimal")


FASHION_MNIST = ("dataset=fashion_mnist", "dataset.val_size=10", "batch_size=32")


def make_fashion_mnist(data_dir: Path) -> Path:
    """A small data set in the files of Fashion-MNIST, whose checksums nobody has published."""
    folder = data_dir / "FashionMNIST/raw"
    folder.mkdir(parents=True)
    for prefix, images in (("train", 60), ("t10k", 20)):
        pixels = bytes(at % 251 for at in range(images * 28 * 28))
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, images, 28, 28) + pixels)
        labels = bytes(at % 10 for at in range(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, images) + labels)
    return folder


def make_pictures(folder: Path) -> Path:
    """A folder with two classes of ten pictures each."""
    from PIL import Image

    for label, colour in (("cat", "orange"), ("dog", "brown")):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (40, 40), colour).save(folder / label / f"{number}.png")
    return folder


class TestData:
    @pytest.mark.parametrize(
        ("name", "title", "folder", "archives"),
        [
            ("mnist", "MNIST", "data/MNIST/raw", "data/MNIST/raw"),
            ("cifar10", "CIFAR-10", "data/cifar-10-batches-py", "data"),
        ],
    )
    def test_none_there_and_no_network(
        self, name: str, title: str, folder: str, archives: str, refused: Refused, tmp_path: Path
    ) -> None:
        files, packed = {
            "mnist": (
                [
                    "train-images-idx3-ubyte",
                    "train-labels-idx1-ubyte",
                    "t10k-images-idx3-ubyte",
                    "t10k-labels-idx1-ubyte",
                ],
                "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, "
                "t10k-labels-idx1-ubyte.gz",
            ),
            "cifar10": (
                [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"],
                "cifar-10-python.tar.gz",
            ),
        }[name]
        listed = "".join(f"  {tmp_path}/{folder}/{file}\n" for file in files)
        assert refused(f"dataset={name}") == (
            f"{title} is not in {tmp_path}/data, and could not be downloaded: [Errno 111] Connection refused.\n"
            "To train without a network, take the digits that are built in: dataset=digits\n"
            f"Or put these files there by hand:\n{listed}"
            f"The archives will do as well, in {tmp_path}/{archives}: {packed}"
        )

    @pytest.mark.data
    @pytest.mark.parametrize("damage", ["truncated", "altered"])
    @pytest.mark.parametrize(
        ("name", "file", "md5"),
        [
            ("mnist", "MNIST/raw/t10k-labels-idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"),
            ("cifar10", "cifar-10-batches-py/batches.meta", "5ff9c542aee3614f3951f8cda6e48888"),
        ],
    )
    def test_a_file_that_is_not_the_original(
        self, name: str, file: str, md5: str, damage: str, refused: Refused, tmp_path: Path, data_dir: Path
    ) -> None:
        path = tmp_path / "data" / file
        path.parent.mkdir(parents=True)
        for original in (data_dir / file).parent.iterdir():
            if "convboard" not in original.name:  # that is our cache
                (path.parent / original.name).symlink_to(original)
        content = bytearray(path.read_bytes())
        if damage == "truncated":
            del content[-20:]
        else:
            content[-20] ^= 1
        path.unlink()
        path.write_bytes(content)
        found = hashlib.md5(content).hexdigest()
        assert refused(f"dataset={name}") == (
            f"{path} is damaged: its MD5 is {found}, the original's is {md5}. Delete it and run again to download it, "
            "or put the original back."
        )

    def test_a_file_that_changed_since_it_was_first_read(
        self, run_command: RunCommand, refused: Refused, tmp_path: Path
    ) -> None:
        images = make_fashion_mnist(tmp_path / "data") / "train-images-idx3-ubyte"
        run_command("train.py", *FASHION_MNIST, *QUICK)
        content = bytearray(images.read_bytes())
        content[-1] ^= 1
        images.write_bytes(content)
        assert refused(*FASHION_MNIST) == (
            f"{images} was altered: its content is not what it was when it was first read. Delete it and run again to "
            "download it, or put the original back. (If the change is meant, delete convboard-fashion_mnist.json "
            "beside it.)"
        )

    def test_a_file_that_is_cut_off(self, refused: Refused, tmp_path: Path) -> None:
        images = make_fashion_mnist(tmp_path / "data") / "train-images-idx3-ubyte"
        images.write_bytes(images.read_bytes()[:-10])
        assert refused(*FASHION_MNIST) == (
            f"{images} is damaged: it has 47046 bytes, and by its own header it should have 47056. Delete it and run "
            "again to download it, or put the original back."
        )

    def test_a_label_outside_the_classes(self, refused: Refused, tmp_path: Path) -> None:
        labels = make_fashion_mnist(tmp_path / "data") / "train-labels-idx1-ubyte"
        content = bytearray(labels.read_bytes())
        content[8 + 3] = 10
        labels.write_bytes(content)
        assert refused(*FASHION_MNIST) == (
            f"{labels} is damaged: image 3 has a label outside the classes, 10; they go from 0 to 9. Delete it and run "
            "again to download it, or put the original back."
        )

    def test_a_picture_that_cannot_be_read(self, refused: Refused, tmp_path: Path) -> None:
        folder = make_pictures(tmp_path / "pictures")
        damaged = folder / "cat/3.png"
        damaged.write_text("no picture")
        assert refused("dataset=image_folder", "dataset.path=pictures") == (
            f"{damaged} cannot be read as a picture: it is a text. Replace it, or remove it from the folder."
        )

    def test_an_empty_class_folder(self, refused: Refused, tmp_path: Path) -> None:
        folder = make_pictures(tmp_path / "pictures")
        (folder / "bird").mkdir()
        assert refused("dataset=image_folder", "dataset.path=pictures") == (
            f"{folder}/bird has no pictures. Every class needs at least one: add some, or remove the folder. Pictures "
            "end in .jpg, .png, .webp, .tif and others."
        )

    def test_a_folder_of_pictures_that_is_not_given_or_not_there(self, refused: Refused, tmp_path: Path) -> None:
        assert refused("dataset=image_folder") == (
            "dataset.path is not set: dataset=image_folder needs the folder that holds one folder of pictures per "
            "class. Add dataset.path=<folder>."
        )
        assert refused("dataset=image_folder", "dataset.path=pictures") == (
            f"dataset.path={tmp_path}/pictures does not exist. Give a folder that holds a folder of pictures for "
            "each class."
        )
