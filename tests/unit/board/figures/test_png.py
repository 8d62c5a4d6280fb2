from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from convboard.board.figures.png import add_chunk, encode_png, find_chunk


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def decode(png: bytes, mode: str) -> np.ndarray:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert(mode))


def test_a_grey_picture_comes_back(random: np.random.Generator) -> None:
    pixels = random.integers(0, 256, (13, 7), np.uint8)
    np.testing.assert_array_equal(decode(encode_png(pixels), "L"), pixels)


def test_a_coloured_picture_comes_back(random: np.random.Generator) -> None:
    pixels = random.integers(0, 256, (5, 9, 3), np.uint8)
    np.testing.assert_array_equal(decode(encode_png(pixels), "RGB"), pixels)


def test_a_picture_with_a_palette_comes_back(random: np.random.Generator) -> None:
    palette = random.integers(0, 256, (200, 3), np.uint8)
    pixels = random.integers(0, 200, (8, 8), np.uint8)
    np.testing.assert_array_equal(decode(encode_png(pixels, palette), "RGB"), palette[pixels])


def test_repeated_rows_cost_little(random: np.random.Generator) -> None:
    rows = random.integers(0, 256, (10, 100), np.uint8)
    enlarged = rows.repeat(20, axis=0)
    np.testing.assert_array_equal(decode(encode_png(enlarged), "L"), enlarged)
    assert len(encode_png(enlarged)) < 2 * len(encode_png(rows))


@pytest.mark.parametrize("with_palette", [True, False])
def test_a_chunk_of_ones_own_is_found_and_passed_over_by_others(
    random: np.random.Generator, with_palette: bool
) -> None:
    palette = random.integers(0, 256, (256, 3), np.uint8) if with_palette else None
    pixels = random.integers(0, 256, (8, 8), np.uint8)
    png = encode_png(pixels, palette)
    longer = add_chunk(png, b"teSt", b"something")
    assert find_chunk(longer, b"teSt") == b"something"
    np.testing.assert_array_equal(decode(longer, "RGB"), decode(png, "RGB"))


def test_what_is_not_there_is_not_found() -> None:
    png = encode_png(np.zeros((2, 2), np.uint8))
    assert find_chunk(png, b"teSt") is None
    assert find_chunk(add_chunk(png, b"teSt", b""), b"teSt") == b""
    assert find_chunk(add_chunk(png, b"teSt", b"x")[:40], b"IDAT") is None
    assert find_chunk(b"", b"teSt") is None
    assert find_chunk(b"28", b"teSt") is None
