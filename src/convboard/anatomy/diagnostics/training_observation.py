"""Runs of a network on noise, which the rules of `training_rules` look at."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.source_lines import SourceLine, in_brackets, lines_of_assignment, running_line
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.function_call import FunctionCall, first_tensor
from convboard.anatomy.function_names import words
from convboard.anatomy.recorder import record_calls
from convboard.anatomy.trace import Call, Shape

RANDOM = words(
    """
    bernoulli exponential geometric log_normal multinomial normal poisson rand rand_like randint randint_like randn
    randn_like random randperm rrelu uniform
    """
)
_DROPOUTS = words("dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout")
_FLAT = words("ceil fix floor heaviside round sgn sign trunc")
_RESHAPING = words("flatten reshape squeeze unflatten unsqueeze view view_as")


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


@dataclass(frozen=True)
class Observation:
    """A recorded run of a network on noise.

    Attributes:
        model: The network. After a training step its parameters have their gradients.
        run: The run.
        log: The functions that may be a mistake.
        end: The call that returned the scores; None if unknown.
        is_cross_entropy: Whether the loss is cross entropy, which applies softmax to the scores.
        trained: In a training step, the ids of the parameters that the optimizer has.
        is_random: Whether the forward draws random numbers, not counting dropout.
    """

    model: nn.Module
    run: DryRun
    log: FunctionLog
    end: Call | None
    is_cross_entropy: bool = True
    trained: frozenset[int] = frozenset()
    is_random: bool = False

    @property
    def uses_all_weights(self) -> bool:
        """Whether every weight got a gradient in this step, and will in each: no random numbers may skip a layer."""
        have_one = all(weight.grad is not None for weight in self.model.parameters() if weight.requires_grad)
        return have_one and not self.is_random

    def place(self, call: Call) -> str:
        """Return ` (net.py, line 14: x = F.relu(x))`, the line of a function; that which makes a layer."""
        made = lines_of_assignment(self.model, call.name.partition(":")[0]) if call.module else ()
        recorded = next((one for one in self.run.calls if one.name == call.name), call)  # it may be one of another run
        lines = (self.log.lines.get(id(function)) for function in recorded.functions[-1:])
        return in_brackets(*(made or filter(None, lines)))

    def title(self, call: Call) -> str:
        """Return `drop (Dropout, net.py, line 9: ...)` for a layer, and the name and line of a function."""
        place = self.place(call)
        return f"{call.name} ({call.type}{place.replace(' (', ', ', 1) or ')'}" if call.module else call.name + place

    def producer(self, call: Call) -> Call | None:
        """Return the call whose output is the first input of this one; None for the images."""
        return next((one for one in self.run.calls if call.inputs[:1] == (one.name,)), None)

    @property
    def last_call(self) -> Call | None:
        """The call that computed the scores, without those that only give them another shape; None if unknown."""
        call = self.end
        while call is not None and (call.function(*_RESHAPING) or isinstance(call.module, nn.Identity)):
            call = self.producer(call)
        return call


def observe(
    model: nn.Module,
    images: Tensor,
    run: Callable[[nn.Module, Tensor], Any],
    is_cross_entropy: bool = True,
    trained: frozenset[int] = frozenset(),
) -> Observation:
    """Run a network, and record what the rules need; an exception of the network is recorded, not raised.

    Args:
        model: The network.
        images: [N, C, H, W].
        run: Runs the network on the images.
        is_cross_entropy: See `Observation`.
        trained: See `Observation`; empty for an evaluation.
    """
    log = FunctionLog(bool(trained))
    output, error, python_state = None, None, random.getstate()
    with record_calls(model, images, [log]) as recording:
        try:
            output = run(model, images)
        except Exception as raised:
            error = raised
    end = next((call for call in reversed(recording.calls) if call.tracked == (id(output),)), None)
    for call in recording.calls:
        call.tracked = ()  # the rows of a table expect the values of other trackers
    recorded = DryRun(tuple(images.shape[1:]), len(images), recording.calls, output, error, recording.modules)
    is_random = bool(log.random) or random.getstate() != python_state
    return Observation(model, recorded, log, end, is_cross_entropy, trained, is_random)


def noise(image_shape: Shape, count: int, device: torch.device, seed: int = 0) -> Tensor:
    """Return images [count, C, H, W] with mean 0 and standard deviation 1 like those of a data set.

    Args:
        image_shape: (C, H, W).
        count: Number of images.
        device: Of the images.
        seed: Other images for another seed. The random state of torch does not matter and does not change.
    """
    return torch.randn(count, *image_shape, generator=torch.Generator().manual_seed(seed)).to(device)


def is_active_dropout(call: FunctionCall) -> bool:
    """Return whether a call of a function sets random values to zero."""
    given = [*call.args, None, None, None, None, None]
    if call.name == "scaled_dot_product_attention":
        return bool(call.kwargs.get("dropout_p", given[4]))
    if call.name not in _DROPOUTS:
        return False
    p = call.kwargs.get("p", 0.5 if given[1] is None else given[1])
    default = call.name not in {"alpha_dropout", "feature_alpha_dropout"}
    training = call.kwargs.get("training", call.kwargs.get("train", default if given[2] is None else given[2]))
    return bool(training) and p > 0
