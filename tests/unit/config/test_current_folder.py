"""What a command imports from the folder that it stands in."""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from convboard.config import current_folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, whose modules are forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("entry", ["", ".", "here", "link"])
def test_the_folder_leaves_the_path_however_it_is_written(entry: str, folder: Path) -> None:
    (folder / "link").symlink_to(folder)
    sys.path[:0] = [str(folder) if entry == "here" else entry, "elsewhere"]
    current_folder.leave_sys_path()
    assert sys.path[0] == "elsewhere"


def test_the_folder_of_convboard_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(current_folder.__file__).parents[2]
    monkeypatch.chdir(source)
    sys.path.insert(0, "")
    current_folder.leave_sys_path()
    assert sys.path[0] == ""


def test_only_what_is_named_is_imported_and_what_that_imports(folder: Path) -> None:
    (folder / "a_net.py").write_text(
        "import a_helper\nfrom a_package.part import one\ndef later():\n    import a_late_one\n    return a_late_one\n"
    )
    (folder / "a_package").mkdir()
    (folder / "a_package/part.py").write_text("import a_helper, a_third\none = 1\n")
    for name in ("a_helper", "a_third", "a_late_one", "a_plugin"):
        (folder / f"{name}.py").touch()
    with current_folder.importable():
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("a_net")
        current_folder.allow(["a_net.Net"])
        net = importlib.import_module("a_net")
        assert net.later().__name__ == "a_late_one"
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("a_plugin")  # not by the user's code
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("a_package.other")


def test_an_installed_module_comes_first(folder: Path) -> None:
    (folder / "colorsys.py").write_text("raise AssertionError")
    with current_folder.importable():
        current_folder.allow(["colorsys.Net"])
        assert importlib.import_module("colorsys").rgb_to_hsv


def test_nothing_is_allowed_outside_of_a_command(folder: Path) -> None:
    (folder / "a_net.py").touch()
    current_folder.allow(["a_net.Net"])
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("a_net")


def test_the_classes_of_a_file_and_of_what_only_looks_like_one(folder: Path) -> None:
    (folder / "a_net.py").write_text("class Net:\n    class Inner: ...\nclass Other: ...\n")
    os.mkfifo(folder / "pipe.py")
    (folder / "endless.py").symlink_to("/dev/zero")
    (folder / "folder.py").mkdir()
    (folder / "wrong.py").write_text("class Net(:\n")
    assert current_folder.classes_of("a_net.py") == ["a_net.Net", "a_net.Other"]
    assert current_folder.classes_of("a_net.Other") == ["a_net.Other"]
    for name in ("pipe", "endless", "folder", "wrong", "missing"):
        assert current_folder.classes_of(name) == []
