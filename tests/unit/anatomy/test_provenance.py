"""What the trace cannot see is unknown; what it can is not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.receptive_field.boxes import Box
from convboard.anatomy.summary import layer_table, network_record, receptive_field
from convboard.anatomy.table import format_table
from convboard.errors import ModelError

SHAPE = (1, 8, 9)


class Then(nn.Module):
    """A convolution, a function of its output, and a ReLU."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(1, 2, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.function(self.conv(x)))


def doubled(x: Tensor) -> Tensor:
    return 2 * x.roll(1, 2)


CONSTANT = torch.ones(2, 1, 1)
UNSEEN: list[Callable[[Tensor], Tensor]] = [
    torch.vmap(lambda image: 2 * image),
    lambda x: torch.from_numpy(2 * x.numpy()),
    lambda x: torch.tensor(np.asarray(x) * 2),
    lambda x: torch.tensor(x.tolist()),
    lambda x: x / x.max().item(),
]
SEEN: list[Callable[[Tensor], Tensor]] = [
    lambda x: x * torch.Tensor([2.0]),
    lambda x: x * torch.from_numpy(np.ones(1, dtype=np.float32)),
    lambda x: x * CONSTANT,
    lambda x: x * torch.tensor(2.0),
    lambda x: x[:, : int(x.shape[1])],
]


@pytest.mark.parametrize("function", UNSEEN)
def test_what_is_made_out_of_sight_is_unknown_never_a_number(function: Callable[[Tensor], Tensor]) -> None:
    rows = {row.name: row for row in layer_table(Then(function), SHAPE)}
    assert rows["conv"].receptive_field == (3, 3)
    relu = rows["relu"]
    assert (relu.receptive_field, relu.receptive_stride, relu.output_shape) == ("unknown", None, (2, 6, 7))
    with pytest.raises(ModelError, match="What relu depends on is not known"):
        receptive_field(Then(function), SHAPE, "relu")


def test_the_unknown_is_shown_as_such() -> None:
    model = Then(UNSEEN[0])
    assert [line for line in format_table(layer_table(model, SHAPE), "text").splitlines() if "unknown" in line]
    record = network_record(model, SHAPE)
    assert record["rows"][-1]["receptive_field"] == "unknown"
    assert "relu" not in record["boxes"]


@pytest.mark.parametrize("function", SEEN)
def test_a_constant_is_none_of_the_unknown(function: Callable[[Tensor], Tensor]) -> None:
    assert receptive_field(Then(function), SHAPE, "relu", 2, 3) == Box(2, 3, 5, 6)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")
def test_scripts_are_seen_as_the_operations_that_they_call() -> None:
    model = Then(torch.jit.script(doubled))
    assert receptive_field(model, SHAPE, "relu", 3, 3) == Box(2, 3, 5, 6)
    model.function = torch.jit.script(nn.Conv2d(2, 4, 3))
    rows = {row.name: row for row in layer_table(model, SHAPE)}
    assert (rows["conv2d"].receptive_field, rows["conv2d"].kernel_size) == ((5, 5), (3, 3))
    assert sum(row.parameters for row in rows.values()) == sum(p.numel() for p in model.parameters())


def test_what_a_script_does_that_no_function_does_is_unknown() -> None:
    model = Then(lambda x: torch.ops.aten.native_group_norm.default(x, None, None, len(x), 2, 42, 1, 1e-5)[0])
    assert layer_table(model, SHAPE)[-1].receptive_field == "unknown"


class Hidden(nn.Module):
    """Has parameters that no function is seen to use, and others that are used through a view."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.scale, self.lost = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(5))

    def forward(self, x: Tensor) -> Tensor:
        self.lost.sum()
        return self.conv(x) * self.scale.view(2, 1, 1)  # type: ignore[no-any-return]


def test_a_parameter_belongs_to_the_function_that_it_reaches_and_a_module_that_ran_was_called() -> None:
    rows = {row.name: row.parameters for row in layer_table(nn.Sequential(Hidden()), SHAPE)}
    assert rows == {"0 (own parameters)": 5, "0.conv": 20, "0.mul": 2}
