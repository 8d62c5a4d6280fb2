"""Folders of one's own pictures."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from convboard.data.dataset import ImageDataset
from convboard.data.load import load_dataset
from convboard.errors import DataError

ENDINGS = ".avif, .bmp, .gif, .jpeg, .jpg, .pbm, .pgm, .png, .pnm, .ppm, .tif, .tiff, .webp"


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
        f"path={tmp_path / 'nowhere'} is not a folder. It must be one that holds a folder of pictures for each class."
    )


def test_no_class_folders(tmp_path: Path) -> None:
    assert message(tmp_path) == (
        f"{tmp_path} has no class folders. It must hold a folder of pictures for each class, such as "
        f"{tmp_path}/cat and {tmp_path}/dog."
    )


def test_empty_class_folder(pictures: Path) -> None:
    (pictures / "green").mkdir()
    (pictures / "green" / "notes.txt").write_text("no picture")
    assert message(pictures) == (
        f"{pictures}/green has no pictures. Every class needs at least one: add some, or remove the folder. "
        f"Pictures end in {ENDINGS}."
    )


def test_class_that_train_does_not_have(pictures: Path) -> None:
    folder = split_folders(pictures, "train", "val")
    (folder / "val" / "red").rename(folder / "val" / "reed")
    assert message(folder) == (
        f"{folder}/val/reed is a class that train/ does not have. Did you mean 'red'? Allowed: blue, red."
    )


def test_split_of_another_name(pictures: Path) -> None:
    folder = split_folders(pictures, "train", "vali")
    assert message(folder) == (
        f"{folder}/vali stands beside train/, but is no split. Did you mean 'val'? Allowed: test, train, val."
    )


def test_picture_that_cannot_be_read(pictures: Path) -> None:
    path = pictures / "red" / "07.png"
    path.write_bytes(path.read_bytes()[:40])
    assert message(pictures).startswith(f"{path} cannot be read as a picture: ")
    assert not list(pictures.glob("convboard-*"))


def test_link_to_nowhere(pictures: Path) -> None:
    path = pictures / "red" / "link.png"
    path.symlink_to("nowhere.png")
    assert message(pictures) == (
        f"{path} cannot be read: No such file or directory. See that it is there and may be read."
    )
