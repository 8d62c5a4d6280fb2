"""A picture of the user's own, whatever it is, becomes what a network is given."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convboard.data.sources.image_files import read_picture
from convboard.errors import DataError
from convboard.feature_maps.user_image import read_user_image


@pytest.mark.parametrize(
    ("mode", "colour", "name", "expected"),
    [
        ("1", 1, "a.png", 255),
        ("L", 77, "a.png", 77),
        ("LA", (77, 0), "a.png", 255),
        ("P", 0, "a.gif", None),
        ("RGB", (80, 80, 80), "a.jpg", 80),
        ("RGBA", (0, 0, 0, 51), "a.png", 204),
        ("RGBA", (9, 9, 9, 0), "a.webp", 255),
        ("CMYK", (0, 0, 0, 55), "a.tif", 200),
        ("I;16", 0x4D80, "a.png", 0x4D),
        ("F", 0.2, "a.tif", 51),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode(
    tmp_path: Path, make_picture: Any, mode: str, colour: Any, name: str, expected: int | None, channels: int
) -> None:
    path = make_picture(tmp_path / name, mode, (30, 20), colour)
    read = read_user_image(path, (channels, 8, 8))
    assert read.pixels.shape == (channels, 8, 8)
    assert read.pixels.dtype == np.uint8
    assert read.given.shape == (20, 30, 3)
    if expected is not None:
        assert np.allclose(read.pixels, expected, atol=3)
    kind = "colour" if channels == 3 else "grey"
    scaled = {"I;16": ", values from 0 to 65,535 scaled to 0 to 255", "F": ", values from 0 to 1 scaled to 0 to 255"}
    done = f"centre cropped{scaled.get(mode, '')}"
    assert read.describe() == f"{name}, 30x20 {read.mode} → {channels}x8x8 {kind}, {done}"


def test_the_middle_is_kept(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60), np.uint8)
    pixels[:, 20:40] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    read = read_user_image(tmp_path / "a.png", (1, 10, 10))
    assert read.region == pytest.approx((1 / 3, 0, 2 / 3, 1))
    assert np.allclose(read.pixels, 200, atol=15)  # bicubic
    assert (read.seen == 200).all()
    inverted = read_user_image(tmp_path / "a.png", (1, 10, 10), invert=True)
    assert np.array_equal(inverted.pixels, 255 - read.pixels)
    assert (inverted.seen == 55).all()
    assert np.array_equal(inverted.given, read.given)


def test_a_shape_that_is_no_square(tmp_path: Path, make_picture: Any) -> None:
    read = read_user_image(make_picture(tmp_path / "a.png", "L", (40, 40), 9), (3, 10, 20))
    assert read.pixels.shape == (3, 10, 20)
    assert read.region == pytest.approx((0, 0.25, 1, 0.75))
    assert read.seen.shape[1] == 2 * read.seen.shape[0]


@pytest.mark.parametrize("size", [(3, 5), (100, 40), (16, 16)])
def test_a_frame_is_that_of_a_folder_of_pictures(tmp_path: Path, make_picture: Any, size: tuple[int, int]) -> None:
    path = make_picture(tmp_path / "a.png", "RGB", size, (200, 100, 50))
    read = read_user_image(path, (3, 16, 16), "pad")
    assert np.array_equal(read.pixels, read_picture(path, (16, 16), 3, "pad", {}))
    coarse = np.asarray(Image.fromarray(read.seen).resize((16, 16), Image.Resampling.BOX)).transpose(2, 0, 1)
    assert np.abs(coarse.astype(int) - read.pixels).mean() < 12  # the same, finer


def test_stretched(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60), np.uint8)
    pixels[:, 30:] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    read = read_user_image(tmp_path / "a.png", (1, 10, 10), "stretch")
    assert read.region == (0, 0, 1, 1)
    assert np.allclose(read.pixels[0, :, :4], 0, atol=3)
    assert np.allclose(read.pixels[0, :, 6:], 200, atol=3)
    assert read.describe() == "a.png, 60x20 L → 1x10x10 grey, stretched"


def test_values_are_scaled_as_in_training(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 500, np.uint16)).save(tmp_path / "a.png")
    read = read_user_image(tmp_path / "a.png", (1, 8, 8), ranges={"integer": (0, 1000)})
    assert (read.pixels == 128).all()
    assert read.describe().endswith("values from 0 to 1,000 scaled to 0 to 255")


def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match="is no regular file"):
        read_user_image(tmp_path / "a.png", (1, 8, 8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_as_the_camera_says(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((20, 30, 3), np.uint8)
    upright[:5, 25:] = 200  # upper right
    back = {1: [], 2: [2], 3: [3], 4: [2, 3], 5: [5], 6: [6], 7: [7], 8: [8]}[orientation]
    transposed = Image.fromarray(upright)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for step in back:
        transposed = transposed.transpose(undo[step])
    exif = transposed.getexif()
    exif[0x0112] = orientation
    transposed.save(tmp_path / "a.png", exif=exif)
    read = read_user_image(tmp_path / "a.png", (1, 20, 30))
    assert read.size == (30, 20)
    assert np.array_equal(read.pixels[0], upright[..., 0])
    assert np.array_equal(read.given, upright)


def test_the_first_frame_of_a_moving_picture(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_user_image(tmp_path / "a.gif", (3, 4, 4)).pixels[:, 0, 0].tolist() == [255, 0, 0]


def test_a_large_jpeg_keeps_its_size_in_words(tmp_path: Path, make_picture: Any) -> None:
    read = read_user_image(make_picture(tmp_path / "a.jpg", "RGB", (4000, 3000), (9, 99, 199)), (3, 32, 32))
    assert read.size == (4000, 3000)
    assert max(read.given.shape) == 640
    assert np.allclose(read.pixels[:, 16, 16], (9, 99, 199), atol=3)


def test_what_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"

    def message() -> str:
        with pytest.raises(DataError) as raised:
            read_user_image(path, (3, 8, 8))
        return str(raised.value).replace(str(path), "a.png")

    assert message() == "image=a.png is not there: give the path of a picture, such as a .jpg or .png file."
    path.mkdir()
    assert message() == "image=a.png is a folder: give one picture, such as image=a.png/cat.jpg."
    path.rmdir()
    path.write_bytes(b"")
    assert message() == "image=a.png is not a picture of a kind that can be read (JPEG, PNG, ...)."
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)  # a warning up to twice as many, and then an error
    assert read_user_image(path, (3, 8, 8)).size == (50, 50)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert message() == "image=a.png has more than 0 million pixels: make it smaller first."
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:2000])
    assert message().startswith("image=a.png cannot be read: image file is truncated")
