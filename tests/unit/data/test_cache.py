"""The cache of decoded images."""

import errno
import json
import logging
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from convboard import files
from convboard.data.dataset import ImageDataset
from convboard.data.load import load_dataset
from convboard.data.sources.image_folder import ImageFolder
from convboard.data.sources.source import RawDataset, RawSplit
from convboard.files import locks
from permissions import permissions

FORK = multiprocessing.get_context("fork")
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def load(folder: Path) -> ImageDataset:
    return load_dataset("image_folder", folder, path=folder, image_size=8)


def equal(left: ImageDataset, right: ImageDataset) -> bool:
    return all(
        getattr(left, part).images.equal(getattr(right, part).images)
        and getattr(left, part).labels.equal(getattr(right, part).labels)
        for part in ("train", "val", "test")
    ) and (left.mean, left.std, left.class_names) == (right.mean, right.std, right.class_names)


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the caches of this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/convboard/images"


def cache_of(caches: Path) -> Path:
    """The only cache there is."""
    (path,) = caches.glob("*.safetensors")
    return path


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], int]:
    """How often a source was opened, in this process and those forked from it."""
    log = tmp_path / "decoded"
    read = ImageFolder.read

    def counting(self: ImageFolder, size: int) -> RawDataset:
        with log.open("a") as file:
            file.write("x")
        return read(self, size)

    monkeypatch.setattr(ImageFolder, "read", counting)
    return lambda: len(log.read_text()) if log.exists() else 0


def test_the_second_load_decodes_nothing(pictures: Path, caches: Path, decoded: Callable[[], int]) -> None:
    first = load(pictures)
    assert equal(load(pictures), first)
    assert decoded() == 1
    assert sorted(path.name for path in pictures.iterdir()) == ["blue", "red"]
    cache = cache_of(caches)
    assert cache.name.startswith("pictures-")
    assert sorted(caches.iterdir()) == [cache, cache.with_name(cache.name.replace("-8.safetensors", ".json"))]


def test_it_is_a_safetensors_file(pictures: Path, caches: Path) -> None:
    dataset = load(pictures)
    with safe_open(cache_of(caches), framework="pt") as opened:
        assert opened.metadata().keys() == {"format", "convboard", "source", "facts"}
        images = opened.get_tensor("train/images")
        assert images.shape == (60, 3, 8, 8)
        assert images[: len(dataset.train)].equal(dataset.train.images)
        sums = opened.get_tensor("train/sums")
    pixels = images.flatten(2).long()
    assert sums.equal(torch.stack([pixels.sum(2), (pixels**2).sum(2)], 2))


