import json
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from convboard.board.figures.embedded_arrays import Arrays, embed_arrays, halved, pack, packed_arrays, unpack
from convboard.board.figures.png import Figure, encode_png

FACTS = {"epoch": 3, "layer": "block.0", "dead": [1, 4], "activation": None, "name": "Katze ⌊ü⌋"}
ARRAYS: Arrays = {
    "before": np.linspace(-2, 2, 30, dtype=np.float16).reshape(1, 2, 3, 5),
    "images": np.arange(7, dtype=np.uint8),
    "logits": np.full((2, 3), 0.1, np.float32),
    "empty": np.zeros((0, 4), np.float32),
}


def test_facts_and_arrays_come_back() -> None:
    facts, arrays = unpack(pack(FACTS, ARRAYS))
    assert facts == FACTS
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_the_format_is_a_header_of_json_and_little_endian_arrays_behind_it() -> None:
    big = np.array([[1.5, -2.0]], ">f4")
    content = zlib.decompress(pack({"epoch": 1}, {"a": big, "b": np.array([258], np.uint16)}))
    (length,) = struct.unpack("<I", content[:4])
    assert json.loads(content[4 : 4 + length]) == {
        "arrays": [{"name": "a", "dtype": "float32", "shape": [1, 2]}, {"name": "b", "dtype": "uint16", "shape": [1]}],
        "epoch": 1,
    }
    assert content[4 + length :] == struct.pack("<ff", 1.5, -2.0) + b"\x02\x01"


def test_arrays_are_written_in_the_order_they_are_read_in() -> None:
    transposed = np.arange(6, dtype=np.float32).reshape(2, 3).T
    np.testing.assert_array_equal(unpack(pack({}, {"a": transposed}))[1]["a"], transposed)


def test_a_picture_with_numbers_is_the_same_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    picture = Figure(encode_png(pixels), 9, 5)
    carrying = embed_arrays(picture, FACTS, ARRAYS)
    assert (carrying.width, carrying.height) == (9, 5)
    with Image.open(BytesIO(carrying.png)) as image:
        image.verify()  # reads every check sum
    with Image.open(BytesIO(carrying.png)) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    numbers = packed_arrays(carrying.png)
    assert numbers == pack(FACTS, ARRAYS)


def test_a_picture_without_numbers_has_none() -> None:
    assert packed_arrays(encode_png(np.zeros((2, 2), np.uint8))) is None


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, -2048.0], [6.2e-5, 0.0], [np.inf, 1.0], [np.nan, np.nan], []])
def test_values_within_the_range_of_float16_are_halved(values: list[float]) -> None:
    kept = halved(np.array(values, np.float32))
    assert kept.dtype == np.float16
    np.testing.assert_allclose(kept, values, rtol=1e-3)


@pytest.mark.parametrize("values", [[1.0, -2049.0], [9e-7, -9e-7], [np.inf, 1e5], [0.002, 0, 1e-8]])
def test_values_beyond_it_are_kept_as_they_are(values: list[float]) -> None:
    kept = halved(np.array(values, np.float32))
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, np.array(values, np.float32))


def test_of_values_beside_much_larger_ones_the_last_digits_do_not_count() -> None:
    values = np.array([0.01, 0, 1e-8, 3e-7], np.float32)
    kept = halved(values)
    assert kept.dtype == np.float16
    np.testing.assert_allclose(kept, values, rtol=1e-3, atol=1e-5 * 0.01)


def test_float16_shows_the_same_digits() -> None:
    random = np.random.default_rng(0)
    values = (10 ** random.uniform(-6, np.log10(2048), 100_000)).astype(np.float32)
    kept = halved(values)
    assert kept.dtype == np.float16
    magnitude = 10.0 ** np.floor(np.log10(values))
    digit = np.select([values < 1e-3, values < 1, values < 100], [magnitude / 10, 1e-3, magnitude / 100], 1)
    assert (np.abs(kept.astype(np.float64) - values) <= digit / 2).all()
