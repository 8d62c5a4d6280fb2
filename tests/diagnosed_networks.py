"""Networks that are to be diagnosed, and their diagnosis."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from convboard.anatomy.diagnostics.diagnose import diagnose
from convboard.anatomy.diagnostics.diagnosis import Diagnosis
from convboard.errors import ModelError
from convboard.models.infer_arguments import build

SHAPE = (1, 4, 4)  # of the images of `found`


class LambdaNetwork(nn.Module):
    """A network whose forward is a function of the network and the images.

    Its layers are `model[0]` and so on; `unregistered` is in a plain list, where torch does not find it.
    """

    def __init__(
        self, forward: Callable[[Any, Tensor], Any], *layers: nn.Module, unregistered: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = forward
        self.unregistered = [unregistered]

    def __getitem__(self, index: int) -> nn.Module:
        return self.layers[index]

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def diagnosed(model: nn.Module, shape: tuple[int, int, int], classes: int | None = None) -> Diagnosis:
    """The diagnosis, of which there must be one."""
    diagnosis = diagnose(model, shape, classes)
    assert diagnosis is not None
    return diagnosis


def found(model: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Diagnosis:
    """The diagnosis of a network for ten classes, of which there must be one."""
    return diagnosed(model, shape, 10)


def scores(parts: LambdaNetwork, x: Tensor) -> Tensor:
    """The output of the first layer, a Linear, for flattened images."""
    result: Tensor = parts[0](x.flatten(1))
    return result


def cannot_be_built(factory: Callable[[], Any], shape: tuple[int, int, int] = SHAPE) -> str:
    """The message for a constructor that raises, on one line."""
    with pytest.raises(ModelError, match="cannot be built") as raised:
        build(factory, shape, 10)
    return " ".join(str(raised.value).split())
