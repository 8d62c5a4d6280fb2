"""Networks that are wrapped, compiled or scripted, or raise where few do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from convboard.anatomy.outputs import layer_outputs
from convboard.anatomy.summary import layer_table
from convboard.errors import ModelError

SHAPE = (1, 8, 8)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 2, 3)))


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


def names(model: nn.Module) -> list[str]:
    return [row.name for row in layer_table(model, SHAPE)]


def refused(*_: Any) -> None:
    raise KeyError("mine")


@pytest.mark.parametrize("at", ["", "0", "1", "1.0"])
def test_an_exception_of_the_networks_own_hook_stays_as_it_is(at: str) -> None:
    model = network()
    model.get_submodule(at).register_forward_pre_hook(refused)
    with pytest.raises(KeyError, match="mine"):
        layer_table(model, SHAPE)
    assert hooks(model) == 1


class Compiled(nn.Module):
    """What torch.compile returns is such a module, of a class that takes seconds to import."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._orig_mod = model

    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("It runs compiled.")


Compiled.__name__ = "OptimizedModule"


@pytest.mark.parametrize("wrap", [Compiled, nn.DataParallel])
def test_a_wrapped_network_is_the_one_inside(wrap: Callable[[nn.Module], nn.Module]) -> None:
    assert names(wrap(network())) == ["0", "1.0", "1.1"]


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")
def test_a_script_inside_is_followed_and_takes_no_hooks() -> None:
    model = network()
    model[1] = torch.jit.script(model[1])
    assert names(model) == ["0", "relu", "conv2d"]
    assert list(layer_outputs(model, torch.zeros(2, *SHAPE))) == ["0"]
    with pytest.raises(ModelError, match="layers='1' is made by"):
        layer_outputs(model, torch.zeros(2, *SHAPE), "1")
    assert hooks(model) == 0


def test_a_network_of_buffers_alone_has_their_dtype() -> None:
    class Filter(nn.Module):
        kernel: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kernel", torch.ones(2, 1, 3, 3, dtype=torch.double))

        def forward(self, x: Tensor) -> Tensor:
            return torch.conv2d(x, self.kernel)

    (row,) = layer_table(Filter(), SHAPE)
    assert row.output_shape == (2, 6, 6)


def test_a_network_from_torch_export_is_refused_in_a_sentence() -> None:
    class Exported(nn.Module):
        def eval(self) -> "Exported":
            raise NotImplementedError("Calling eval() is not supported yet.")

    with pytest.raises(ModelError, match="The network comes from"):
        layer_table(Exported(), SHAPE)


class Positions(nn.Module):
    """Adds a convolution of a tensor that has the batch, but nothing of the images."""

    def __init__(self) -> None:
        super().__init__()
        self.place, self.conv = nn.Conv2d(2, 4, 1), nn.Conv2d(1, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + self.place(torch.zeros(len(x), 2, *x.shape[2:]))  # type: ignore[no-any-return]


def test_a_layer_on_what_has_the_batch_alone_counts_for_one_image() -> None:
    row = next(row for row in layer_table(Positions(), SHAPE) if row.name == "place")
    assert (row.input_shape, row.output_shape, row.macs) == ((2, 8, 8), (4, 8, 8), 8 * 64)
    assert row.receptive_field is None


class OneByOne(nn.Module):
    """The images one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.conv(image) for image in x])


def test_single_images_have_no_batch_to_leave_out() -> None:
    rows = {row.name: row for row in layer_table(OneByOne(), SHAPE)}
    assert (rows["conv"].input_shape, rows["conv:2"].output_shape) == ((1, 8, 8), (4, 6, 6))
    assert (rows["stack"].output_shape, rows["stack"].receptive_field) == ((4, 6, 6), (3, 3))
    assert sum(row.macs for row in rows.values()) == 4 * 9 * 36
