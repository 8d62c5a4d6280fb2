"""CIFAR-10's pickles."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convboard.data.load import load_dataset
from convboard.data.sources.cifar10 import CIFAR10
from convboard.errors import DataError


class Bomb:
    """A pickle that makes a file when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def small_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `data_dir` with 20 images a file that passes for the original, with torchvision too."""
    from torchvision import datasets

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = [f"class {number}" for number in range(10)]
    for name in CIFAR10.md5:
        batch = {"data": rng.integers(0, 256, (20, 3072), dtype=np.uint8), "labels": [*range(10), *range(10)]}
        (folder / name).write_bytes(pickle.dumps({"label_names": names} if name == "batches.meta" else batch))
    md5 = {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in CIFAR10.md5}
    monkeypatch.setattr(CIFAR10, "md5", md5)
    lists = [[name, md5[name]] for name in CIFAR10.md5 if "batch_" in name or name == "test_batch"]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", lists[:5])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", lists[5:])
    monkeypatch.setattr(datasets.CIFAR10, "meta", datasets.CIFAR10.meta | {"md5": md5["batches.meta"]})
    return tmp_path


def test_images_and_labels(small_cifar10: Path) -> None:
    dataset = load_dataset("cifar10", small_cifar10, val_size=10)
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [90, 10, 20]
    assert dataset.class_names == tuple(f"class {number}" for number in range(10))
    batch = pickle.loads((small_cifar10 / "cifar-10-batches-py/test_batch").read_bytes())
    assert np.array_equal(dataset.test.images.numpy(), batch["data"].reshape(-1, 3, 32, 32))
    assert dataset.test.labels.tolist() == batch["labels"]


@pytest.mark.parametrize("name", ["data_batch_3", "test_batch", "batches.meta"])
def test_no_pickle_but_the_original_is_opened(small_cifar10: Path, name: str) -> None:
    path = small_cifar10 / "cifar-10-batches-py" / name
    original = hashlib.md5(path.read_bytes()).hexdigest()
    path.write_bytes(pickle.dumps(Bomb(small_cifar10 / "opened")))
    found = hashlib.md5(path.read_bytes()).hexdigest()
    with pytest.raises(DataError) as raised:
        load_dataset("cifar10", small_cifar10, val_size=10)
    assert str(raised.value) == (
        f"{path} is damaged: its MD5 is {found}, the original's is {original}. Delete it and run again to download "
        "it, or put the original back."
    )
    assert not (small_cifar10 / "opened").exists()
