import csv
import dataclasses
import io
import json
import re
from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.summary import layer_table
from convboard.anatomy.table import LayerTable, format_table
from convboard.models import build_model
from residual_network import ResidualNetwork


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
        frozen_parameters=0,
        parameter_bytes=20 * 4,
        dense_parameters=(4 * 4 * 2) * (4 * 4 * 2),
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


def test_parameters_outside_the_layers_stand_where_they_are_used_or_defined() -> None:
    model = Scaled()
    rows = layer_table(model, (1, 4, 4))
    assert [(row.name, row.type, row.parameters) for row in rows] == [
        ("conv", "Conv2d", 20),
        ("block.0", "ReLU", 0),
        ("flatten", "flatten", 0),
        ("matmul", "matmul", 24),
        ("mul", "mul", 3),
        ("add", "add", 3),
        ("unused (not called)", "Linear", 2),
        ("out", "Softmax", 0),
    ]
    assert sum(row.parameters for row in rows) == sum(parameter.numel() for parameter in model.parameters())
    assert "| unused (not called) | Linear |  |  |  |  |  |  | 2 |  |  |" in format_table(rows)


class Hidden(nn.Sequential):
    """Uses a parameter of its own by way of other functions."""

    def __init__(self) -> None:
        super().__init__(nn.ReLU())
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self[0](x) * self.scale.exp().sum()
        return out


def test_a_parameter_is_followed_to_the_row_that_it_takes_part_in() -> None:
    rows = layer_table(nn.Sequential(Hidden()), (1, 4, 4))
    assert [(row.name, row.type, row.parameters) for row in rows] == [
        ("0.0", "ReLU", 0),
        ("0.mul", "mul", 3),
    ]


def test_error_of_the_network_passes_through() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        layer_table(nn.Sequential(nn.Flatten(), nn.Linear(3, 1)), (1, 2, 2))


def test_markdown() -> None:
    rows = layer_table(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), (1, 4, 4))
    assert format_table(rows) == (
        "| layer | type | kernel | stride | padding | keeps size | output | sees | parameters | MACs "
        "| size of the output |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | ---: | ---: | --- |\n"
        "| 0 | Conv2d | 3x3 | 1 | 0 | 1 | 2x2x2 | 3x3 | 20 | 72 | ⌊(4 + 2·0 − 1·(3−1) − 1)/1⌋ + 1 = 2 |\n"
        "| 1 | ReLU |  |  |  |  | 2x2x2 | 3x3 |  |  |  |\n"
        "\n"
        "Parameters of these layers: 20. Multiply-accumulates for one image: 72.\n"
        "Memory: 80 B of parameters, 64 B of outputs of all rows for one image.\n"
        "The convolutions have 20 of the parameters. Fully connected layers from all their inputs to all their outputs "
        "would have 128 weights."
    )


def test_a_title_says_whose_table_it_is(rows: list[LayerRow]) -> None:
    title = "Shared for 2x4x4 images"
    assert format_table(rows, "text", title=title) == f"{title}\n\n{format_table(rows, 'text')}"
    assert format_table(rows, title=title) == f"**{title}**\n\n{format_table(rows)}"
    assert [format_table(rows, style, title=title) for style in ("json", "csv")] == [
        format_table(rows, style) for style in ("json", "csv")
    ]


def test_a_field_is_held_against_the_image() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 5, padding=2), nn.Flatten(), nn.Linear(16, 2))
    lines = format_table(layer_table(model, (1, 6, 6)), "text").splitlines()
    at = lines[0].index("sees")
    assert [line[at : at + 9].rstrip() for line in lines[2:6]] == ["3x3", "7x7*", "7x7*", "all of it"]
    assert "A field with a * is larger than the 6x6 image: it reaches into the padding." in lines
    assert "*" not in format_table(layer_table(model[:1], (1, 6, 6)), "text")


def test_text_is_aligned_and_shows_groups_where_there_are_some(rows: list[LayerRow]) -> None:
    lines = format_table(rows, "text").splitlines()
    heads = "layer type kernel stride padding keeps size groups output sees parameters MACs size of the output"
    assert " ".join(lines[0].split()) == heads
    assert lines[0].index("output") == lines[2].index("2x4x4")
    assert "Parameters of these layers: 95." in lines[-3]


def test_where_the_input_comes_from_is_shown_where_it_is_not_the_row_before() -> None:
    class Residual(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return self[0](x) + x  # type: ignore[no-any-return]

    lines = format_table(layer_table(Residual(nn.ReLU()), (1, 4, 4)), "text").splitlines()
    assert "from" in lines[0].split()
    assert "0 + input" in lines[3]


def test_formulas_go_below_where_the_terminal_is_narrow(rows: list[LayerRow]) -> None:
    wide, narrow = format_table(rows, "text", width=400), format_table(rows, "text", width=80)
    assert wide == format_table(rows, "text")
    assert "How the sizes come about:\nconv     ⌊(4 + 2·1" in narrow
    assert "size of the output" not in narrow


def test_json_and_csv_hold_every_field(rows: list[LayerRow]) -> None:
    names = [field.name for field in dataclasses.fields(LayerRow)]
    as_json = json.loads(format_table(rows, "json"))
    assert [list(row) for row in as_json] == [names] * 5
    assert (as_json[0]["kernel_size"], as_json[0]["inputs"]) == ([3, 3], ["input"])
    as_csv = list(csv.DictReader(io.StringIO(format_table(rows, "csv"))))
    assert [list(row) for row in as_csv] == [names] * 5
    assert (as_csv[1]["kernel_size"], as_csv[1]["inputs"], as_csv[3]["kernel_size"]) == ("3x3", "conv", "")


def test_a_notebook_shows_a_table() -> None:
    model = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 4, 5, padding=2, groups=2))
    table = layer_table(model, (1, 4, 4))
    assert isinstance(table, list)
    html = table._repr_html_()
    heads = re.findall("<th>(.*?)</th>", html)
    assert heads == [
        *("layer", "type", "kernel", "stride", "padding", "keeps size", "groups"),
        *("output", "sees", "parameters", "MACs", "size of the output"),
    ]
    first, second = (re.findall("<td.*?>(.*?)</td>", line) for line in html.splitlines() if line.startswith("<tr>"))
    assert first[:4] == ["0", "Conv2d", "5x5", "1"]
    assert len(first) == len(second) == len(heads)
    assert '<td style="text-align: right">156</td>' in html
    assert "<p>Parameters of these layers: 460. Multiply-accumulates for one image: 7,200.<br>Memory: " in html


