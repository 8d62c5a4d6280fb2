"""What a conv layer makes of one picture, as it is drawn and told of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class StrongUnit:
    """A unit that the picture excites.

    Attributes:
        channel: Its channel.
        row: Its place in the map.
        column: Likewise.
        value: What it gives.
        box: (top, left, bottom, right) of the input pixels that it sees, half-open.
    """

    channel: int
    row: int
    column: int
    value: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class LayerResponse:
    """A conv layer, looked at through one picture.

    Attributes:
        name: Its name.
        filters: How many channels it has.
        channels: Those that are drawn.
        weight: `[drawn, input channels of a group, kh, kw]`.
        groups: Into how many groups its channels fall.
        before: `[drawn, h, w]`, what it gives.
        after: The same after its activation, perhaps smaller after a pooling; None where there is none.
        activation: The activation's name.
        formula: How its size follows from its input's; may be empty.
        units: The strongest, one a channel; none of those that give 0 or less.
        units_are_after: Whether their places are those of `after`.
        highest: The largest value of all its units, drawn or not.
    """

    name: str
    filters: int
    channels: tuple[int, ...]
    weight: NDArray[np.float32]
    groups: int
    before: NDArray[np.float32]
    after: NDArray[np.float32] | None
    activation: str
    formula: str
    units: tuple[StrongUnit, ...]
    units_are_after: bool
    highest: float

    @property
    def silence(self) -> str:
        """`no unit is above 0 after relu`; empty where something does."""
        if self.highest > 0:
            return ""
        after = f" after {self.activation}" if self.units_are_after else ""
        return f"no unit is above 0{after}"

    def describe(self) -> str:
        """`6 feature maps 28×28, kernels 5×5 over 1 channel`."""
        _, inputs, rows, columns = self.weight.shape
        height, width = self.before.shape[1:]
        over = f"{inputs} channel{'' if inputs == 1 else 's'}"
        if self.groups > 1:
            over = f"{inputs} of {inputs * self.groups} channels"
        maps = f"{self.filters} feature map{'' if self.filters == 1 else 's'} {height}×{width}"
        text = f"{maps}, kernel{'' if self.filters == 1 else 's'} {rows}×{columns} over {over}"
        return text if len(self.channels) == self.filters else f"{text} ({len(self.channels)} of them shown)"
