"""Positions of what the figures draw. Their appearance is not tested."""

from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from convboard.board.figures.canvas import Canvas, enlarge
from convboard.board.figures.colours import PAPER, grey, palette
from convboard.board.figures.confusion import count_confusions, draw_confusion, format_count
from convboard.board.figures.dataset_images import ProbeImages, draw_probe_images, drawn_side, paste_image
from convboard.board.figures.feature_maps import draw_feature_maps, map_limit
from convboard.board.figures.kernels import draw_kernels, largest_weight
from convboard.board.figures.misclassified import Mistake, draw_misclassified
from convboard.board.figures.png import Figure
from convboard.board.figures.weight_matrix import draw_weight_matrix

ZERO, LOWEST = (247, 247, 247), (8, 48, 107)  # of the colour map

random = np.random.default_rng(0)


def kernels_figure(weight: NDArray[np.float32], caption: str) -> Figure:
    return draw_kernels("conv", weight, largest_weight(weight), caption)


def maps_figure(
    probe: ProbeImages, before: NDArray[np.float32], after: NDArray[np.float32] | None, activation: str, caption: str
) -> Figure:
    return draw_feature_maps("conv", probe, before, after, map_limit(before, after), activation, caption)


def pixels(picture: Figure) -> np.ndarray:
    with Image.open(BytesIO(picture.png)) as image:
        shown = np.asarray(image.convert("RGB"))
    assert shown.shape == (picture.height, picture.width, 3)
    return shown


def has_colour(shown: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((shown == np.array(colour)).all(axis=2).any())


def area(shown: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((shown == np.array(colour)).all(axis=2).sum())


def weights(*shape: int) -> np.ndarray:
    return random.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (6, 1, 5, 5), (16, 6, 5, 5), (64, 3, 7, 7), (8, 4, 1, 5), (512, 512, 3, 3), (2, 40, 11, 11)]
)
def test_kernels_of_any_shape_fit_on_a_readable_sheet(shape: tuple[int, ...]) -> None:
    picture = kernels_figure(weights(*shape), "epoch 1")
    assert 100 < picture.width < 1300
    assert 60 < picture.height < 1300
    assert len(picture.png) < 200_000


def test_kernels_share_one_scale_round_zero() -> None:
    kernels = np.zeros((2, 1, 2, 2), np.float32)
    kernels[0, 0, 0, 0], kernels[1, 0, 1, 1] = -1.0, 1.0
    shown = pixels(kernels_figure(kernels, ""))
    assert has_colour(shown, (8, 48, 107))  # the two ends of the colour map
    assert has_colour(shown, (140, 45, 4))


def test_kernels_over_three_channels_are_in_colour() -> None:
    kernel = np.full((1, 3, 2, 2), -1.0, np.float32)
    kernel[0, 0] = 1.0  # red, no green, no blue
    assert has_colour(pixels(kernels_figure(kernel, "")), (255, 0, 0))


def test_dead_and_broken_kernels_are_drawn() -> None:
    dead = pixels(kernels_figure(np.zeros((4, 2, 3, 3), np.float32), ""))
    broken, in_colour = (
        pixels(kernels_figure(np.full((4, channels, 3, 3), np.nan, np.float32), "")) for channels in (2, 3)
    )
    assert dead.shape == broken.shape
    assert area(dead, ZERO) > area(broken, ZERO) + 4 * 2 * 9  # which are paper
    assert area(in_colour, (128, 128, 128)) > 4 * 9


def test_maps_without_a_value_have_a_scale_that_ends_at_zero() -> None:
    assert map_limit(np.zeros((0, 4, 3, 3), np.float32), None) == 0.0


