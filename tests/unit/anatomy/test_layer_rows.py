from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as users write it)
from torch import Tensor, nn

import convboard
from convboard.anatomy.layer_rows import LayerRow
from convboard.anatomy.summary import layer_table
from random_networks import HalfChanged, WithContext, random_network


def rows_of(model: nn.Module, shape: tuple[int, int, int]) -> dict[str, LayerRow]:
    return {row.name: row for row in layer_table(model, shape)}


class Functional(nn.Module):
    """A network as many write it: weights in modules, everything else called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.weight = nn.Parameter(torch.randn(16, 6, 5, 5))
        self.fc = nn.Linear(400, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.conv2d(x, self.weight, stride=1)
        x = F.max_pool2d(torch.relu(x), kernel_size=2)
        x = x.view(x.size(0), -1)
        out: Tensor = self.fc(x)
        return out


class Block(nn.Module):
    """A residual block that uses one ReLU twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.conv(x))
        y += self.shortcut(x)
        out: Tensor = self.relu(y)
        return out


@pytest.mark.parametrize(
    ("name", "shape", "fields"),
    [
        ("lenet", (1, 32, 32), {"conv1": 5, "pool1": 6, "conv2": 14, "pool2": 16}),
        (
            "cifar10_quick",
            (3, 32, 32),
            {"conv1": 5, "pool1": 6, "conv2": 14, "pool2": 16, "conv3": 32, "pool3": 36},
        ),
        ("conv_stack", (3, 28, 28), {"conv1": 3, "conv2": 7, "conv3": 15}),
    ],
)
def test_known_receptive_fields(name: str, shape: tuple[int, int, int], fields: dict[str, int]) -> None:
    rows = rows_of(convboard.build_model(name, shape, None if name == "conv_stack" else 10), shape)
    assert {layer: rows[layer].receptive_field for layer in fields} == {
        layer: (side, side) for layer, side in fields.items()
    }


def test_the_receptive_field_of_vgg16() -> None:
    from torchvision.models import vgg16

    features = vgg16(weights=None).features
    last = layer_table(features, (3, 224, 224))[-1]
    assert (last.receptive_field, last.receptive_stride) == ((212, 212), (32, 32))


def test_functions_are_rows_like_layers() -> None:
    rows = rows_of(Functional(), (1, 32, 32))
    assert {name: (row.type, row.inputs, row.output_shape) for name, row in rows.items()} == {
        "conv1": ("Conv2d", ("input",), (6, 28, 28)),
        "relu": ("relu", ("conv1",), (6, 28, 28)),
        "max_pool2d": ("max_pool2d", ("relu",), (6, 14, 14)),
        "conv2d": ("conv2d", ("max_pool2d",), (16, 10, 10)),
        "relu:2": ("relu", ("conv2d",), (16, 10, 10)),
        "max_pool2d:2": ("max_pool2d", ("relu:2",), (16, 5, 5)),
        "view": ("view", ("max_pool2d:2",), (400,)),
        "fc": ("Linear", ("view",), (10,)),
    }
    assert rows["conv2d"].parameters == 16 * 6 * 25
    assert rows["max_pool2d:2"].receptive_field == (16, 16)
    assert rows["view"].formula == "16·5·5 = 400"


def test_a_branch_is_seen_as_one() -> None:
    rows = rows_of(nn.Sequential(nn.Conv2d(1, 4, 3), Block(4)), (1, 8, 8))
    assert {name: row.inputs for name, row in rows.items()} == {
        "0": ("input",),
        "1.conv": ("0",),
        "1.relu": ("1.conv",),
        "1.add": ("1.relu", "0"),
        "1.relu:2": ("1.add",),
    }


