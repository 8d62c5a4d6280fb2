from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from convboard.board.figures.canvas import Canvas, mosaic, percent, shorten, text_mask, text_width
from convboard.board.figures.colours import LINE, PAPER, palette
from convboard.board.figures.png import Figure


def pixels(picture: Figure) -> np.ndarray:
    with Image.open(BytesIO(picture.png)) as image:
        return np.asarray(image.convert("RGB"))


def test_tiles_are_enlarged_and_framed() -> None:
    tiles = np.array([[[[1, 2]], [[3, 4]]]], np.uint8)  # one row of two tiles, one pixel high
    expected = [
        [LINE] * 11,
        [LINE, 1, 1, 2, 2, LINE, 3, 3, 4, 4, LINE],
        [LINE, 1, 1, 2, 2, LINE, 3, 3, 4, 4, LINE],
        [LINE] * 11,
    ]
    np.testing.assert_array_equal(mosaic(tiles, scale=2, gap=1), expected)


def test_text_is_darker_than_paper_and_aligned() -> None:
    canvas = Canvas(100, 20, palette())
    canvas.text(90, 2, "right", align="right")
    columns = np.flatnonzero((canvas.pixels < PAPER).any(axis=0))
    assert 90 - text_width("right") <= columns.min() < columns.max() < 90


def test_what_hangs_over_the_edge_is_cut_off() -> None:
    canvas = Canvas(20, 10, palette())
    canvas.text(-5, 0, "a long line of text")
    canvas.text(10, 8, "below")
    canvas.paste_mask(3, -4, text_mask("above", 11))
    canvas.paste(15, 5, np.zeros((10, 10), np.uint8))
    assert canvas.figure().width == 20


def test_signs_that_pictures_use_have_glyphs() -> None:
    missing = text_mask("\U000f0000", 14)
    for sign in "×−→≤≥…äЖ":
        assert text_mask(sign, 14).shape != missing.shape or (text_mask(sign, 14) != missing).any(), sign


def test_a_share_is_all_or_nothing_only_if_it_is() -> None:
    shares = ((0, 8), (1, 100_000), (7, 8), (99_999, 100_000), (8, 8), (0, 0))
    assert [percent(*share) for share in shares] == ["0 %", "0.1 %", "87.5 %", "99.9 %", "100 %", "0 %"]


@pytest.mark.parametrize("name", ["two\nlines", "two\rlines", "two\tlines", "two\x85lines", "two\u2029lines"])
def test_a_line_break_is_drawn_as_a_space(name: str) -> None:
    np.testing.assert_array_equal(text_mask(name, 11), text_mask("two lines", 11))
    assert text_width("said ") > text_width("said")


def test_a_long_name_ends_in_an_ellipsis() -> None:
    assert shorten("short", 100) == "short"
    cut = shorten("a very long class name indeed", 60)
    assert cut.endswith("…")
    assert text_width(cut) <= 60


def test_photos_keep_their_colours() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    canvas = Canvas(10, 10, palette())
    canvas.paste_photo(3, 2, photo)
    np.testing.assert_array_equal(pixels(canvas.figure())[2:6, 3:7], photo)


def test_reduced_photos_stay_close_to_their_colours() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    photo = np.stack([ramp, ramp.T, 255 - ramp], axis=2)
    canvas = Canvas(20, 20, palette())
    canvas.paste_photo(1, 1, photo)
    canvas.paste_photo(10, 10, photo[::-1])
    shown = pixels(canvas.figure(reduce_photos=True)).astype(int)
    assert np.abs(shown[1:9, 1:9] - photo).max() < 40
    assert np.abs(shown[10:18, 10:18] - photo[::-1]).max() < 40
    assert shown[0, 0].tolist() == [255, 255, 255]


def test_a_sheet_on_a_sheet_keeps_its_photos() -> None:
    colours = palette()
    part, whole = Canvas(30, 20, colours), Canvas(50, 40, colours)
    part.paste(0, 0, np.full((20, 30), LINE, np.uint8))
    part.paste_photo(5, 6, np.full((4, 3, 3), (10, 200, 30), np.uint8))
    whole.paste_canvas(11, 12, part)
    drawn = pixels(whole.figure())
    assert (drawn[12:32, 11:41] == pixels(part.figure())).all()
    assert (drawn[:12] == 255).all()
