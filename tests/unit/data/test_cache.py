"""The cache of decoded images."""

import errno
import logging
import multiprocessing
import os
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


def test_the_second_load_decodes_nothing(pictures: Path, decoded: Callable[[], int]) -> None:
    first = load(pictures)
    assert equal(load(pictures), first)
    assert decoded() == 1
    assert sorted(path.name for path in pictures.iterdir()) == [
        "blue",
        "convboard-image_folder-8.safetensors",
        "convboard-image_folder.json",
        "red",
    ]


def test_it_is_a_safetensors_file(pictures: Path) -> None:
    dataset = load(pictures)
    with safe_open(pictures / "convboard-image_folder-8.safetensors", framework="pt") as opened:
        assert opened.metadata().keys() == {"format", "convboard", "source", "class_names"}
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
    pictures: Path, decoded: Callable[[], int], kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = load(pictures)
    path = pictures / "convboard-image_folder-8.safetensors"
    content = path.read_bytes()[:kept]
    path.unlink()  # a new file: `first` is mapped from the old one
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert equal(load(pictures), first)
    assert decoded() == 2
    assert str(path) in caplog.text
    assert equal(load(pictures), first)
    assert decoded() == 2


def test_a_cache_of_another_version_is_made_again(pictures: Path, decoded: Callable[[], int]) -> None:
    first = load(pictures)
    path = pictures / "convboard-image_folder-8.safetensors"
    content = path.read_bytes()
    assert b'"convboard": "1"' in content
    path.unlink()  # a new file: `first` is mapped from the old one
    path.write_bytes(content.replace(b'"convboard": "1"', b'"convboard": "2"'))
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


def test_a_picture_touched_is_not_decoded_again(pictures: Path, decoded: Callable[[], int]) -> None:
    load(pictures)
    os.utime(pictures / "red" / "05.png", ns=(1, 1))
    load(pictures)
    assert decoded() == 1
    assert '1, "' in (pictures / "convboard-image_folder.json").read_text()  # and is known by its new time


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC])
def test_where_nothing_can_be_written_there_is_no_cache(
    pictures: Path, decoded: Callable[[], int], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    expected = load(pictures)
    for path in pictures.glob("convboard-*"):
        path.unlink()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, "atomic_write", refuse)
    monkeypatch.setattr(files, "locked", refuse)
    assert equal(load(pictures), expected)
    assert not list(pictures.glob("convboard-*"))
    assert decoded() == 2


def test_processes_wait_for_one_another(pictures: Path, decoded: Callable[[], int]) -> None:
    processes = [FORK.Process(target=load, args=(pictures,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert decoded() == 1
    assert not list(pictures.glob(".*"))


def test_killed_while_writing(pictures: Path, decoded: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
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

        many = RawSplit(train.labels.repeat(100), dying)  # more than are decoded at once
        return RawDataset(raw.class_names, raw.image_shape, {"train": many})

    with monkeypatch.context() as patch:
        patch.setattr(ImageFolder, "read", die_half_way)
        process = FORK.Process(target=load, args=(pictures,))
        process.start()
        process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert not list(pictures.glob("convboard-*"))
    assert list(pictures.glob(".*.tmp"))  # it had begun
    load(pictures)
    assert sorted(path.name for path in pictures.iterdir() if path.is_file()) == [
        "convboard-image_folder-8.safetensors",
        "convboard-image_folder.json",
    ]
    assert equal(load(pictures), load(pictures))
