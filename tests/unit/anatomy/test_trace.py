"""What a run of a network leaves in its trace, where networks do what few do."""

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.diagnose import diagnose
from convboard.anatomy.receptive_field.boxes import Box
from convboard.anatomy.summary import layer_table, receptive_field

SHAPE = (1, 28, 28)


class ClassToken(nn.Module):
    """Patches, a class token, attention, and a Linear on what the token has gathered."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 7, stride=7)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], dim=1)
        attended, _ = self.attend(tokens, tokens, tokens)
        return self.fc(attended[:, 0])  # type: ignore[no-any-return]


class Rows(nn.Module):
    """The rows of the picture one after another through a recurrent network."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(28, 5)

    def forward(self, x: Tensor) -> Tensor:
        _, last = self.gru(x.squeeze(1).permute(1, 0, 2))
        return last[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("model", "layer"), [(ClassToken(), "fc"), (Rows(), "getitem")])
def test_attention_and_recurrence_depend_on_the_whole_image(model: nn.Module, layer: str) -> None:
    assert receptive_field(model, SHAPE, layer) == Box(0, 0, 28, 28)


class Pasted(nn.Module):
    """Pastes its picture into a larger, empty one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        frame = torch.zeros_like(y).repeat(1, 1, 2, 2)
        frame[:, :, 2:30, 2:30] = y
        return self.second(frame)  # type: ignore[no-any-return]


def test_what_is_written_by_index_is_followed() -> None:
    rows = {row.name: row.inputs for row in layer_table(Pasted(), SHAPE)}
    assert rows["second"] == ("setitem",)
    assert "first" in rows["setitem"]
    assert receptive_field(Pasted(), SHAPE, "second", 10, 10) == Box(6, 6, 11, 11)
    assert receptive_field(Pasted(), SHAPE, "second", 0, 0) == Box(0, 0, 0, 0)


class Scaled(nn.Module):
    """Writes through a view into some of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y[:, 1:].mul_(x.mean(dim=(1, 2, 3), keepdim=True))
        return torch.abs(y)


def test_what_is_written_through_a_view_is_followed() -> None:
    rows = {row.name: row.inputs for row in layer_table(Scaled(), SHAPE)}
    assert rows["abs"] == ("mul",)
    assert receptive_field(Scaled(), SHAPE, "abs", 5, 5) == Box(0, 0, 28, 28)


class Trying(nn.Module):
    """Takes grey pictures where colour does not work."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.colour, self.grey = nn.Conv2d(3, 2, 3), nn.Conv2d(1, 2, 3)
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        try:
            y = self.colour(x)
        except RuntimeError:
            y = self.grey(x)
        if self.error:
            raise self.error
        return y.flatten(1)  # type: ignore[no-any-return]


def test_an_error_that_the_network_catches_is_no_end() -> None:
    rows = layer_table(Trying(), SHAPE)
    assert [(row.name, row.inputs) for row in rows if row.inputs] == [("grey", ("input",)), ("flatten", ("grey",))]


def test_a_later_error_of_the_networks_own_is_not_laid_to_the_one_that_it_caught() -> None:
    diagnosis = diagnose(Trying(KeyError("mine")), SHAPE)
    assert diagnosis is not None
    assert (diagnosis.reason, diagnosis.layer) == ("KeyError: 'mine'.", None)


class Biased(nn.Module):
    """Has a layer that does not depend on the images, so that its output has no batch."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.bias, self.fc = nn.Linear(3, 26), nn.Linear(784, 10)
        self.register_buffer("table", torch.zeros(50, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1)) + self.bias(self.table).sum()  # type: ignore[no-any-return]


def test_a_layer_without_the_batch_counts_whole() -> None:
    rows = {row.name: row for row in layer_table(Biased(), SHAPE)}
    assert (rows["bias"].input_shape, rows["bias"].output_shape) == ((50, 3), (50, 26))
    assert (rows["bias"].macs, rows["fc"].macs) == (50 * 3 * 26, 784 * 10)


def test_a_parametrised_layer_stays_one_row() -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 3))
    (row,) = layer_table(conv, SHAPE)
    assert (row.kernel_size, row.parameters) == ((3, 3), 4 * 9 + 4 + 4)
