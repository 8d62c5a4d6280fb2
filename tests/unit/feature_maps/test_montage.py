"""The montage of an image: a header and a panel for each layer."""

import io
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from convboard.board.figures.png import Figure
from convboard.feature_maps.labelled_boxes import key_colour
from convboard.feature_maps.layer_response import LayerResponse, StrongUnit
from convboard.feature_maps.montage import Header, draw_montage, format_probability
from convboard.feature_maps.montage_layer import WIDTH, draw_layer, montage_palette

SEEN = np.full((64, 64, 3), 90, np.uint8)
RANDOM = np.random.default_rng(0)


def layer(filters: int = 6, inputs: int = 1, side: int = 28) -> LayerResponse:
    before = RANDOM.normal(size=(filters, side, side)).astype(np.float32)
    return LayerResponse(
        name="conv1",
        filters=filters,
        channels=tuple(range(filters)),
        weight=RANDOM.normal(size=(filters, inputs, 5, 5)).astype(np.float32),
        groups=1,
        before=before,
        after=before.clip(0),
        activation="relu",
        formula="⌊(32 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = 28",
        units=(StrongUnit(1, 2, 3, 4.5, (2, 3, 7, 8)),),
        units_are_after=True,
        highest=4.5,
    )


def header(shares: list[tuple[str, float]]) -> Header:
    pixels = np.zeros((1, 32, 32), np.uint8)
    return Header("a through b", ("c", "d"), SEEN, (0.25, 0, 0.75, 1), pixels, SEEN, shares, "untrained")


def decoded(figure: Figure) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(figure.png)).convert("RGB"))


def test_a_palette_holds_both_maps_and_the_keys() -> None:
    assert len(montage_palette()) <= 256


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (layer(), "6 feature maps 28×28, kernels 5×5 over 1 channel"),
        (layer(1, 3), "1 feature map 28×28, kernel 5×5 over 3 channels"),
        (replace(layer(), filters=64), "64 feature maps 28×28, kernels 5×5 over 1 channel (6 of them shown)"),
        (replace(layer(6, 2), groups=3), "6 feature maps 28×28, kernels 5×5 over 2 of 6 channels"),
    ],
)
def test_a_layer_is_described(response: LayerResponse, text: str) -> None:
    assert response.describe() == text


@pytest.mark.parametrize("inputs", [1, 2, 3, 64, 100])
@pytest.mark.parametrize(("filters", "side"), [(2, 28), (20, 1), (8, 224)])
def test_a_panel_for_every_size(inputs: int, filters: int, side: int) -> None:
    response = layer(filters, inputs, side)
    unit = StrongUnit(1, side - 1, 0, 4.5, (0, 0, 32, 32))
    for units_are_after in (True, False):
        drawn = decoded(
            draw_layer(replace(response, units=(unit,), units_are_after=units_are_after), SEEN, (32, 32)).figure()
        )
        assert drawn.shape[1] == WIDTH
        assert (drawn == key_colour(0)).all(axis=-1).sum() > 200  # box, swatches, frame and mark


def test_a_unit_is_marked_at_its_place_where_a_pooling_follows() -> None:
    unit = StrongUnit(0, 0, 13, 4.5, (0, 13, 5, 18))
    response = layer(1)
    pooled = replace(response, after=response.before[:, ::2, ::2], units=(unit,), units_are_after=False)
    drawn = (decoded(draw_layer(pooled, SEEN, (32, 32)).figure()) == key_colour(0)).all(axis=-1)
    rows = np.flatnonzero(drawn[:, 350:].any(axis=1))
    bottom, top = rows[-1], rows[np.flatnonzero(np.diff(rows) > 1)[-1] + 1]  # of the frame round its map
    left, right = np.flatnonzero(drawn[bottom])[[0, -1]]
    mark = np.flatnonzero(drawn[top + 4 : bottom - 3, left + 4 : right - 3].any(axis=0)) + 4
    assert mark.mean() / (right - left) == pytest.approx(13.5 / 28, abs=0.05)


def test_no_units_and_no_activation() -> None:
    bare = replace(layer(), units=(), after=None, activation="", formula="")
    drawn = decoded(draw_layer(bare, SEEN, (32, 32)).figure())
    assert not (drawn == key_colour(0)).all(axis=-1).any()


def test_a_layer_that_nothing_excites_says_so() -> None:
    before = -layer().before.clip(0)
    silent = replace(layer(), units=(), highest=0.0, before=before, after=0 * before)
    assert (silent.silence, layer().silence) == ("no unit is above 0 after relu", "")
    assert replace(silent, units_are_after=False).silence == "no unit is above 0"
    drawn, unsaid = (
        decoded(draw_layer(response, SEEN, (32, 32)).figure()) for response in (silent, replace(silent, highest=1.0))
    )
    assert len(np.unique(drawn[150:400, 400:600].reshape(-1, 3), axis=0)) > 20  # what came before the activation
    under_the_photo = np.s_[300:330, :250]
    assert (drawn[under_the_photo] < 200).any()
    assert not (unsaid[under_the_photo] < 200).any()


def test_values_that_are_not_finite_are_drawn_as_paper() -> None:
    response = replace(layer(), after=None)

    def drawn(value: float) -> NDArray[np.uint8]:
        response.before[1] = value
        return decoded(draw_layer(response, SEEN, (32, 32)).figure())

    assert np.array_equal(drawn(np.nan), drawn(np.inf))
    changed = (drawn(np.nan) != drawn(0.0)).any(axis=-1)
    assert changed.sum() >= 28 * 28


def test_the_montage_holds_all_of_it() -> None:
    montage, parts = draw_montage(header([("cat", 0.75), ("dog", 0.25)]), [layer(), replace(layer(), name="conv2")])
    assert list(parts) == ["conv1", "conv2"]
    whole, panel = decoded(montage), decoded(parts["conv2"])
    assert np.array_equal(whole[-6 - len(panel) : -6], panel)
    assert (whole[200, 12 : 12 + 50] > 200).all()  # pale where the network does not response
    assert (whole[200, 12 + 132] == 90).all()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0.0 %"), (1e-9, "< 0.1 %"), (0.0005, "0.1 %"), (0.1234, "12.3 %"), (0.9999, "> 99.9 %"), (1, "100.0 %")],
)
def test_a_probability_is_not_made_more_certain_than_it_is(share: float, text: str) -> None:
    assert format_probability(share) == text


def test_bars_are_as_long_as_the_classes_are_probable() -> None:
    montage, _ = draw_montage(header([("cat", 0.75), ("dog", 0.25)]), [layer()])
    blue = (decoded(montage) == montage_palette()[64 + 14]).all(axis=-1)[:400]
    lengths = sorted({int(row.sum()) for row in blue} - {0})
    assert lengths == [75, 225]