def test_maps_that_an_activation_cuts_off_have_a_scale_of_their_own() -> None:
    before = np.full((1, 4, 3, 3), -2, np.float32)
    assert map_limit(before, 0 * before) == 2.0
    assert map_limit(before, 0 * before + 0.5) == 0.5


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "after_size"), [(1, 1), (10, 5), (28, 28), (33, 33), (48, 48), (224, 112)])
def test_maps_of_any_size_fit_on_a_sheet_and_can_be_seen(channels: int, size: int, after_size: int) -> None:
    probe = ProbeImages(random.integers(0, 256, (4, channels, 32, 32), np.uint8), ("a", "b", "c", "a very long name"))
    before, after = weights(4, 16, size, size), weights(4, 16, after_size, after_size).clip(0)
    for picture in (
        maps_figure(probe, before, after, "relu", "epoch 1"),
        maps_figure(probe, before, None, "", "epoch 1"),
    ):
        assert 16 * 56 < picture.width < 1500
        assert 4 * 56 < picture.height < 900


@pytest.mark.parametrize(("channels", "is_beside"), [(6, True), (16, False)])
def test_wide_maps_after_the_activation_go_below(channels: int, *, is_beside: bool) -> None:
    probe = ProbeImages(np.zeros((2, 1, 28, 28), np.uint8), ("a", "b"))
    maps = weights(2, channels, 28, 28)
    one = maps_figure(probe, maps, None, "", "epoch 1")
    both = maps_figure(probe, maps, maps.clip(0), "relu", "epoch 1")
    assert (both.width > one.width, both.height > one.height) == (is_beside, not is_beside)


def test_many_channels_take_less_room_each() -> None:
    probe = ProbeImages(np.zeros((1, 1, 28, 28), np.uint8), ("a",))
    assert maps_figure(probe, weights(1, 64, 8, 8), None, "", "epoch 1").width < 2400


