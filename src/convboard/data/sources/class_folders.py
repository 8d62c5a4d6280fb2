"""The class folders and splits in a folder of pictures, and what is wrong with them. No file is opened."""

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from convboard.data.sources.folder_tree import Folder, scan
from convboard.data.sources.image_formats import count_kinds, extensions
from convboard.data.sources.split_names import SPLITS, split_of
from convboard.errors import DataError, nearest, similar

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")

Classes = dict[str, list[Path]]


class OtherFolderError(DataError):
    """Not this folder holds the class folders, but another one.

    Attributes:
        reason: What is wrong with this one.
        folder: The other one.
    """

    def __init__(self, reason: str, folder: Path) -> None:
        super().__init__(f"{reason} Give path={folder} instead.", arguments=("path",))
        self.reason, self.folder = reason, folder


@dataclass(frozen=True)
class Listing:
    """The pictures of a data set.

    Attributes:
        splits: Image files by split and class: `train`, and `val` and `test` if there are folders for them.
        left_out: What is not used, in words; empty if everything is.
        hint: What may be a mistake, in words; else empty.
    """

    splits: dict[str, Classes]
    left_out: str
    hint: str


def list_classes(path: Path) -> Listing:
    """Find the class folders in a folder, or in the folders `train`, `val` and `test` in it.

    Args:
        path: The folder.

    Raises:
        DataError: It does not exist, or its folders are not classes that a network can learn.
        OSError: A folder cannot be read.
    """
    if not path.is_dir():
        raise _no_folder(path)
    top = scan(path)
    if "train" in top.folders and top.folders["train"].folders:
        return _split_folders(top)
    _refuse_splits_as_classes(top)
    classes = _classes(top)
    return Listing({"train": classes}, _left_out(top, [top]), _hint(top))


def _no_folder(path: Path) -> DataError:
    """The error for a path that is no folder: nothing is there, an archive, or another file."""
    there = path.exists()
    is_archive = there and path.name.lower().endswith(_ARCHIVES)
    wrong = "is an archive, not a folder" if is_archive else "is not a folder" if there else "does not exist"
    beside = path.with_name(path.name.partition(".")[0]) if is_archive else _similar_folder(path)
    if beside is not None and beside.is_dir():
        return OtherFolderError(f"path={path} {wrong}.", beside)
    advice = "Unpack it, and give the folder, which" if is_archive else "Give a folder that"
    return DataError(f"path={path} {wrong}. {advice} holds a folder of pictures for each class.", arguments=("path",))


def _similar_folder(path: Path) -> Path | None:
    """The folder beside a path that it is probably a slip of."""
    with suppress(OSError):
        folders = {folder.name: folder for folder in sorted(path.parent.iterdir()) if folder.is_dir()}
        return folders.get(similar(path.name, folders) or "")
    return None


def _split_folders(top: Folder) -> Listing:
    """The listing of a folder that has splits in it."""
    for folder in top.filled():
        name = folder.path.name
        if name not in SPLITS and (split_of(name) or get_close_matches(name, SPLITS)):
            raise DataError(
                f"{folder.path} stands beside train/, but is no split. {nearest(name, SPLITS)}{_renaming([folder])}"
            )
    used = [top.folders[name] for name in SPLITS if name in top.folders]
    for folder in used:
        if folder.path.name != "train" and not folder.filled() and folder.pictures:
            raise _unlabelled(folder)
    splits = {folder.path.name: _classes(folder, is_split=True) for folder in used}
    for name, classes in splits.items():
        for unknown in sorted(classes.keys() - splits["train"].keys()):
            raise DataError(
                f"{top.path / name / unknown} is a class that train/ does not have. {nearest(unknown, splits['train'])}"
            )
    if len(splits["train"]) == 1:
        raise _single_class(top.folders["train"])
    return Listing(splits, _left_out(top, used), "")


def _refuse_splits_as_classes(top: Folder) -> None:
    """Refuse class folders that are splits by their names, or that have splits inside."""
    splits = _splits(top.filled())
    if splits:
        names = " and ".join(folder.path.name for folder in splits)
        raise DataError(
            f"path={top.path}: {names} are splits by their names, not classes. Splits are called train/, val/ and "
            f"test/, and have a folder of pictures for each class inside.{_renaming(splits)}",
            arguments=("path",),
        )
    inside = [_splits(folder.filled()) for folder in top.filled()]
    if inside and all(inside):
        example = inside[0][0].path
        raise DataError(
            f"path={top.path}: the classes have splits inside, such as {example}, which would be mixed. Put the splits "
            f"outside and the classes inside, such as {top.path / _split_name(example) / example.parent.name}.",
            arguments=("path",),
        )


def _splits(folders: Iterable[Folder]) -> list[Folder]:
    """Those of sibling folders that are splits by their names; none if they all mean the same split."""
    found: dict[frozenset[str], list[Folder]] = {}
    for folder in folders:
        meaning = split_of(folder.path.name)
        if meaning:
            found.setdefault(meaning[1], []).append(folder)
    alike = [same for same in found.values() if len({_split_name(folder.path) for folder in same}) > 1]
    return [folder for same in alike for folder in same]


