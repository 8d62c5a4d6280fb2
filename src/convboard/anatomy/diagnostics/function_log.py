"""Calls of functions in a run that may be mistakes: a tracker of dropout, random numbers and lost gradients."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.source_lines import SourceLine, in_brackets, running_line
from convboard.anatomy.function_call import FunctionCall, first_tensor
from convboard.anatomy.function_names import words

RANDOM = words(
    """
    bernoulli exponential geometric log_normal multinomial normal poisson rand rand_like randint randint_like randn
    randn_like random randperm rrelu uniform
    """
)
_DROPOUTS = words("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout")
_FLAT = words("ceil fix floor heaviside round sgn sign trunc")


@dataclass(frozen=True)
class NotedCall:
    """A call of a function that may be a mistake.

    Attributes:
        function: The call.
        place: Its line in the user's code, ` (net.py, line 14: x = F.dropout(x))`; empty if it is in none.
        index: Number of function calls before it.
        records_gradients: Whether torch.autograd recorded it.
    """

    function: FunctionCall
    place: str
    index: int
    records_gradients: bool

    @property
    def name(self) -> str:
        """The function's name; for an attribute of a tensor, that of the attribute, such as `data`."""
        if self.function.name == "get":
            return str(getattr(getattr(self.function.function, "__self__", None), "__name__", "get"))
        return self.function.name


@dataclass
class FunctionLog:
    """A tracker of the functions that may be a mistake.

    Attributes:
        is_training: Whether the run is that of a training step, whose gradients matter.
        dropouts: The calls of dropout that set values to zero.
        random: The calls of other functions that draw random numbers.
        cuts: The calls whose result has no gradient, although an argument has one.
        flat: The calls of functions whose gradient is zero everywhere.
        used: Index of the first call that has a parameter among its arguments, by the parameter's id.
        first_input: Mean and standard deviation of the input of the first convolution or linear layer, `[2]`.
        lines: The line of the user's code that was running, by the id of the `FunctionCall`.
    """

    is_training: bool = False
    dropouts: list[NotedCall] = field(default_factory=list)
    random: list[NotedCall] = field(default_factory=list)
    cuts: list[NotedCall] = field(default_factory=list)
    flat: list[NotedCall] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)
    first_input: Tensor | None = None
    lines: dict[int, SourceLine] = field(default_factory=dict)
    _count: int = 0

    def update(self, call: FunctionCall, result: Any) -> None:
        """See `Tracker`."""
        tensors = call.tensors
        line = running_line()
        if line is not None:
            self.lines[id(call)] = line
        for tensor in tensors:
            if isinstance(tensor, nn.Parameter):
                self.used.setdefault(id(tensor), self._count)
        if (
            self.first_input is None
            and call.name in {"conv2d", "linear"}
            and (given := call.tensor("input")) is not None
        ):
            self.first_input = torch.stack([given.detach().float().mean(), given.detach().float().std()])
        if is_active_dropout(call):
            self.dropouts.append(self._note(call, line))
        elif call.name in RANDOM:
            self.random.append(self._note(call, line))
        if self.is_training and any(tensor.requires_grad for tensor in tensors):
            returned = first_tensor(result)
            if returned is not None and not returned.requires_grad:
                self.cuts.append(self._note(call, line))
            elif call.name in _FLAT:
                self.flat.append(self._note(call, line))
        self._count += 1

    def value(self, tensor: Tensor) -> int:
        """See `Tracker`; the id of the tensor, by which the call is found that returned it."""
        return id(tensor)

    def invalidate(self, written: Tensor, sharing: Sequence[Tensor]) -> None:
        """See `Tracker`; nothing depends on values."""

    def forget(self, tensor: Tensor) -> None:
        """See `Tracker`; the id of a tensor stays known."""

    def _note(self, call: FunctionCall, line: SourceLine | None) -> NotedCall:
        place = in_brackets(line) if line else ""
        return NotedCall(call, place, self._count, torch.is_grad_enabled())


def is_active_dropout(call: FunctionCall) -> bool:
    """Return whether a call of a function sets random values to zero."""
    given = call.arguments
    if call.name == "scaled_dot_product_attention":
        return bool(given.get("dropout_p"))
    if call.name not in _DROPOUTS:
        return False
    default = call.name not in {"alpha_dropout", "feature_alpha_dropout"}
    return bool(given.get("training", given.get("train", default))) and given.get("p", 0.5) > 0
