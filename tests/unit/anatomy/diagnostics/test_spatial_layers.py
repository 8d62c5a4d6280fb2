"""Rules for channels, windows, groups and norms; a remedy that is suggested must work."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

from convboard.anatomy.check import check_fit
from convboard.anatomy.diagnostics.diagnose import diagnose
from diagnosed_networks import LambdaNetwork, diagnosed


class Small(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(channels, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5))
        self.classify = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classify(self.features(x).mean((2, 3)))
        return out


def test_colour_for_a_grey_network() -> None:
    diagnosis = diagnosed(Small(), (3, 32, 32), 10)
    assert (diagnosis.kind, diagnosis.layer) == ("in_channels", "features.0")
    assert diagnosis.reason == (
        "Conv2d features.0 wants 1 channel but gets 3: the images have 3 channels (red, green, blue)."
    )
    assert diagnosis.remedies == (
        "build it with Small(channels=3)",
        "write nn.Conv2d(3, 6, 5) for features.0",
        "make the images grey: x = x.mean(1, keepdim=True) in forward",
    )
    check_fit(Small(3), (3, 32, 32), 10)


def test_grey_for_a_colour_network() -> None:
    diagnosis = diagnosed(Small(3), (1, 32, 32))
    assert "features.0 wants 3 channels but gets 1: the images have 1 channel (grey)." in diagnosis.reason
    check_fit(LambdaNetwork(lambda parts, x: parts[0](x.expand(-1, 3, -1, -1)), Small(3)), (1, 32, 32), 10)


def test_channels_in_functional_style_and_further_in() -> None:
    model = LambdaNetwork(lambda parts, x: F.conv2d(parts[0](x), torch.zeros(4, 8, 3, 3)), nn.Conv2d(1, 4, 3))
    diagnosis = diagnosed(model, (1, 8, 8))
    assert diagnosis.reason == "conv2d wants 8 channels but gets 4: layers.0 gives 4 channels."
    assert diagnosis.remedies[0] == "make the weight 4x4x3x3 instead of 4x8x3x3"
    assert diagnosis.remedies[1] == "let layers.0 give as many: nn.Conv2d(1, 8, 3)"


def test_images_too_small() -> None:
    diagnosis = diagnosed(Small(), (1, 8, 8))
    assert diagnosis.kind == "window"
    assert "Conv2d features.3 has a window of 5x5 but gets only 2x2" in diagnosis.reason
    assert diagnosis.formula == "⌊(2 + 2·0 − 1·(5−1) − 1)/1⌋ + 1 = -2"
    assert diagnosis.remedies[:2] == (
        "give it images of 14x14 or more",
        "set padding=2 in features.0 and features.3",
    )
    check_fit(Small(), (1, 14, 14), 10)


def test_window_of_a_function_and_under_dilation() -> None:
    diagnosis = diagnosed(LambdaNetwork(lambda parts, x: F.avg_pool2d(parts[0](x), 8), nn.Conv2d(1, 4, 3)), (1, 9, 9))
    assert "avg_pool2d has a window of 8x8 but gets only 7x7" in diagnosis.reason
    assert "has a window of 9x9 but gets only 8x8" in diagnosed(nn.Conv2d(1, 4, 3, dilation=4), (1, 8, 8)).reason


def test_window_that_no_image_size_suits() -> None:
    diagnosis = diagnosed(nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Conv2d(1, 4, 4)), (1, 8, 8))
    assert diagnosis.remedies == ("take a smaller window, or leave out a pooling or a stride before it",)


def test_padding_that_mirrors_more_than_there_is() -> None:
    def network(mode: Literal["zeros", "reflect"]) -> nn.Module:
        return nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(1, 4, 9, padding=4, padding_mode=mode))

    diagnosis = diagnosed(network("reflect"), (1, 8, 8))
    assert (diagnosis.kind, diagnosis.layer, diagnosis.wanted, diagnosis.arrived) == (
        "window",
        "1",
        "5 pixels or more",
        "4x4",
    )
    assert diagnosis.reason == (
        "Conv2d 1 mirrors 4 pixels of the picture beyond its edge, but gets only 4x4, which has 3 for it: the input is "
        "8x8, and 0 leaves 4x4."
    )
    assert diagnosis.remedies == (
        "give it images of 10x10 or more",
        'pad 1 with zeros: padding_mode="zeros"',
    )
    assert diagnose(network("reflect"), (1, 10, 10)) is None
    assert diagnose(network("zeros"), (1, 8, 8)) is None


def test_padding_that_repeats_more_than_there_is() -> None:
    diagnosis = diagnosed(
        LambdaNetwork(lambda parts, x: parts[0](F.pad(x, (5, 5), mode="circular")), nn.Conv2d(1, 4, 3)), (1, 4, 4)
    )
    assert diagnosis.reason.startswith(
        "pad repeats 5 pixels of the picture beyond its edge, but gets only 4x4, which has 4"
    )
    assert diagnosis.remedies[0] == "give it images of 5x5 or more"
    with_layer = diagnosed(nn.Sequential(nn.ReflectionPad2d(4), nn.Conv2d(1, 4, 3)), (1, 4, 4))
    assert with_layer.reason.startswith("ReflectionPad2d 0 mirrors 4 pixels")


def test_groups_that_do_not_divide() -> None:
    diagnosis = diagnosed(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(4, 1, 3, 3), groups=3)), (3, 8, 8))
    assert "conv2d has groups=3, which does not divide its 4 output channels" in diagnosis.reason
    assert diagnosis.remedies == ("leave out groups, and give it a weight of 4x3x3x3",)
    check_fit(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(4, 3, 3, 3)).mean((2, 3))), (3, 8, 8), 4)
    other = diagnosed(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(6, 2, 3, 3), groups=3)), (3, 8, 8))
    assert "groups=3 and 2 input channels to each of them, 2·3 = 6, but gets 3" in other.reason
    assert other.remedies == ("give it a weight of 6x1x3x3: 3 / 3 = 1 channels to each group",)
    check_fit(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(6, 1, 3, 3), groups=3).mean((2, 3))), (3, 8, 8), 6)


def test_groups_are_left_out_where_that_works() -> None:
    whole = diagnosed(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(8, 4, 3, 3), groups=3)), (4, 8, 8))
    assert whole.remedies == ("leave out groups",)
    divided = diagnosed(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(6, 3, 3, 3), groups=3)), (3, 8, 8))
    assert divided.remedies[1:] == ("leave out groups",)
    check_fit(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(6, 3, 3, 3)).mean((2, 3))), (3, 8, 8), 6)
    layer = diagnosed(nn.Conv2d(6, 12, 3, groups=3), (4, 8, 8))
    assert layer.remedies == (
        "write nn.Conv2d(4, 12, ..., groups=...) for Conv2d, with groups that divide both: 2, 4",
        "leave out groups: nn.Conv2d(4, 12, 3) for Conv2d",
    )
    halves = diagnosed(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(8, 2, 3, 3), groups=3)), (4, 8, 8))
    assert halves.remedies == ("take groups=2", "leave out groups, and give it a weight of 8x4x3x3")
    quarters = diagnosed(LambdaNetwork(lambda _, x: F.conv2d(x, torch.zeros(8, 3, 3, 3), groups=3)), (4, 8, 8))
    assert (
        quarters.remedies[0]
        == "take for groups one of 2, 4, which divide both, and a weight of 4 / groups channels to each group"
    )


def test_norms_of_another_width() -> None:
    diagnosis = diagnosed(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(8)), (1, 8, 8))
    assert diagnosis.reason == "BatchNorm2d 1 is for 8 channels but gets 4: 0 gives 4 channels."
    assert diagnosis.remedies == ("write nn.BatchNorm2d(4) for 1", "let 0 give as many: nn.Conv2d(1, 8, 3)")
    rows = diagnosed(nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.BatchNorm1d(6)), (1, 8, 8))
    assert "BatchNorm1d 2 is for 6 features but gets 5: 1 gives 5 features." in rows.reason
    function = diagnosed(LambdaNetwork(lambda _, x: F.batch_norm(x, torch.zeros(3), torch.ones(3))), (1, 8, 8))
    assert "batch_norm is for 3 channels but gets 1: the images have 1 channel." in function.reason
    groups = diagnosed(nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 8)), (1, 8, 8))
    assert groups.remedies == ("write nn.GroupNorm(2, 4) for 1",)


def test_norms_of_other_dimensions() -> None:
    diagnosis = diagnosed(nn.Sequential(nn.Flatten(), nn.BatchNorm2d(64)), (1, 8, 8))
    assert diagnosis.message.endswith("gets rows of 64 features. What to do: write nn.BatchNorm1d(64) for 1.")
    assert diagnosed(nn.BatchNorm1d(1), (1, 8, 8)).remedies == ("write nn.BatchNorm2d(1) for BatchNorm1d",)


def test_channels_that_were_brought_last() -> None:
    diagnosis = diagnosed(
        LambdaNetwork(lambda parts, x: parts[0](x.permute(0, 2, 3, 1)), nn.Conv2d(3, 4, 3)), (3, 8, 9)
    )
    assert diagnosis.reason == (
        "Conv2d layers.0 wants 3 channels but gets 8: permute turns the images, which are 3x8x9 with their channels "
        "first, into 8x9x3."
    )
    assert diagnosis.remedies == ("leave permute out: images come as [N, C, H, W], as convolutions want them",)


def test_no_picture_for_a_convolution() -> None:
    diagnosis = diagnosed(nn.Sequential(nn.Flatten(), nn.Conv2d(1, 4, 3)), (1, 8, 8))
    assert diagnosis.reason == "Conv2d 1 wants pictures [N, C, H, W] but gets rows of 64 features."
    squeezed = diagnosed(LambdaNetwork(lambda parts, x: parts[0](x.squeeze(1)), nn.Conv2d(1, 4, 3)), (1, 8, 8))
    assert "the channels are gone" in squeezed.reason


def test_a_shape_with_its_channels_last() -> None:
    diagnosis = diagnose(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 10)), (8, 8, 3), 10)
    assert diagnosis is not None
    assert diagnosis.reason == (
        "8x8x3 looks like height, width and channels. Images come as [N, C, H, W], channels first, and the network "
        "fits 3x8x8."
    )
    assert diagnosis.remedies == ("give (3, 8, 8) as the shape, and images as images.permute(0, 3, 1, 2)",)


def test_a_dimension_too_many() -> None:
    model = LambdaNetwork(lambda m, x: m[0](x.unsqueeze(1)).flatten(1), nn.Conv2d(1, 10, 8))
    diagnosis = diagnose(model, (1, 8, 8), 10)
    assert diagnosis is not None
    assert diagnosis.reason == (
        "Conv2d layers.0 wants pictures [N, C, H, W] but gets five dimensions, [2, 1, 1, 8, 8]."
    )
    assert diagnosis.remedies == ("leave unsqueeze out: images come as [N, C, H, W]",)
