"""Folders of one's own pictures."""

import errno
import os
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from convboard.data.dataset import ImageDataset
from convboard.data.load import load_dataset
from convboard.errors import DataError


def load(folder: Path, **arguments: Any) -> ImageDataset:
    return load_dataset("image_folder", folder, path=folder, **arguments)


def test_one_folder_per_class(pictures: Path) -> None:
    dataset = load(pictures)
    assert dataset.class_names == ("blue", "red")
    assert dataset.image_shape == (3, 64, 64)
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [48, 6, 6]
    for split in (dataset.train, dataset.val, dataset.test):
        assert torch.bincount(split.labels).tolist() == [len(split) * 2 // 3, len(split) // 3]
        middle = split.images[:, :, 32, 32]
        assert (middle[:, 0] > middle[:, 2]).equal(split.labels == 1)  # red is class 1


def test_every_picture_is_in_one_split(pictures: Path) -> None:
    dataset = load(pictures)
    splits = (dataset.train, dataset.val, dataset.test)
    assert len({bytes(image.numpy()) for split in splits for image in split.images}) == 60


def test_val_size(pictures: Path) -> None:
    dataset = load(pictures, val_size=12)
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [42, 12, 6]
    assert dataset.test.images.equal(load(pictures).test.images)


def split_folders(pictures: Path, *names: str) -> Path:
    folder = pictures.parent / "splits"
    for name in names:
        shutil.copytree(pictures, folder / name)
    return folder


def test_split_folders(pictures: Path) -> None:
    folder = split_folders(pictures, "train", "val", "test")
    (folder / "test" / "red" / "00.png").unlink()
    dataset = load(folder)
    assert [len(split) for split in (dataset.train, dataset.val, dataset.test)] == [60, 60, 59]


def test_missing_val_and_test_come_from_train(pictures: Path) -> None:
    sizes = []
    for names in (("train",), ("train", "val"), ("train", "test")):
        dataset = load(split_folders(pictures, *names))
        sizes.append([len(split) for split in (dataset.train, dataset.val, dataset.test)])
        shutil.rmtree(pictures.parent / "splits")
    assert sizes == [[48, 6, 6], [54, 60, 6], [54, 6, 60]]


def test_a_split_may_lack_a_class(pictures: Path) -> None:
    folder = split_folders(pictures, "train", "val")
    shutil.rmtree(folder / "val" / "blue")
    assert set(load(folder).val.labels.tolist()) == {1}


def test_a_class_called_train(pictures: Path) -> None:
    (pictures / "red").rename(pictures / "train")
    assert load(pictures).class_names == ("blue", "train")


def test_only_grey_pictures_have_one_channel(tmp_path: Path, make_picture: Any) -> None:
    for number in range(10):
        make_picture(tmp_path / "a" / f"{number}.png", "L", color=number)
        make_picture(tmp_path / "b" / f"{number}.png", "1")
    assert load(tmp_path).image_shape == (1, 64, 64)
    make_picture(tmp_path / "b" / "colour.png", "RGB")
    assert load(tmp_path).image_shape == (3, 64, 64)


def test_what_is_no_picture_is_left_alone(pictures: Path, make_picture: Any) -> None:
    (pictures / "red" / "notes.txt").write_text("no picture")
    (pictures / "red" / "._00.png").write_text("what some systems leave behind")
    (pictures / ".thumbnails").mkdir()
    (pictures / "list.csv").write_text("")
    make_picture(pictures / "red" / "deeper" / "UPPER.PNG")
    dataset = load(pictures)
    assert dataset.class_names == ("blue", "red")
    assert sum(len(split) for split in (dataset.train, dataset.val, dataset.test)) == 61


def test_val_size_beside_a_val_folder(pictures: Path) -> None:
    folder = split_folders(pictures, "train", "val")
    with pytest.raises(DataError) as raised:
        load(folder, val_size=3)
    assert str(raised.value) == (f"val_size=3 cannot be used here: {folder} has a folder val/. Omit one of them.")


def message(folder: Path) -> str:
    with pytest.raises(DataError) as raised:
        load(folder)
    return str(raised.value)


def test_no_such_folder(tmp_path: Path) -> None:
    assert message(tmp_path / "nowhere") == (
        f"path={tmp_path / 'nowhere'} does not exist. Give a folder that holds a folder of pictures for each class."
    )


def test_picture_that_cannot_be_read(pictures: Path) -> None:
    path = pictures / "red" / "07.png"
    path.write_text("no picture")
    assert message(pictures) == (
        f"{path} cannot be read as a picture: it is a text. Replace it, or remove it from the folder."
    )


def test_all_pictures_that_cannot_be_read_are_named(pictures: Path) -> None:
    """Whatever is wrong with them: a run for each of them would take as long as there are faults."""
    no_picture, truncated, link = (pictures / "red" / name for name in ("03.png", "07.png", "link.png"))
    no_picture.write_text("no picture")
    truncated.write_bytes(truncated.read_bytes()[:45])
    link.symlink_to("nowhere.png")
    lines = message(pictures).splitlines()
    assert lines[0] == "3 pictures cannot be read:"
    assert lines[1] == f"  {no_picture}: it is a text"
    assert lines[2].startswith(f"  {truncated}: ")
    assert lines[3:] == [f"  {link}: No such file or directory", "Replace them, or remove them from the folder."]
    for path in (no_picture, truncated, link):
        path.unlink()
    assert len(load(pictures).train)


def test_a_truncated_picture(pictures: Path) -> None:
    path = pictures / "red" / "07.png"
    path.write_bytes(path.read_bytes()[:45])
    assert message(pictures).startswith(f"{path} cannot be read as a picture: ")


def test_only_listed_formats_are_opened(pictures: Path) -> None:
    """Pillow would give EPS to Ghostscript, whatever the file is called."""
    path = pictures / "red" / "07.png"
    Image.new("RGB", (8, 8)).save(path, format="EPS")
    assert "cannot be read as a picture: it" in message(pictures)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>", "it is a web page"),
        (b"403 Forbidden\n", "it is a text"),
        (b"\0\0\0\x18ftypxxxx", "its format is none of those that are read"),
    ],
)
def test_a_file_that_is_no_picture_is_called_what_it_is(pictures: Path, content: bytes, reason: str) -> None:
    path = pictures / "red" / "07.png"
    path.write_bytes(content)
    expected = f"{path} cannot be read as a picture: {reason}. Replace it, or remove it from the folder."
    assert message(pictures) == expected


