"""Layers of another kind than pictures need, and widths of attention and recurrent layers."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from diagnosed_networks import LambdaNetwork, found


def before_a_linear(layer: nn.Module, features: int) -> nn.Module:
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(features, 10))


@pytest.mark.parametrize(
    ("layer", "features", "remedy"),
    [
        (nn.Conv1d(1, 4, 3, bias=False), 16, "write nn.Conv2d(1, 4, 3, bias=False) for 0"),
        (nn.Conv1d(1, 4, 3, stride=2, padding=1), 16, "write nn.Conv2d(1, 4, 3, stride=2, padding=1) for 0"),
        (nn.Conv3d(1, 4, 3), 16, "write nn.Conv2d(1, 4, 3) for 0"),
        (nn.MaxPool1d(2), 4, "write nn.MaxPool2d(2) for 0"),
        (nn.AvgPool3d(2, stride=1), 9, "write nn.AvgPool2d(2, stride=1) for 0"),
        (nn.BatchNorm3d(1), 16, "write nn.BatchNorm2d(1) for 0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_layers_for_rows_and_volumes(layer: nn.Module, features: int, remedy: str) -> None:
    diagnosis = found(before_a_linear(layer, features))
    assert (diagnosis.kind, diagnosis.remedies) == ("dimensions", (remedy,))
    assert diagnosis.reason.startswith(f"{type(layer).__name__} 0 is for ")
    assert diagnosis.reason.endswith(" but gets pictures of 1x4x4.")


def test_a_layer_norm_of_channels() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.LayerNorm(8), nn.Flatten(), nn.Linear(32, 10))
    diagnosis = found(model)
    assert diagnosis.reason.endswith("but gets [N, 8, 2, 2]: the 8 channels come before height and width.")
    assert diagnosis.remedies == ("write nn.GroupNorm(1, 8) for 1", "write nn.LayerNorm([8, 2, 2]) for 1")


def test_a_layer_norm_of_another_size() -> None:
    diagnosis = found(before_a_linear(nn.LayerNorm((1, 28, 28)), 16))
    assert diagnosis.remedies == ("write nn.LayerNorm([1, 4, 4]) for 0",)


class OnRows(nn.Module):
    """A layer on the rows of the image, which are its steps."""

    def __init__(self, layer: nn.Module, width: int, forward: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.fc, self.run = layer, nn.Linear(width, 10), forward

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.run(self.layer, x[:, 0])[:, -1])


def test_attention_of_another_width() -> None:
    attention = nn.MultiheadAttention(6, 3, batch_first=True)
    diagnosis = found(OnRows(attention, 4, lambda layer, x: layer(x, x, x)[0]))
    assert diagnosis.reason == "MultiheadAttention layer is for a width of 6 but gets 4: [N, 4, 4]."
    assert diagnosis.remedies == (
        "write nn.MultiheadAttention(4, 2, batch_first=True) for layer",
        "put nn.Linear(4, 6) before it",
    )


def test_a_transformer_of_another_width() -> None:
    layer = nn.TransformerEncoderLayer(6, 3, dim_feedforward=8, batch_first=True)
    diagnosis = found(OnRows(layer, 6, lambda layer, x: layer(x)))
    assert diagnosis.reason == "TransformerEncoderLayer layer is for a width of 6 but gets 4: [N, 4, 4]."
    assert diagnosis.remedies == ("put nn.Linear(4, 6) before it",)
    assert not layer._forward_pre_hooks


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_of_another_width(kind: Any) -> None:
    layer = kind(6, 5, batch_first=True, bidirectional=True)
    diagnosis = found(OnRows(layer, 10, lambda layer, x: layer(x)[0]))
    name = kind.__name__
    assert diagnosis.reason == f"{name} layer is for 6 features in each step but gets 4."
    assert diagnosis.remedies == (
        f"write nn.{name}(4, 5, batch_first=True, bidirectional=True) for layer",
        "give it images of 6x6",
    )


def test_a_recurrent_layer_keeps_its_settings() -> None:
    layer = nn.RNN(6, 5, batch_first=True, bias=False, nonlinearity="relu")
    remedy = found(OnRows(layer, 5, lambda layer, x: layer(x)[0])).remedies[0]
    assert remedy == "write nn.RNN(4, 5, batch_first=True, bias=False, nonlinearity='relu') for layer"


def test_an_instance_norm_of_single_pixels() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 4), nn.InstanceNorm2d(4), nn.Flatten(), nn.Linear(4, 10))
    diagnosis = found(model)
    assert diagnosis.reason.startswith("InstanceNorm2d 1 normalises each channel over its own pixels, but gets")
    assert diagnosis.remedies == ("leave 1 out, or put it before the pooling that makes the maps 1x1",)


def test_a_pixel_shuffle_of_other_channels() -> None:
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.PixelShuffle(2), nn.Flatten(), nn.Linear(16, 10))
    diagnosis = found(model)
    assert diagnosis.reason == (
        "PixelShuffle 1 makes one channel of 2·2 = 4, which do not divide the 6 channels it gets: 0 gives 6 channels."
    )
    assert diagnosis.remedies == ("let 0 give 4: nn.Conv2d(1, 4, 3)", "let 0 give 8: nn.Conv2d(1, 8, 3)")


def test_an_embedding_of_pixels() -> None:
    diagnosis = found(LambdaNetwork(lambda m, x: m[0](x).mean((1, 2)), nn.Embedding(256, 10)))
    assert diagnosis.reason.startswith("Embedding layers.0 looks up rows by whole numbers, but gets pixels")
    assert diagnosis.remedies == ()


def test_a_parameter_of_another_size() -> None:
    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(1, 10, 2, stride=2)
            self.positions = nn.Parameter(self.patch.weight.new_zeros(1, 49, 10))

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.patch(x).flatten(2).transpose(1, 2) + self.positions
            return tokens.mean(1)  # type: ignore[no-any-return]

    assert found(Patches()).remedies == ("make positions 1x4x10 instead of 1x49x10",)


def test_a_transposed_convolution_of_other_channels() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ConvTranspose2d(16, 4, 2, stride=2), nn.Flatten(), nn.Linear(64, 10))
    diagnosis = found(model)
    assert diagnosis.reason == "ConvTranspose2d 1 wants 16 channels but gets 8: 0 gives 8 channels."
    assert diagnosis.remedies == ("write nn.ConvTranspose2d(8, 4, 2, stride=2) for 1",)