def test_each_size_has_its_own(pictures: Path, decoded: Callable[[], int]) -> None:
    for _ in range(2):
        assert load_dataset("image_folder", pictures, path=pictures, image_size=12).image_shape == (3, 12, 12)
        assert load(pictures).image_shape == (3, 8, 8)
    assert decoded() == 2


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 2000, -1])
def test_a_truncated_cache_is_made_again(
    pictures: Path, caches: Path, decoded: Callable[[], int], kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = load(pictures)
    path = cache_of(caches)
    content = path.read_bytes()[:kept]
    path.unlink()  # a new file: `first` is mapped from the old one
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert equal(load(pictures), first)
    assert decoded() == 2
    assert str(path) in caplog.text
    assert equal(load(pictures), first)
    assert decoded() == 2


@pytest.mark.parametrize("where", ["pixels", "labels", "class_names", "checksums"])
def test_a_cache_that_was_altered_is_made_again(
    pictures: Path, caches: Path, decoded: Callable[[], int], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the file is still one of safetensors, with its length: a run would train on what is in it."""
    first = load(pictures)
    path = cache_of(caches)
    content = bytearray(path.read_bytes())
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    start = {name: len(content) + entry["data_offsets"][0] for name, entry in header.items() if name != "__metadata__"}
    end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
    places = {
        "pixels": start["train/images"] - end,
        "labels": start["train/labels"] - end,
        "class_names": content.index(b"blue"),
        "checksums": start["checksums"] - end,
    }
    content[places[where]] ^= 1
    path.unlink()  # a new file: `first` is mapped from the old one
    path.write_bytes(content)
    assert equal(load(pictures), first)
    assert decoded() == 2
    assert "its content has changed since it was written" in caplog.text
    assert equal(load(pictures), first)
    assert decoded() == 2


def test_a_cache_of_another_version_is_made_again(pictures: Path, caches: Path, decoded: Callable[[], int]) -> None:
    first = load(pictures)
    path = cache_of(caches)
    content = path.read_bytes()
    assert b'"convboard": "2"' in content
    path.unlink()  # a new file: `first` is mapped from the old one
    path.write_bytes(content.replace(b'"convboard": "2"', b'"convboard": "1"'))
    assert equal(load(pictures), first)
    assert decoded() == 2
    assert path.read_bytes() == content


def test_a_changed_picture_is_taken_over(pictures: Path, make_picture: Any, decoded: Callable[[], int]) -> None:
    before = load(pictures)
    make_picture(pictures / "red" / "05.png", color=(255, 255, 255))
    after = load(pictures)
    assert decoded() == 2
    assert not equal(before, after)


def test_pictures_added_and_removed_are_taken_over(
    pictures: Path, make_picture: Any, decoded: Callable[[], int]
) -> None:
    load(pictures)
    make_picture(pictures / "green" / "1.png")
    assert load(pictures).class_names == ("blue", "green", "red")
    (pictures / "blue" / "03.png").unlink()
    load(pictures)
    assert decoded() == 3


def test_a_picture_touched_is_not_decoded_again(pictures: Path, caches: Path, decoded: Callable[[], int]) -> None:
    load(pictures)
    os.utime(pictures / "red" / "05.png", ns=(1, 1))
    load(pictures)
    assert decoded() == 1
    (record,) = caches.glob("*.json")
    assert '1, "' in record.read_text()  # and is known by its new time


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC])
def test_where_nothing_can_be_written_there_is_no_cache(
    pictures: Path, caches: Path, decoded: Callable[[], int], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    expected = load(pictures)
    shutil.rmtree(caches)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, "atomic_write", refuse)
    monkeypatch.setattr(locks, "locked", refuse)
    assert equal(load(pictures), expected)
    assert not caches.exists()
    assert decoded() == 2


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_a_cache_folder_that_cannot_be_used_is_done_without(
    mode: int, pictures: Path, caches: Path, decoded: Callable[[], int]
) -> None:
    first = load(pictures)
    with permissions(caches, mode):
        assert equal(load(pictures), first)
    assert decoded() == (1 if mode == 0o555 else 2)


def test_processes_wait_for_one_another(pictures: Path, caches: Path, decoded: Callable[[], int]) -> None:
    processes = [FORK.Process(target=load, args=(pictures,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert decoded() == 1
    assert not list(caches.glob(".*"))


@pytest.mark.thorough
def test_killed_while_writing(pictures: Path, caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = ImageFolder.read

    def die_half_way(self: ImageFolder, size: int) -> RawDataset:
        raw = read(self, size)
        train = raw.splits["train"]
        decoded = 0

        def dying(indices: torch.Tensor) -> torch.Tensor:
            nonlocal decoded
            if decoded:
                os.kill(os.getpid(), signal.SIGKILL)
            decoded += len(indices)
            return train.read(indices % len(train.labels))

        many = RawSplit(train.labels.repeat(2000), dying)  # more than are decoded at once
        return RawDataset(raw.class_names, raw.image_shape, {"train": many})

    with monkeypatch.context() as patch:
        patch.setattr(ImageFolder, "read", die_half_way)
        process = FORK.Process(target=load, args=(pictures,))
        process.start()
        process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not list(caches.glob("*.safetensors"))
    assert list(caches.glob(".*.tmp"))  # it had begun
    load(pictures)
    assert sorted(path.suffix for path in caches.iterdir()) == [".json", ".safetensors"]
    assert equal(load(pictures), load(pictures))