@pytest.mark.parametrize("name", ["a.jfif", "a.jpe", "a.mpo", "a.jp2", "a.tga", "a.pcx", "a.dib", "a.JPG", "a.ico"])
def test_every_format_that_pillow_decodes(pictures: Path, name: str) -> None:
    Image.new("RGB", (16, 16)).save(pictures / "red" / name.replace("jfif", "jpg").replace("jpe", "jpg"))
    if name.endswith(("jfif", "jpe")):
        (pictures / "red" / "a.jpg").rename(pictures / "red" / name)
    dataset = load(pictures)
    assert sum(len(split) for split in (dataset.train, dataset.val, dataset.test)) == 61


def test_what_a_user_should_know_of_the_folder(pictures: Path, make_picture: Any) -> None:
    for name in ("a.xyz", "b.xyz", "c.txt", "README"):
        (pictures / "blue" / name).touch()
    (pictures / "blue" / "more").symlink_to(pictures / "red")
    os.mkfifo(pictures / "red" / "pipe.png")
    make_picture(pictures / "stray.png")
    assert load(pictures, fit="crop").remarks == (
        ("classes", "blue 40, red 20"),
        (
            "left out",
            "6 files: 2 .xyz, 1 .txt, 1 link to a folder, 1 no regular file, 1 without an ending, and 1 picture "
            "outside of the class folders",
        ),
        ("fit", "crop, the middle square of each picture"),
    )


def test_pictures_of_one_colour_are_refused(tmp_path: Path, make_picture: Any) -> None:
    for name in ("a", "b"):
        for number in range(5):
            make_picture(tmp_path / name / f"{number}.png", "L", (64, 64), 7)
    assert message(tmp_path) == (
        f"{tmp_path}: all training images have one and the same colour, 7 of 255, so that there is nothing to learn. "
        "See whether an image viewer shows them otherwise."
    )


