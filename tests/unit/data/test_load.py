"""From a name to a dataset."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from convboard.data.cache_file import Stored
from convboard.data.load import _statistics, describe_dataset, load_dataset
from convboard.data.options import DATASETS
from convboard.errors import DataError
from python_code import printed


def test_names() -> None:
    assert DATASETS == ("digits", "mnist", "fashion_mnist", "cifar10", "image_folder")


def test_digits_need_no_data_directory(tmp_path: Path) -> None:
    dataset = load_dataset("digits", tmp_path / "nowhere")
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [1297, 250, 250]
    assert dataset.image_shape == (1, 28, 28)
    assert dataset.class_names == tuple("0123456789")
    for split in (dataset.val, dataset.test):
        assert torch.bincount(split.labels).tolist() == pytest.approx([25] * 10, abs=2)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("size", [None, 40])
def test_data_are_described_without_being_loaded(tmp_path: Path, small_mnist: Path, size: int | None) -> None:
    for name, folder in (("digits", tmp_path), ("mnist", small_mnist)):
        loaded = load_dataset(name, folder, image_size=size, val_size=5)
        assert describe_dataset(name, Path("not/there"), image_size=size) == (loaded.image_shape, loaded.num_classes)
    assert describe_dataset("cifar10", Path("not/there")) == ((3, 32, 32), 10)


def test_digits_are_drawn_right(tmp_path: Path) -> None:
    """A known digit of scikit-learn's: bright where its 8x8 original is, with a black frame."""
    dataset = load_dataset("digits", tmp_path)
    image = dataset.train.images[dataset.train.labels == 0][0, 0].float()
    assert not image[:2].any()
    assert not image[:, -2:].any()
    assert image[12:16, 12:16].mean() < 60 < image[6:22].mean()  # a nought has a hole


def test_splits_share_no_image(tmp_path: Path) -> None:
    dataset = load_dataset("digits", tmp_path)
    splits = (dataset.train, dataset.val, dataset.test)
    assert len({bytes(image.numpy()) for split in splits for image in split.images}) == 1797


def test_statistics_are_of_the_training_images_only(tmp_path: Path) -> None:
    for val_size in (250, 1000):
        dataset = load_dataset("digits", tmp_path, val_size=val_size)
        scaled = dataset.train.images.double() / 255
        assert dataset.mean == pytest.approx([float(scaled.mean())], abs=1e-9)
        assert dataset.std == pytest.approx([float(scaled.std(correction=0))], abs=1e-9)


def test_a_channel_that_never_changes_has_std_1() -> None:
    tensors = {"train/images": torch.zeros(2, 1, 4, 4, dtype=torch.uint8), "train/sums": torch.zeros(2, 1, 2)}
    assert _statistics(Stored(("a",), tensors), 2) == ((0.0,), (0.0,))


def test_val_size_leaves_the_test_split_alone(tmp_path: Path) -> None:
    small, large = (load_dataset("digits", tmp_path, val_size=size) for size in (10, 500))
    assert small.test.images.equal(large.test.images)
    assert small.val.images.equal(large.val.images[-10:])
    assert len(small.train) == 1537


def test_smaller_images_get_a_black_frame(small_mnist: Path) -> None:
    own = load_dataset("mnist", small_mnist, val_size=10)
    framed = load_dataset("mnist", small_mnist, val_size=10, image_size=32)
    assert framed.image_shape == (1, 32, 32)
    assert framed.train.images[:, :, 2:-2, 2:-2].equal(own.train.images)
    assert int(framed.train.images.sum()) == int(own.train.images.sum())


def test_larger_images_are_scaled_down(small_mnist: Path) -> None:
    own = load_dataset("mnist", small_mnist, val_size=10)
    scaled = load_dataset("mnist", small_mnist, val_size=10, image_size=14)
    assert scaled.image_shape == (1, 14, 14)
    assert scaled.mean == pytest.approx(own.mean, abs=0.01)
    assert scaled.std[0] < 0.7 * own.std[0]  # noise, averaged