def _split_name(path: Path) -> str:
    meaning = split_of(path.name)
    assert meaning
    return meaning[0]


def _renaming(splits: Sequence[Folder]) -> str:
    """The commands that give folders the names of splits; nothing if two mean the same split, or none."""
    moves = {}
    for folder in splits:
        if split_of(folder.path.name):
            moves[folder.path.with_name(_split_name(folder.path))] = _holding_classes(folder).path
    commands = [
        f"mv {shlex.quote(str(path))} {shlex.quote(str(target))}" for target, path in moves.items() if path != target
    ]
    if (
        not commands
        or len(moves) < len(splits)
        or any(target.exists() and target != path for target, path in moves.items())
    ):
        return ""
    return f" Rename them: {'; '.join(commands)}"


def _holding_classes(folder: Folder) -> Folder:
    """The folder that holds several folders of pictures: the given one, or one below it to which a single way leads."""
    inner = folder
    while not inner.pictures and len(inner.filled()) == 1:
        inner = inner.filled()[0]
    return inner if len(inner.filled()) > 1 else folder


def _classes(top: Folder, is_split: bool = False) -> Classes:
    """The pictures of each class in a folder, at any depth.

    Raises:
        DataError: There is no class or only one, or some have no pictures.
    """
    filled, inner = top.filled(), _holding_classes(top)
    if inner is not top and not is_split:
        raise OtherFolderError(f"path={top.path} is not the folder of the class folders.", inner.path)
    if not top.folders:
        if top.pictures and not is_split and _holds_pictures_apart(top.path.parent):
            raise OtherFolderError(f"path={top.path} holds the pictures of one class.", top.path.parent)
        raise DataError(
            f"{top.path} has no class folders. It must hold a folder of pictures for each class, such as "
            f"{top.path / 'cat'} and {top.path / 'dog'}."
        )
    empty = [folder for folder in top.folders.values() if folder not in filled]
    if empty:
        raise _no_pictures(empty)
    if len(filled) == 1 and not is_split:
        raise _single_class(top)
    return {folder.path.name: folder.all_pictures() for folder in filled}


def _unlabelled(split: Folder) -> DataError:
    """The error for a split of pictures whose classes are not known, as in the data of a competition."""
    place = split.path.parent.with_name(f"{split.path.parent.name}_{split.path.name}")
    move = "." if place.exists() else f": mv {shlex.quote(str(split.path))} {shlex.quote(str(place))}"
    return DataError(
        f"{split.path} has pictures but no class folders, so that their classes are not known. Put each into a folder "
        f"with the name of its class, or move them out, and a tenth of the training images is set apart instead{move}"
    )


def _no_pictures(empty: Sequence[Folder]) -> DataError:
    kinds = sum((folder.all_left_out() for folder in empty), Counter[str]())
    found = f" There are {count_kinds(kinds)}." if kinds else ""
    return DataError(
        f"{', '.join(str(folder.path) for folder in empty)} {'has' if len(empty) == 1 else 'have'} no pictures. Every "
        f"class needs at least one: add some, or remove the folder.{found} Pictures end in .jpg, .png, .webp, .tif and "
        "others."
    )


def _single_class(top: Folder) -> DataError:
    return DataError(
        f"{top.path} has one class only, {next(iter(top.folders))}, and a network learns to tell several apart. It "
        f"must hold a folder of pictures for each class, such as {top.path / 'cat'} and {top.path / 'dog'}."
    )


def _holds_pictures_apart(parent: Path) -> bool:
    """Whether several folders directly in `parent` have pictures directly in them."""
    found = 0
    with suppress(OSError):
        for folder in parent.iterdir():
            if folder.name[0] != "." and folder.is_dir():
                found += any(path.suffix.lower() in extensions() for path in folder.iterdir())
    return found > 1


def _left_out(top: Folder, holders: Sequence[Folder]) -> str:
    """What is not used, in words: files that are no pictures, and pictures that belong to no class."""
    used = [folder for holder in holders for folder in holder.folders.values()]
    kinds = sum((folder.all_left_out() for folder in used), Counter[str]())
    parts = [count_kinds(kinds)] if kinds else []
    outside = len(top.all_pictures()) - sum(len(folder.all_pictures()) for folder in used)
    if outside:
        parts.append(f"{outside:,} picture{'' if outside == 1 else 's'} outside of the class folders")
    return ", and ".join(parts)


def _hint(top: Folder) -> str:
    """What may be a mistake: folders that are the same in every class, as if they were the classes."""
    inside = {tuple(folder.folders) if not folder.pictures else () for folder in top.folders.values()}
    names = next(iter(inside)) if len(inside) == 1 else ()
    return f"all classes have the same folders inside, {', '.join(names)}; they are mixed" if len(names) > 1 else ""
