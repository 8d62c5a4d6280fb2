import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy import check_fit
from convboard.errors import ModelError


class Net(nn.Module):
    """The network of every beginner's tutorial, for 32x32 images."""

    def __init__(self, channels: int = 1, features: int = 400, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(features, 84)
        self.fc2 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        out: Tensor = self.fc2(F.relu(self.fc1(x)))
        return out


def message(model: nn.Module, shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> str:
    with pytest.raises(ModelError) as caught:
        check_fit(model, shape, classes)
    return str(caught.value)


def test_a_network_that_fits() -> None:
    check_fit(Net(), (1, 32, 32), 10)
    check_fit(Net(features=16 * 4 * 4), (1, 28, 28), 10)


def test_wrong_in_features() -> None:
    assert message(Net()) == (
        "Linear fc1 wants 16·5·5 = 400 features but gets 16·4·4 = 256: the images are 1x28x28, conv1 gives "
        "6x24x24, pool 6x12x12, conv2 16x8x8, pool:2 16x4x4. Write nn.Linear(256, 84), or nn.LazyLinear(84), "
        "which finds the number itself, or give the network images of 32x32 (dataset.image_size=32)."
    )


def test_wrong_in_features_that_no_image_size_gives() -> None:
    text = message(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(7, 10)), (1, 5, 5))
    assert text == (
        "Linear 2 wants 7 features but gets 4·3·3 = 36: the images are 1x5x5, 0 gives 4x3x3. "
        "Write nn.Linear(36, 10), or nn.LazyLinear(10), which finds the number itself."
    )


def test_wrong_in_features_between_linear_layers() -> None:
    text = message(nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Linear(6, 10)), (1, 2, 2))
    assert text.startswith("Linear 2 wants 6 features but gets 5: the images are 1x2x2.")


def test_long_way_of_the_picture_is_shortened() -> None:
    layers: list[nn.Module] = [nn.Conv2d(1, 1, 3) for _ in range(9)]
    text = message(nn.Sequential(*layers, nn.Flatten(), nn.Linear(1, 10)))
    assert "0 gives 1x26x26, 1 1x24x24, ..., 5 1x16x16, 6 1x14x14, 7 1x12x12, 8 1x10x10." in text


def test_colour_for_a_grey_network() -> None:
    assert message(Net(), (3, 32, 32)) == (
        "Conv2d conv1 wants 1 channel but gets 3: the images have 3 channels (red, green, blue). "
        "Set in_channels to 3 (left out, it is filled in from the data), or use images with 1."
    )


def test_grey_for_a_colour_network() -> None:
    assert "conv1 wants 3 channels but gets 1: the images have 1 channel (grey)." in message(Net(channels=3))


def test_wrong_channels_further_in() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(8, 4, 3)))
    assert message(model) == (
        "Conv2d 2.0 wants 8 channels but gets 4: 1 gives 4 channels. "
        "Set the in_channels of 2.0 to 4, or the channels of 1 to 8."
    )


def test_image_too_small() -> None:
    assert message(Net(), (1, 8, 8)) == (
        "Conv2d conv2 has a window of 5x5 but gets only 2x2: the images are 1x8x8, conv1 gives 6x4x4, pool "
        "6x2x2. Images of 8x8 are too small for this network. Give it images of 16x16 or more (in a config: "
        "dataset.image_size=16), or take a smaller window or more padding."
    )


def test_window_of_a_pooling_too_large() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.AvgPool2d(8), nn.Flatten(), nn.Linear(4, 10))
    assert "AvgPool2d 1 has a window of 8x8 but gets only 6x6" in message(model, (1, 14, 14))


def test_dilation_counts_in_the_window() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, dilation=4), nn.Flatten(), nn.Linear(4, 10))
    text = message(model, (1, 8, 8))
    assert "has a window of 9x9 but gets only 8x8" in text
    assert "9x9 or more" in text


def test_window_that_no_image_size_suits() -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4, 10))
    assert message(model).endswith("Take a smaller window, more padding, or leave out a pooling.")


def test_batch_norm_of_another_width() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(8))
    assert message(model) == ("BatchNorm2d 1 is for 8 channels but gets 4: 0 gives 4. Set its num_features to 4.")


def test_missing_flatten() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(4 * 26 * 26, 10))
    assert message(model) == (
        "Linear 1 wants 2704 features but gets pictures of 4x26x26, not flattened. Put nn.Flatten() before it "
        "and give it 4·26·26 = 2704 features: nn.Linear(2704, 10)."
    )


def test_flatten_that_eats_the_batch() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(0), nn.Linear(4 * 26 * 26, 10))
    text = message(model)
    assert "gets 5408 in one row: the batch was flattened too, and 2 images became one" in text


def test_view_that_eats_the_batch() -> None:
    class Views(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self[0](x.view(-1, 4))
            return out

    assert message(Views(nn.Linear(4, 10)), (1, 4, 4)).startswith(
        "The network makes 8 rows of 2 images, not a row of 10 scores for each image"
    )


def test_wrong_number_of_classes() -> None:
    assert message(Net(features=256), classes=100) == (
        "The network gives 10 scores an image, but the data has 100 classes: leave num_classes to be filled in "
        "from the data, or set it to 100 (out_features of fc2)."
    )


def test_output_that_is_a_picture() -> None:
    assert message(nn.Sequential(nn.Conv2d(1, 10, 3))) == (
        "The network gives [N, 10, 26, 26] instead of a row of 10 scores for each image. Let it end with "
        "nn.Flatten() and nn.LazyLinear(10); in a list of layers, with flatten and linear."
    )


def test_output_that_is_no_tensor() -> None:
    class Both(nn.Sequential):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    assert message(Both()).startswith("The network returns a tuple instead of one tensor [N, 10]")


def test_other_errors_pass_through_untouched() -> None:
    class Mine(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise IndexError("my own mistake")

    with pytest.raises(IndexError, match="my own mistake") as caught:
        check_fit(Mine(), (1, 28, 28), 10)
    assert caught.traceback[-1].name == "forward"


def test_a_layer_in_another_precision() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Linear(4, 10).double())
    assert message(model, (1, 2, 2)) == (
        "Linear 2 has weights in float64, which do not go with the float32 of the images or of other layers. Leave out "
        ".half(), .to(...) or dtype=...: weights are trained in float32, and trainer.precision=bf16 computes faster "
        "with them."
    )


def test_error_inside_a_layer_that_is_no_known_mistake_passes_through() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Embedding(3, 3))
    with pytest.raises(RuntimeError, match="indices"):
        check_fit(model, (1, 2, 2), 10)


def test_residual_block() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)
            self.fc = nn.Linear(5, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = F.relu(self.conv(x) + x)
            out: Tensor = self.fc(x.mean(dim=(2, 3)))
            return out

    assert "Linear fc wants 5 features but gets 4" in message(Block(), (4, 6, 6))