@pytest.mark.parametrize(
    ("dtype", "low", "high", "ending", "ranges", "remark"),
    [
        (np.uint16, 80, 4000, "png", {"integer": (80, 4000)}, "values from 80 to 4,000 scaled to 0 to 255"),
        (np.uint16, 0, 255, "png", {"integer": (0, 255)}, "values from 0 to 255 scaled to 0 to 255"),
        (np.uint16, 9, 60000, "png", {"integer": (0, 65535)}, "values from 0 to 65,535 scaled to 0 to 255"),
        (np.int32, 0, 255, "tif", {"integer": (0, 255)}, "values from 0 to 255 scaled to 0 to 255"),
        (np.float32, 0, 255, "tif", {"float": (0, 255)}, "values from 0 to 255 scaled to 0 to 255"),
        (np.float32, 0, 0.9, "tif", {"float": (0, 1)}, "values from 0 to 1 scaled to 0 to 255"),
        (np.float32, -1000, 0, "tif", {"float": (-1000, 0)}, "values from -1000 to 0 scaled to 0 to 255"),
    ],
)
def test_deep_pictures_are_scaled_by_their_common_range(
    tmp_path: Path, dtype: Any, low: float, high: float, ending: str, ranges: dict[str, tuple[int, int]], remark: str
) -> None:
    ramp = np.linspace(low, high, 64).reshape(8, 8)
    for name, values in (("whole", ramp), ("dark", low + (ramp - low) / 2)):
        (tmp_path / name).mkdir()
        for number in range(5):
            Image.fromarray(values.astype(dtype)).save(tmp_path / name / f"{number}.{ending}")
    for dataset in (load(tmp_path, image_size=8), load(tmp_path, image_size=8)):  # decoded, and from the cache
        assert dataset.value_ranges == ranges
        assert ("depth", remark) in dataset.remarks
        (least, most) = next(iter(ranges.values()))
        for label, values in enumerate((low + (ramp - low) / 2, ramp)):
            images = dataset.train.images[dataset.train.labels == label]
            expected = torch.from_numpy((values - least) / (most - least) * 255)
            assert (images[0, 0] - expected).abs().max() <= 1.5


def test_classes_of_different_depths(tmp_path: Path, make_picture: Any) -> None:
    """Each depth is scaled by its own range; that the classes differ in it is said."""
    for name, dtype in (("ill", np.uint16), ("well", np.uint8)):
        (tmp_path / name).mkdir()
        for number in range(10):
            values = np.linspace(0, 3000 if name == "ill" else 255, 64).reshape(8, 8).astype(dtype)
            Image.fromarray(values).save(tmp_path / name / f"{number}.png")
    dataset = load(tmp_path, image_size=8)
    assert bool((dataset.train.images.amax((1, 2, 3)) == 255).all())
    assert dict(dataset.remarks)["depth"] == (
        "values from 0 to 3,000 scaled to 0 to 255; no other class has the depth of these, by which a network may "
        "recognise them: ill 16 bits or more, well 8 bits"
    )
    make_picture(tmp_path / "ill" / "8bit.png", "L", (8, 8))
    assert dict(load(tmp_path, image_size=8).remarks)["depth"].endswith("; those of 8 bits stay as they are")


def test_a_class_that_is_missing_in_a_split(pictures: Path, make_picture: Any) -> None:
    make_picture(pictures / "green" / "0.png", color=(0, 9, 0))
    text = "green in val and test: no accuracy tells how well these classes are recognised there"
    assert dict(load(pictures).remarks)["missing"] == text


def test_pictures_of_which_most_is_cut_off(tmp_path: Path, make_picture: Any) -> None:
    for number in range(10):
        make_picture(tmp_path / ("a" if number % 2 else "b") / f"{number}.png", "L", (300, 4), number)
    assert (
        dict(load(tmp_path, fit="crop").remarks)["cut off"] == "more than half of most pictures, which are up to 300x4"
    )
    assert "cut off" not in dict(load(tmp_path, fit="pad").remarks)


def test_a_value_that_is_no_number_is_black(tmp_path: Path) -> None:
    values = np.full((8, 8), 5, np.float32)
    values[0, :3] = [9, np.nan, np.inf]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.fromarray(values).save(tmp_path / name / f"{number}.tif")
    dataset = load(tmp_path, image_size=8)
    assert dataset.value_ranges == {"float": (5, 9)}
    assert dataset.train.images[0, 0, 0, :4].tolist() == [255, 0, 255, 0]


def test_colours_of_16_bits_are_said_to_be_cut(pictures: Path) -> None:
    """Pillow reads their upper 8 bits."""
    row = b"\0" + bytes([200, 0, 100, 0, 50, 0]) * 4
    header = struct.pack(">2I5B", 4, 4, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * 4)), (b"IEND", b""))
    content = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    (pictures / "red" / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    remark = "1 in colour of 16 bits, of which the upper 8 are used; those of 8 bits stay as they are"
    assert ("depth", remark) in load(pictures).remarks


def test_a_folder_that_cannot_be_read_is_not_skipped(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads every folder, and a test may run as root: the system refuses here."""
    deeper = pictures / "red" / "deeper"
    deeper.mkdir()
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == deeper:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert message(pictures) == f"{deeper} cannot be read: Permission denied. See that it is there and may be read."
