from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from convboard.board.pictures.png import encode_png


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
