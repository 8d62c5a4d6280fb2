"""Boxes lie where they say, and none hides another."""

import numpy as np
from numpy.typing import NDArray

from convboard.feature_maps.labelled_boxes import KEYS, LabelledBox, draw_boxes, key_colour

PHOTO = np.full((200, 200, 3), 128, np.uint8)


def is_key(drawn: NDArray[np.uint8], key: int) -> NDArray[np.bool_]:
    return np.asarray((drawn == key_colour(key)).all(axis=-1))


def test_a_box_is_where_it_says() -> None:
    drawn = draw_boxes(PHOTO, [LabelledBox((0.25, 0.5, 0.5, 0.75), "3: 1.5", 0)])
    assert (PHOTO == 128).all()
    rows, columns = np.flatnonzero(is_key(drawn, 0)[:, 145]), np.flatnonzero(is_key(drawn, 0)[75])
    assert rows.tolist() == [50, 51, 98, 99]
    assert columns.tolist() == [100, 101, 148, 149]
    assert (drawn[60:90, 110:140] == 128).all()
    assert is_key(drawn, 0)[30:49].any()  # the label stands above


def test_boxes_in_one_place_nest_and_labels_keep_apart() -> None:
    boxes = [LabelledBox((0, 0, 1, 1), f"{key}: 1.23", key) for key in range(len(KEYS))]
    drawn = draw_boxes(PHOTO, boxes)
    for key in range(len(KEYS)):
        assert is_key(drawn, key)[100].sum() == 4  # two lines of two pixels each
        assert is_key(drawn, key).sum() > 500  # and a label


def test_a_tiny_box_at_the_edge_is_seen() -> None:
    assert is_key(draw_boxes(PHOTO, [LabelledBox((0.999, 0.999, 1, 1), "0: 0", 1)]), 1).any()


def test_no_label_hides_a_small_box() -> None:
    tops = (0, 10, 30)
    boxes = [LabelledBox((top / 200, 0, (top + 8) / 200, 0.04), "0: 1.23", key) for key, top in enumerate(tops)]
    drawn = draw_boxes(PHOTO, boxes)
    for key, top in enumerate(tops):
        ring = is_key(drawn, key)[top : top + 8, :8]
        assert ring[[0, 1, 6, 7]].all()
        assert not ring[3:5, 3:5].any()