def test_mnist(small_mnist: Path) -> None:
    dataset = load_dataset("mnist", small_mnist, val_size=10)
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [50, 10, 20]
    assert torch.bincount(dataset.val.labels).tolist() == [1] * 10
    assert dataset.test.labels.tolist() == [*range(10), *range(10)]


def test_a_val_split_of_all_images(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        load_dataset("digits", tmp_path, val_size=1547)
    assert raised.value.arguments == ("val_size",)
    assert str(raised.value) == (
        "val_size=1547 is not allowed: it must be from 1 to 1546, so that some of the 1547 training images are left "
        "to train on."
    )


def test_too_few_pictures(tmp_path: Path, make_picture: Any) -> None:
    for name in ("cat", "dog"):
        make_picture(tmp_path / name / "1.png")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path} has 2 training images, too few")):
        load_dataset("image_folder", tmp_path, path=tmp_path)


@pytest.mark.thorough
def test_known_data_need_nothing_heavy(small_mnist: Path) -> None:
    """What is cached loads without torchvision, the digits load without scikit-learn."""
    load_dataset("mnist", small_mnist, val_size=10)
    code = (
        "import sys; from pathlib import Path; from convboard.data.load import load_dataset as load\n"
        "def loaded(): print({'torchvision', 'sklearn', 'PIL', 'hydra'} & sys.modules.keys())\n"
        f"loaded(); load('mnist', Path({str(small_mnist)!r}), val_size=10); load('digits', Path('none')); loaded()"
    )
    assert printed(code).splitlines() == ["set()", "set()"]


FULL = [
    ("mnist", 55_000, (1, 28, 28), 0.1307, 0.3081),
    ("cifar10", 45_000, (3, 32, 32), 0.4914, 0.2470),
]


@pytest.mark.parametrize(("name", "train", "shape", "mean", "std"), FULL)
def test_full_datasets(
    data_dir: Path, name: str, train: int, shape: tuple[int, int, int], mean: float, std: float
) -> None:
    dataset = load_dataset(name, data_dir)
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [train, 5000, 10_000]
    assert (dataset.image_shape, dataset.num_classes) == (shape, 10)
    assert (dataset.mean[0], dataset.std[0]) == pytest.approx((mean, std), abs=5e-4)
    whole = torch.bincount(torch.cat([dataset.train.labels, dataset.val.labels]))
    assert (torch.bincount(dataset.val.labels) / whole).tolist() == pytest.approx(
        [5000 / (train + 5000)] * 10, abs=2e-4
    )
    again = load_dataset(name, data_dir)
    assert _is_file_mapped(again.train.images)
    assert again.train.images.equal(dataset.train.images)


@pytest.mark.data
def test_full_images_are_torchvisions(data_dir: Path) -> None:
    """The first image of each class in the test split, whose order is the original's, is where it belongs."""
    test = load_dataset("cifar10", data_dir).test
    assert test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert test.images[0, :, 0, 0].tolist() == [158, 112, 49]
    assert load_dataset("mnist", data_dir).test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def _is_file_mapped(tensor: torch.Tensor) -> bool:
    """Whether a tensor's bytes are a mapped safetensors file, not memory of their own."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("memory maps are listed on Linux only")
    for line in maps.read_text().splitlines():
        start, end = (int(address, 16) for address in line.split()[0].split("-"))
        if start <= tensor.data_ptr() < end:
            return line.endswith(".safetensors")
    return False


@pytest.mark.parametrize(
    ("key", "arguments"),
    [("data_dir", {"name": "mnist"}), ("path", {"name": "image_folder", "path": Path("circle")})],
)
def test_links_in_a_circle(
    key: str, arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("circle").symlink_to("circle")
    with pytest.raises(DataError, match=rf"^{key}=circle leads nowhere: .*circle.* Give the path of a folder\.$"):
        load_dataset(data_dir=Path("circle"), **arguments)
