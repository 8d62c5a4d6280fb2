import numpy as np

from convboard.board.figures.colours import FEW_SHADES, PAPER, SHADES, grey, palette, signed


def test_greys_come_first_and_colours_for_photos_are_left() -> None:
    colours = palette()
    assert colours[0].tolist() == [0, 0, 0]
    assert colours[PAPER].tolist() == [255, 255, 255]
    assert (colours[:64] == colours[:64, :1]).all()
    assert len(colours) <= 256 - 64


def test_zero_lies_in_the_middle_and_the_signs_look_different() -> None:
    low, zero, high = signed(np.array([-2.0, 0.0, 2.0], np.float32), 2.0).astype(int)
    assert zero - low == high - zero > 40
    white, blue, orange = (palette()[index].astype(int) for index in (zero, low, high))
    assert white.min() > 240
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


def test_values_beyond_the_limit_take_its_colour() -> None:
    assert signed(np.array([9.0, -9.0], np.float32), 1.0).tolist() == signed(np.array([1.0, -1.0]), 1.0).tolist()


def test_few_shades_are_some_of_all() -> None:
    values = np.linspace(-1, 1, 1001, dtype=np.float32)
    few, many = signed(values, 1.0, FEW_SHADES), signed(values, 1.0)
    assert len(set(few.tolist())) == 2 * FEW_SHADES + 1
    assert np.abs(few.astype(int) - many).max() <= SHADES // FEW_SHADES // 2 + 1


def test_what_is_no_number_is_paper_and_a_scale_of_nothing_is_zero() -> None:
    values = np.array([np.nan, np.inf, 0.0], np.float32)
    assert signed(values, 1.0)[:2].tolist() == [PAPER, PAPER]
    assert signed(np.zeros(2, np.float32), 0.0).tolist() == signed(np.zeros(2, np.float32), 1.0).tolist()


def test_grey_images_span_the_greys() -> None:
    assert grey(np.array([0, 255], np.uint8)).tolist() == [0, 63]