def test_images_are_enlarged_by_whole_numbers() -> None:
    for size, side in ((8, 64), (28, 56), (32, 64), (40, 40), (64, 64), (100, 64)):
        assert drawn_side(np.zeros((1, size, size // 2), np.uint8), 64) == side
    canvas = Canvas(64, 64, palette())
    image = random.integers(0, 256, (1, 28, 28), np.uint8)
    paste_image(canvas, 0, 0, image, 64)
    np.testing.assert_array_equal(canvas.pixels[:56, :56], grey(enlarge(image[0], 2)))
    assert (canvas.pixels[56:] == PAPER).all()


def test_maps_without_any_value_are_drawn() -> None:
    probe = ProbeImages(np.zeros((1, 1, 8, 8), np.uint8), ("a",))
    drawn = {}
    for value in (0.0, -1.0, np.nan):
        maps = np.full((1, 2, 4, 4), value, np.float32)
        shown = pixels(maps_figure(probe, maps, maps.clip(0), "relu", ""))
        drawn[value] = area(shown, ZERO), area(shown, LOWEST)
    one = drawn[-1.0][1] - drawn[0.0][1]  # the two maps before the activation, in the lowest colour
    assert one > 2 * 16
    assert drawn[0.0][0] == drawn[-1.0][0] + one
    assert drawn[np.nan][0] < drawn[-1.0][0] - one // 2  # paper


def test_what_a_relu_lets_through_decides_the_scale() -> None:
    probe = ProbeImages(np.zeros((1, 1, 8, 8), np.uint8), ("a",))
    before = np.full((1, 1, 4, 4), -1000.0, np.float32)
    before[0, 0, 0] = 1.0
    shown = pixels(maps_figure(probe, before, before.clip(0), "relu", ""))
    assert (shown == np.array((140, 45, 4))).all(axis=2).sum() > 200  # the strongest colour, in both blocks


def test_probe_images_are_drawn_in_their_colours() -> None:
    images = np.zeros((12, 3, 8, 8), np.uint8)
    images[:, 1] = 200
    probe = ProbeImages(images, tuple("abcdefghijkl"))
    shown = pixels(draw_probe_images(probe, "Probe"))
    assert (shown == np.array((0, 200, 0))).all(axis=2).sum() == 12 * 96 * 96


def test_confusions_are_counted_with_true_classes_as_rows() -> None:
    counts = count_confusions(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 0]), 3)
    assert counts.tolist() == [[1, 2, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("classes", [2, 3, 10, 12, 13, 30, 31, 100])
def test_confusions_of_2_to_100_classes_fit_on_a_sheet(classes: int) -> None:
    counts = random.integers(0, 5000, (classes, classes))
    picture = draw_confusion(counts, tuple(f"a long class name {label}" for label in range(classes)), "epoch 1")
    assert picture.width < 1400
    assert picture.height < 1400
    assert len(picture.png) < 200_000
    if classes <= 10:
        assert picture.width <= 340  # what TensorBoard gives a picture at first


def test_counts_too_wide_for_their_cells_are_in_thousands() -> None:
    assert [format_count(count, 23) for count in (9999, 12_600)] == ["9999", "13k"]
    assert format_count(12_600, 38) == "12600"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts on the canvases that a test draws."""
    texts: list[str] = []
    monkeypatch.setattr(Canvas, "text", lambda *args, **_: texts.append(args[3]))
    return texts


def test_the_title_of_the_confusion_matrix_has_the_accuracy(written: list[str]) -> None:
    draw_confusion(np.array([[3, 1], [0, 4]]), ("cat", "dog"), "epoch 1")
    assert written[0] == "Confusion matrix: 87.5 % of 8 right"
    assert {"cat", "dog"} <= set(written)


@pytest.mark.parametrize("count", [0, 1, 7, 24])
def test_mistakes_are_drawn_in_rows_of_six(count: int) -> None:
    image = random.integers(0, 256, (3, 32, 32), np.uint8)
    picture = draw_misclassified([Mistake(image, "automobile", "airplane", 0.97)] * count, count, 100, "epoch 1")
    rows = max(1, -(-count // 6))
    one_row = draw_misclassified([], 0, 100, "epoch 1").height
    assert picture.height == one_row + (rows - 1) * 142


def test_captions_of_mistakes_hold_long_names(written: list[str]) -> None:
    mistake = Mistake(np.zeros((3, 32, 32), np.uint8), "automobile", "automobile", 0.9999)
    draw_misclassified([mistake], 1, 100, "epoch 1")
    assert written[1:3] == ["predicted automobile", "99.9 %, is automobile"]


def test_axes_and_scales_are_named(written: list[str]) -> None:
    for inputs in (1, 2, 3):
        written.clear()
        kernels_figure(weights(4, inputs, 3, 3), "epoch 1")
        assert "filter →" in written
        assert any("scale of this picture" in text for text in written)


def test_the_title_says_what_is_left_out(written: list[str]) -> None:
    draw_kernels("conv5", weights(512, 256, 3, 3), 1.0, "")
    assert written[0] == "conv5: 512 kernels 3×3 over 256 input channels (the first 64 over 32 shown)"


@pytest.mark.parametrize("shape", [(10, 84), (120, 400), (1, 1), (1000, 4096), (3, 20_000)])
def test_weights_of_a_linear_layer_are_a_row_for_each_unit(shape: tuple[int, int], written: list[str]) -> None:
    weight = weights(*shape)
    picture = draw_weight_matrix("fc", weight, largest_weight(weight), "epoch 1")
    assert picture.width <= 1200
    assert picture.height <= 700
    assert any(text.startswith(f"fc: weights of {shape[0]} units over {shape[1]} inputs") for text in written)


def test_the_confusion_matrix_has_a_scale_of_its_blues(written: list[str]) -> None:
    counts = np.array([[50, 50], [0, 100]])
    shown = pixels(draw_confusion(counts, ("cat", "dog"), "epoch 1"))
    assert {"share of the row", "1%", "10%", "50%", "100%"} <= set(written)
    cells, legend = (Counter(map(tuple, part.reshape(-1, 3).tolist())) for part in (shown[:-60], shown[-60:-30]))
    half, whole = [colour for colour, _ in cells.most_common(4) if colour[2] > colour[0] + 50]
    assert {half, whole} <= set(legend)
