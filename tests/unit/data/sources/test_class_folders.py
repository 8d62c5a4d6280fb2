"""Class folders and splits, and the mistakes in how they are laid out."""

from pathlib import Path

import pytest

from convboard.data.sources.class_folders import Listing, OtherFolderError, list_classes
from convboard.errors import DataError


def make(folder: Path, *names: str) -> Path:
    """Empty files; a name that ends with / is a folder of two pictures."""
    for name in names:
        for file in ("1.png", "2.png") if name.endswith("/") else ("",):
            path = folder / name / file if file else folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def counts(listing: Listing) -> dict[str, dict[str, int]]:
    return {name: {label: len(files) for label, files in split.items()} for name, split in listing.splits.items()}


def message(folder: Path) -> str:
    with pytest.raises(DataError) as raised:
        list_classes(folder)
    return str(raised.value).replace(str(folder), "F")


def test_classes_and_splits(tmp_path: Path) -> None:
    assert counts(list_classes(make(tmp_path / "a", "cat/", "cat/deeper/", "dog/"))) == {"train": {"cat": 4, "dog": 2}}
    listing = list_classes(make(tmp_path / "b", "train/cat/", "train/dog/", "test/cat/"))
    assert counts(listing) == {"train": {"cat": 2, "dog": 2}, "test": {"cat": 2}}


def test_classes_and_splits_may_be_links(tmp_path: Path) -> None:
    real = make(tmp_path / "real", "cat/", "dog/")
    (tmp_path / "links/train").mkdir(parents=True)
    for name in ("cat", "dog"):
        (tmp_path / "links/train" / name).symlink_to(real / name)
    (tmp_path / "links/val").symlink_to(real)
    assert counts(list_classes(tmp_path / "links")) == {"train": {"cat": 2, "dog": 2}, "val": {"cat": 2, "dog": 2}}


@pytest.mark.parametrize(
    "folders",
    [
        ("Train", "Test"),
        ("Training", "Testing"),
        ("seg_train", "seg_test"),
        ("TRAIN", "VALID", "TEST"),
        ("train_set", "val_set"),
        ("TrainImages", "ValImages"),
        ("trainset", "testset"),
    ],
)
def test_splits_of_other_names(tmp_path: Path, folders: tuple[str, ...]) -> None:
    """What is printed renames them so that they are understood."""
    make(tmp_path, *(f"{name}/{label}/" for name in folders for label in ("cat", "dog")))
    text = message(tmp_path)
    assert text.startswith(f"path=F: {' and '.join(sorted(folders))} are splits by their names, not classes.")
    for command in text.partition(" Rename them: ")[2].split("; "):
        _, old, new = command.replace("F/", f"{tmp_path}/").split()
        Path(old).rename(new)
    assert all(split == {"cat": 2, "dog": 2} for split in counts(list_classes(tmp_path)).values())


def test_splits_that_hold_one_folder_of_the_same_name(tmp_path: Path) -> None:
    make(tmp_path, *(f"seg_{name}/seg_{name}/{label}/" for name in ("train", "test") for label in ("cat", "dog")))
    assert message(tmp_path).endswith("Rename them: mv F/seg_test/seg_test F/test; mv F/seg_train/seg_train F/train")


def test_splits_without_classes(tmp_path: Path) -> None:
    assert message(make(tmp_path, "train/", "test/")) == (
        "path=F: test and train are splits by their names, not classes. Splits are called train/, val/ and test/, and "
        "have a folder of pictures for each class inside."
    )


def test_splits_inside_the_classes(tmp_path: Path) -> None:
    make(tmp_path, *(f"{label}/{name}/" for name in ("train", "test") for label in ("cat", "dog")))
    assert message(tmp_path) == (
        "path=F: the classes have splits inside, such as F/cat/test, which would be mixed. Put the splits outside and "
        "the classes inside, such as F/test/cat."
    )


