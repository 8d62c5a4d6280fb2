import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy import LayerRow, format_table, layer_table


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding="same", groups=2)
        self.pool = nn.MaxPool2d((2, 1), padding=(1, 0))
        self.flatten = nn.Flatten()
        self.fc = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.conv(self.conv(x)))
        out: Tensor = self.fc(self.flatten(x))
        return out


@pytest.fixture
def rows() -> list[LayerRow]:
    model = Shared()
    model(torch.zeros(1, 2, 4, 4))
    return layer_table(model, (2, 4, 4))


def test_a_row_for_each_layer_that_ran(rows: list[LayerRow]) -> None:
    assert [row.name for row in rows] == ["conv", "conv:2", "pool", "flatten", "fc"]
    assert rows[0] == LayerRow(
        name="conv",
        type="Conv2d",
        inputs=("input",),
        kernel_size=(3, 3),
        stride=(1, 1),
        padding="same",
        dilation=(1, 1),
        groups=2,
        input_shape=(2, 4, 4),
        output_shape=(2, 4, 4),
        formula="⌊(4 + 2·1 − 1·(3−1) − 1)/1⌋ + 1 = 4",
        same_padding=(1, 1),
        parameters=20,
        dense_parameters=4 * 4 * 2 * 2,
        macs=4 * 4 * 2 * 9,
        output_bytes=4 * 4 * 2 * 4,
        receptive_field=(3, 3),
        receptive_stride=(1, 1),
        receptive_center=(0.0, 0.0),
        effective_kernel=(3, 3),
    )


def test_shared_parameters_count_once(rows: list[LayerRow]) -> None:
    assert [row.parameters for row in rows] == [20, 0, 0, 0, 2 * 3 * 4 * 3 + 3]


def test_pooling_linear_and_flatten(rows: list[LayerRow]) -> None:
    pool, flatten, fc = rows[2:]
    assert (pool.kernel_size, pool.stride, pool.padding, pool.groups) == ((2, 1), (2, 1), (1, 0), None)
    assert (pool.output_shape, flatten.output_shape) == ((2, 3, 4), (24,))
    assert flatten.formula == "2·3·4 = 24"
    assert (fc.type, fc.kernel_size, fc.input_shape, fc.formula) == ("Linear", None, (24,), "")


class Scaled(nn.Module):
    """Has parameters outside its layers, a layer whose weight it takes itself, and one that it leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.block = nn.Sequential(nn.ReLU())
        self.block.scale = nn.Parameter(torch.ones(3))
        self.taken = nn.Linear(8, 3, bias=False)
        self.unused = nn.Linear(5, 2)
        self.unused.weight = self.taken.weight  # counted once
        self.shift = nn.Parameter(torch.zeros(1, 3))
        self.out = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(
            self.block(self.conv(x)).flatten(1) @ self.taken.weight.T * self.block.scale + self.shift
        )
        return out


def test_parameters_outside_the_layers_have_rows_where_they_are_defined() -> None:
    model = Scaled()
    rows = layer_table(model, (1, 4, 4))
    assert [(row.name, row.type, row.parameters) for row in rows] == [
        ("(own parameters)", "Scaled", 3),
        ("conv", "Conv2d", 20),
        ("block (own parameters)", "Sequential", 3),
        ("block.0", "ReLU", 0),
        ("taken (not called)", "Linear", 24),
        ("unused (not called)", "Linear", 2),
        ("out", "Softmax", 0),
    ]
    assert sum(row.parameters for row in rows) == sum(parameter.numel() for parameter in model.parameters())
    assert "| block (own parameters) | Sequential |  |  |  |  |  | 3 |  |" in format_table(rows)


def test_error_of_the_network_passes_through() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        layer_table(nn.Sequential(nn.Flatten(), nn.Linear(3, 1)), (1, 2, 2))


def test_markdown() -> None:
    rows = layer_table(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 4, 4))
    assert format_table(rows) == (
        "| layer | type | kernel | stride | padding | input | output | parameters | size of the output |\n"
        "| --- | --- | --- | --- | --- | --- | --- | ---: | --- |\n"
        "| 0 | Conv2d | 3x3 | 1x1 | 0x0 | 1x4x4 | 2x2x2 | 20 | ⌊(4 + 2·0 − 1·(3−1) − 1)/1⌋ + 1 = 2 |\n"
        "| 1 | ReLU |  |  |  | 2x2x2 | 2x2x2 |  |  |\n"
        "\n"
        "Parameters of these layers: 20"
    )


def test_text_is_aligned_and_shows_groups_where_there_are_some(rows: list[LayerRow]) -> None:
    lines = format_table(rows, "text").splitlines()
    assert lines[0].split()[:6] == ["layer", "type", "kernel", "stride", "padding", "groups"]
    assert lines[0].index("output") == lines[2].index("2x4x4", lines[2].index("2x4x4") + 1)
    assert lines[-1] == "Parameters of these layers: 95"