def test_an_identity_is_a_branch_of_its_own() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shortcut, self.conv = nn.Identity(), nn.Conv2d(1, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.shortcut(x) + self.conv(x)  # type: ignore[no-any-return]

    rows = rows_of(Model(), (1, 4, 4))
    assert (rows["conv"].inputs, rows["add"].inputs) == (("input",), ("shortcut", "conv"))


def test_a_function_never_has_the_name_of_a_layer() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(torch.relu(x))  # type: ignore[no-any-return]

    assert [(row.name, row.type) for row in layer_table(Both(), (1, 2, 2))] == [("relu()", "relu"), ("relu", "ReLU")]


def test_a_subclass_of_a_layer_is_a_layer_and_a_small_module_of_ones_own_is_looked_into() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x, self.weight - self.weight.mean(), self.bias, self.stride, self.padding)

    class Swish(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * torch.sigmoid(x)

    rows = layer_table(nn.Sequential(Standardised(1, 2, 3), Swish()), (1, 5, 5))
    assert [(row.name, row.type, row.inputs) for row in rows] == [
        ("0", "Standardised", ("input",)),
        ("1.sigmoid", "sigmoid", ("0",)),
        ("1.mul", "mul", ("0", "1.sigmoid")),
    ]
    assert rows[0].kernel_size == (3, 3)


def test_the_figures_of_sharing() -> None:
    """A 3x3 convolution on 224x224 has 1,728 weights, a fully connected layer between the same sizes 4.8·10^11."""
    (row,) = layer_table(nn.Conv2d(3, 64, 3, padding=1, bias=False), (3, 224, 224))
    assert (row.parameters, row.dense_parameters) == (1_728, 150_528 * 3_211_264)
    assert row.output_bytes == 64 * 224 * 224 * 4


def test_stride_and_center_of_a_dilated_and_uneven_kernel() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, (3, 5), stride=(2, 1), padding=(0, 2)), nn.Conv2d(1, 1, 3, dilation=(1, 2)))
    first, second = layer_table(model, (1, 20, 20))
    assert (first.receptive_field, first.receptive_stride, first.receptive_center) == ((3, 5), (2, 1), (1.0, 0.0))
    assert (second.receptive_field, second.receptive_stride) == ((7, 9), (2, 1))
    assert (second.receptive_center, second.effective_kernel) == ((3.0, 2.0), (3, 5))


def test_a_field_larger_than_the_image_is_told_as_it_is_and_a_linear_sees_the_image() -> None:
    rows = rows_of(convboard.build_model("cifar10_quick", (3, 32, 32), 10), (3, 32, 32))
    assert (rows["pool3"].receptive_field, rows["flatten"].receptive_field) == ((36, 36), (36, 36))
    assert (rows["fc1"].receptive_field, rows["fc1"].receptive_stride) == ((32, 32), None)


def test_a_context_sees_the_whole_picture() -> None:
    rows = rows_of(nn.Sequential(nn.Conv2d(1, 2, 3), WithContext()), (1, 9, 9))
    assert (rows["0"].receptive_field, rows["1.add"].receptive_field) == ((3, 3), (9, 9))


def test_parameters_add_up_to_the_networks() -> None:
    for seed in range(20):
        model = random_network(seed, (2, 9, 9))
        assert sum(row.parameters for row in layer_table(model, (2, 9, 9))) == sum(
            parameter.numel() for parameter in model.parameters()
        )


class Attention(nn.Module):
    """Has what is counted by torch itself."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        attended = F.scaled_dot_product_attention(*self.qkv(tokens).chunk(3, dim=-1))
        return torch.einsum("ntc,nsc->nts", attended, tokens)


@pytest.mark.slow  # torch's counter imports the compiler
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: convboard.build_model("lenet", (1, 32, 32), 10), (1, 32, 32)),
        (lambda: convboard.build_model("resnet18", (3, 32, 32), 10), (3, 32, 32)),
        (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (4, 5, 5)),
        (lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=4), HalfChanged(8)), (4, 8, 8)),
        (Attention, (8, 3, 3)),
    ],
)
def test_multiplications_are_those_that_torch_counts(
    make: Callable[[], nn.Module], shape: tuple[int, int, int]
) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    model = make().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *shape))
    assert sum(row.macs for row in layer_table(model, shape)) == counter.get_total_flops() // 2 > 0


def test_a_row_that_was_written_to_does_not_stand_for_all() -> None:
    class FirstRowCleared(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = F.avg_pool2d(x, 3, 1)
            y[:, :, 0] = 0
            return F.avg_pool2d(y, 2, 1)

    last = layer_table(FirstRowCleared(), (1, 9, 9))[-1]
    assert (last.receptive_field, last.receptive_center) in [((4, 4), (1.5, 1.5)), ((4, 4), None)]


class Positions(nn.Module):
    """Adds a code of each position, which it makes for the whole batch, and a table that begins with two rows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.code, self.mix = nn.Conv2d(1, 4, 3), nn.Conv2d(2, 4, 1), nn.Linear(3, 4, bias=False)
        self.table = nn.Parameter(torch.ones(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        places = torch.ones(len(x), 2, *y.shape[2:])
        out: Tensor = y + self.code(places) + self.mix(self.table).sum(0).view(-1, 1, 1)
        return out


def test_what_is_made_for_the_batch_is_shown_for_one_image() -> None:
    rows = rows_of(Positions(), (1, 6, 6))
    code, mix = rows["code"], rows["mix"]
    assert (code.input_shape, code.output_shape, code.macs) == ((2, 4, 4), (4, 4, 4), 4 * 4 * 4 * 2)
    assert (mix.input_shape, mix.output_shape, mix.macs) == ((2, 3), (2, 4), 2 * 4 * 3)