@pytest.mark.parametrize("names", [("train_station", "test_tube"), ("train", "car"), ("valid", "invalid")])
def test_classes_that_are_called_like_splits(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert counts(list_classes(make(tmp_path, *(f"{name}/" for name in names))))["train"].keys() == set(names)


def test_split_of_another_name_beside_train(tmp_path: Path) -> None:
    assert message(make(tmp_path / "a", "train/cat/", "train/dog/", "vali/cat/")) == (
        "F/vali stands beside train/, but is no split. Did you mean 'val'? Allowed: test, train, val."
    )
    assert message(make(tmp_path / "b", "train/cat/", "train/dog/", "valid/cat/")) == (
        "F/valid stands beside train/, but is no split. Allowed: test, train, val. Rename them: mv F/valid F/val"
    )
    listing = list_classes(make(tmp_path / "c", "train/cat/", "train/dog/", "unlabelled/", "labels/1.txt"))
    assert listing.left_out == "2 pictures outside of the class folders"


@pytest.mark.parametrize("way", ["images", "archive/images", "Train"])
def test_one_level_too_high(tmp_path: Path, way: str) -> None:
    folder = make(tmp_path / "high", f"{way}/cat/", f"{way}/dog/", "annotations/1.xml", "__MACOSX/", "README.md")
    with pytest.raises(OtherFolderError) as raised:
        list_classes(folder)
    assert raised.value.folder == folder / way
    assert message(folder) == f"path=F is not the folder of the class folders. Give path=F/{way} instead."
    assert counts(list_classes(raised.value.folder)) == {"train": {"cat": 2, "dog": 2}}


def test_one_level_too_low(tmp_path: Path) -> None:
    folder = make(tmp_path / "pictures", "cat/", "dog/")
    with pytest.raises(OtherFolderError, match="holds the pictures of one class") as raised:
        list_classes(folder / "cat")
    assert raised.value.folder == folder


def test_a_path_that_is_no_folder(tmp_path: Path) -> None:
    make(tmp_path, "pictures/cat/", "pictures/dog/", "pictures.zip", "other.tar.gz", "notes.txt")
    expected = {
        "picturs": "does not exist. Give path=F/pictures instead.",
        "pictures.zip": "is an archive, not a folder. Give path=F/pictures instead.",
        "other.tar.gz": (
            "is an archive, not a folder. Unpack it, and give the folder, which holds a folder of pictures for each "
            "class."
        ),
        "notes.txt": "is not a folder. Give a folder that holds a folder of pictures for each class.",
    }
    for name, text in expected.items():
        with pytest.raises(DataError) as raised:
            list_classes(tmp_path / name)
        assert str(raised.value).replace(str(tmp_path), "F") == f"path=F/{name} {text}"


def test_a_split_without_labels(tmp_path: Path) -> None:
    folder = make(tmp_path / "all", "train/cat/", "train/dog/", "test/")
    text = message(folder)
    assert text.startswith("F/test has pictures but no class folders, so that their classes are not known.")
    _, old, new = text.rpartition(": ")[2].replace("F", str(folder)).split()
    Path(old).rename(new)
    assert counts(list_classes(folder)) == {"train": {"cat": 2, "dog": 2}}


def test_one_class(tmp_path: Path) -> None:
    one = "has one class only, cat, and a network learns to tell several apart. It must hold a folder of pictures for "
    assert message(make(tmp_path / "a", "cat/")) == f"F {one}each class, such as F/cat and F/dog."
    assert message(make(tmp_path / "b", "train/cat/", "val/cat/")) == (
        f"F/train {one}each class, such as F/train/cat and F/train/dog."
    )


def test_no_class_folders(tmp_path: Path) -> None:
    assert message(tmp_path) == (
        "F has no class folders. It must hold a folder of pictures for each class, such as F/cat and F/dog."
    )


def test_class_folders_without_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "cat/", "dog/", "green/notes.txt", "red/1.xyz", "red/2.xyz")
    assert message(tmp_path) == (
        "F/green, F/red have no pictures. Every class needs at least one: add some, or remove the folder. There are 3 "
        "files: 2 .xyz, 1 .txt. Pictures end in .jpg, .png, .webp, .tif and others."
    )


def test_class_that_train_does_not_have(tmp_path: Path) -> None:
    assert message(make(tmp_path, "train/blue/", "train/red/", "val/reed/")) == (
        "F/val/reed is a class that train/ does not have. Did you mean 'red'? Allowed: blue, red."
    )


def test_the_same_folders_in_every_class(tmp_path: Path) -> None:
    make(tmp_path, *(f"fold{number}/{label}/" for number in (1, 2) for label in ("cat", "dog")))
    assert list_classes(tmp_path).hint == "all classes have the same folders inside, cat, dog; they are mixed"


def test_hidden_files_and_folders(tmp_path: Path) -> None:
    make(tmp_path, "cat/", "dog/", ".git/", "cat/._1.png", "cat/.checkpoints/1.png", "list.csv")
    listing = list_classes(tmp_path)
    assert counts(listing) == {"train": {"cat": 2, "dog": 2}}
    assert listing.left_out == ""
