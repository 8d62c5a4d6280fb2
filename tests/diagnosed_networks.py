"""Networks that the doctor is shown, and what it says of them."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.diagnosis import Diagnosis, diagnose


class LambdaNetwork(nn.Module):
    """A forward of one line, called with the network and the images.

    Its parts are `model[0]` and so on; `unseen` lies in a plain list, where torch does not find it.
    """

    def __init__(
        self, forward: Callable[[Any, Tensor], Any], *parts: nn.Module, unseen: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.line = forward
        self.unseen = [unseen]

    def __getitem__(self, place: int) -> nn.Module:
        return self.parts[place]

    def forward(self, x: Tensor) -> Any:
        return self.line(self, x)


def diagnosed(model: nn.Module, shape: tuple[int, int, int], classes: int | None = None) -> Diagnosis:
    """What the doctor finds, which must be something."""
    diagnosis = diagnose(model, shape, classes)
    assert diagnosis is not None
    return diagnosis