def test_a_notebook_gets_no_tags_from_names() -> None:
    table = layer_table(nn.Sequential(OrderedDict({"<script>&": nn.ReLU()})), (1, 4, 4))
    assert "<td>&lt;script&gt;&amp;</td>" in table._repr_html_()
    assert "<script>" not in table._repr_html_()
    assert LayerTable()._repr_html_().startswith("<table>")


@pytest.mark.parametrize(("name", "shape"), [("lenet", (1, 32, 32)), ("cifar10_quick", (3, 32, 32))])
def test_a_narrow_table_has_80_columns(name: str, shape: tuple[int, int, int]) -> None:
    rows = layer_table(build_model(name, shape, 10), shape)
    text = format_table(rows, "text", width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "keeps\n" in text
    assert "params" in text
    wide = format_table(rows, "text", width=200)
    assert "keeps size  " in wide
    assert "How the sizes" not in wide


def test_multiplications_are_rounded_only_where_the_table_is_too_wide_otherwise() -> None:
    rows = layer_table(build_model("cifar10_quick", (3, 32, 32), 10), (3, 32, 32))
    assert "2,457,600" in format_table(rows, "text", width=100)
    assert "2.46 M" in format_table(rows, "text", width=80)


def test_frozen_parameters_have_a_column_and_a_sum() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    assert "frozen" not in format_table(layer_table(model, (1, 4, 4)))
    model[0].requires_grad_(False)
    rows = layer_table(model, (1, 4, 4))
    assert [row.frozen_parameters for row in rows] == [20, 0, 0]
    text = format_table(rows)
    assert "| parameters | frozen | MACs |" in text
    assert "Parameters of these layers: 38 (18 trainable, 20 frozen)." in text


def test_memory_is_that_of_the_dtype() -> None:
    rows = layer_table(nn.Sequential(nn.Conv2d(1, 64, 3), nn.ReLU()).double(), (1, 34, 34))
    assert (rows[0].parameter_bytes, rows[0].output_bytes) == (8 * 640, 8 * 64 * 32 * 32)
    assert "Memory: 5.12 kB of parameters, 1.05 MB of outputs of all rows for one image." in format_table(rows)


def test_an_input_is_named_once() -> None:
    class Squared(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x.relu()
            return x.sigmoid() + y * y

    lines = format_table(layer_table(Squared(), (1, 2, 2))).splitlines()
    assert "| mul | mul | relu |" in lines[4]


def text_of(width: int, rows: list[LayerRow]) -> str:
    text = format_table(rows, "text", width=width)
    assert max(map(len, text.splitlines())) <= width
    return text


@pytest.fixture(scope="module")
def residual() -> list[LayerRow]:
    return layer_table(ResidualNetwork(), (3, 32, 32))


def test_a_residual_network_fits_120_columns_as_a_tree(residual: list[LayerRow]) -> None:
    lines = text_of(120, residual).splitlines()
    at = lines.index("layer2")
    assert lines[at + 1] == "  0"
    assert lines[at + 2].split() == ["conv1", "Conv2d", "3x3", "2", "1", "24x16x16", "13x13", "5,184", "1.33", "M"]
    assert lines[at + 7] == "    downsample"
    assert lines[at + 8].split()[:3] == ["0", "Conv2d", "layer1.1.relu:2"]
    assert lines[at + 10].split()[:5] == ["add", "add", "bn2", "+", "downsample.1"]
    assert "layer2.0.conv1         ⌊(32 + 2·1 − 1·(3−1) − 1)/2⌋ + 1 = 16" in lines


def test_in_80_columns_nothing_is_lost(residual: list[LayerRow]) -> None:
    lines = text_of(80, residual).splitlines()
    at = lines.index("layer2")
    assert lines[at + 2].split() == [
        "conv1",
        "Conv2d",
        "3x3",
        "s2",
        "p1",
        "24x16x16",
        "13x13",
        "5.18",
        "k",
        "1.33",
        "M",
    ]
    assert "layer2.0.add           layer2.0.bn2 + layer2.0.downsample.1" in lines
    assert not any("…" in line for line in lines)


def test_what_is_too_wide_all_the_same_is_cut_with_an_ellipsis(residual: list[LayerRow]) -> None:
    text = text_of(72, residual)
    assert "Adaptive…" in text
    assert "    downsample\n" in text


def test_wide_enough_a_table_has_whole_names_and_numbers(residual: list[LayerRow]) -> None:
    text = text_of(200, residual)
    assert "layer2.0.bn2 + layer2.0.downsample.1" in text
    assert "1,327,104" in text
