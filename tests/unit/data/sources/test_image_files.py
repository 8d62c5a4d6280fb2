"""Reading one picture of any kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from convboard.data.sources.image_files import read_header, read_picture
from convboard.data.sources.value_range import FULL, ValueRanges
from convboard.errors import DataError

RED = [255, 0, 0]


def read(path: Path, size: int, channels: int, fit: str = "pad", ranges: ValueRanges = FULL) -> NDArray[np.uint8]:
    return read_picture(path, (size, size), channels, fit, ranges)


def pixel(path: Path, channels: int = 3) -> list[int]:
    """The middle pixel of the picture, read as a 9x9 square."""
    values: list[int] = read(path, 9, channels)[:, 4, 4].tolist()
    return values


@pytest.mark.parametrize(
    ("mode", "color", "name", "expected", "grey"),
    [
        ("1", 1, "a.png", [255] * 3, True),
        ("L", 77, "a.png", [77] * 3, True),
        ("LA", (77, 255), "a.png", [77] * 3, True),
        ("LA", (77, 0), "a.png", [255] * 3, True),
        ("P", 1, "a.png", None, False),
        ("RGB", (255, 0, 0), "a.png", RED, False),
        ("RGB", (255, 0, 0), "a.bmp", RED, False),
        ("RGB", (255, 0, 0), "a.GIF", RED, False),
        ("RGBA", (255, 0, 0, 255), "a.webp", RED, False),
        ("RGBA", (255, 0, 0, 0), "a.png", [255] * 3, False),
        ("RGBA", (0, 0, 0, 51), "a.png", [204] * 3, False),
        ("CMYK", (0, 255, 255, 0), "a.tif", RED, False),
        ("CMYK", (0, 255, 255, 0), "a.jpg", RED, False),
        ("YCbCr", (76, 85, 255), "a.tif", RED, False),
        ("LAB", (255, 128, 128), "a.tif", [255] * 3, False),
        ("I;16", 0x4D80, "a.png", [0x4D] * 3, True),
        ("I", 0x4D80, "a.tif", [0x4D] * 3, True),
        ("F", 0.2, "a.tif", [51] * 3, True),
    ],
)
def test_every_mode(
    tmp_path: Path, make_picture: Any, mode: str, color: Any, name: str, expected: list[int] | None, grey: bool
) -> None:
    path = make_picture(tmp_path / name, mode, (9, 9), color)
    assert read_header(path).is_grey is grey
    found = pixel(path)
    if expected is not None:
        assert found == pytest.approx(expected, abs=3)
    if grey:
        assert pixel(path, channels=1) == found[:1]


def test_transparent_palette(tmp_path: Path) -> None:
    picture = Image.new("P", (9, 9), 1)
    picture.putpalette([0, 0, 0, 255, 0, 0])
    picture.save(tmp_path / "opaque.png")
    picture.save(tmp_path / "clear.png", transparency=1)
    assert pixel(tmp_path / "opaque.png") == RED
    assert pixel(tmp_path / "clear.png") == [255] * 3


def test_turned_as_the_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 5] = 200  # upper right
    picture = Image.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    picture.save(tmp_path / "a.png", exif=exif)
    found = read(tmp_path / "a.png", 6, 1)[0]
    assert found[5, 4] == 200  # lower right, of 4x6 in the middle of 6x6
    assert int((found > 0).sum()) == 1


def test_the_first_frame_of_a_moving_picture(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert pixel(tmp_path / "a.gif") == RED


def test_smaller_pictures_keep_their_size(tmp_path: Path, make_picture: Any) -> None:
    found = read(make_picture(tmp_path / "a.png", "L", (3, 5), 9), 8, 1)
    expected = np.zeros((8, 8), np.uint8)
    expected[1:6, 2:5] = 9
    assert found.dtype == np.uint8
    assert np.array_equal(found[0], expected)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_larger_pictures_are_scaled_in_proportion(tmp_path: Path, make_picture: Any, name: str) -> None:
    found = read(make_picture(tmp_path / name, "L", (400, 200), 200), 16, 1)[0]
    assert not found[:4].any()
    assert not found[12:].any()
    assert np.allclose(found[4:12], 200, atol=2)


def test_scaling_is_antialiased(tmp_path: Path) -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    assert np.allclose(read(tmp_path / "a.png", 8, 1), 128, atol=10)


@pytest.mark.parametrize("function", [read_header, lambda path: read(path, 8, 3)])
def test_no_picture(tmp_path: Path, function: Any) -> None:
    path = tmp_path / "a.png"
    path.write_text("not a picture")
    with pytest.raises(DataError) as raised:
        function(path)
    assert str(raised.value) == (f"{path} cannot be read: it is a text. See that it is there and may be read.")


def test_truncated_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="cannot be read: image file is truncated"):
        read(path, 8, 3)


@pytest.mark.parametrize(
    ("fit", "columns"),
    [
        ("pad", [0] * 4 + [200] * 4 + [100] * 4 + [0] * 4),
        ("crop", [200] * 8 + [100] * 8),
        ("stretch", [200] * 8 + [100] * 8),
    ],
)
def test_how_a_picture_becomes_a_square(tmp_path: Path, fit: str, columns: list[int]) -> None:
    """A tall one: its left half is bright, and its upper and lower quarter are white."""
    pixels = np.full((160, 80), 255, np.uint8)
    pixels[40:120] = [200] * 40 + [100] * 40
    Image.fromarray(pixels).save(tmp_path / "a.png")
    square = read(tmp_path / "a.png", 16, 1, fit)[0]
    away = [at for at in range(16) if at not in (3, 4, 7, 8, 11, 12)]  # where no edge is
    assert np.allclose(square[8, away], np.array(columns)[away], atol=2)
    white = (square[:, 10 if fit == "pad" else 4] > 250).sum()
    assert white == pytest.approx(0 if fit == "crop" else 8, abs=2)


def test_a_smaller_picture_is_enlarged_unless_it_is_padded(tmp_path: Path, make_picture: Any) -> None:
    path = make_picture(tmp_path / "a.png", "L", (4, 2), 9)
    assert [int((read(path, 8, 1, fit) > 0).sum()) for fit in ("pad", "crop", "stretch")] == [8, 64, 64]


def test_heic(tmp_path: Path, make_picture: Any) -> None:
    """Also under another name: phones send them as .jpg."""
    path = make_picture(tmp_path / "a.heic", "RGB", (64, 64), (255, 0, 0))
    assert pixel(path) == pytest.approx(RED, abs=3)
    assert pixel(path.rename(tmp_path / "a.jpg")) == pytest.approx(RED, abs=3)
