"""A sheet knows what it was drawn of, and nothing else is overwritten."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convboard.board.figures.png import Picture, encode_png
from convboard.errors import RunError
from convboard.feature_maps.sheet_file import free_path, source_of, write_sheet

PICTURE = Picture(encode_png(np.full((4, 5), 7, np.uint8)), 5, 4)


def test_a_sheet_remembers_its_source(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/a.png"
    write_sheet(path, PICTURE, "/home/Jürgen/猫.jpg")
    assert source_of(path) == "/home/Jürgen/猫.jpg"
    with Image.open(path) as picture:
        assert picture.size == (5, 4)
        assert np.asarray(picture).max() == 7


def test_a_free_path_is_never_that_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert free_path(path, "cat.jpg") == path
    write_sheet(path, PICTURE, "cat.jpg")
    assert free_path(path, "cat.jpg") == path
    assert free_path(path, "dog.jpg") == tmp_path / "a-2.png"
    (tmp_path / "a-2.png").write_text("a diary")
    assert free_path(path, "dog.jpg") == tmp_path / "a-3.png"
    Image.new("L", (3, 3)).save(path)
    assert source_of(path) is None
    assert source_of(tmp_path) is None


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"a\.png cannot be written: .*out="):
        write_sheet(tmp_path / "file/a.png", PICTURE, "cat.jpg")
