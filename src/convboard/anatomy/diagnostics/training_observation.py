"""Runs of a network on noise, which the rules of `training_rules` look at."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from convboard.anatomy.diagnostics.function_log import FunctionLog
from convboard.anatomy.diagnostics.layer_construction import lines_that_make
from convboard.anatomy.diagnostics.source_lines import in_brackets
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.function_names import words
from convboard.anatomy.origin import Origin
from convboard.anatomy.recorder import record_calls
from convboard.anatomy.trace import Call, Shape

_RESHAPING = words("flatten reshape squeeze unflatten unsqueeze view view_as")


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
        origin: How the network was built.
    """

    model: nn.Module
    run: DryRun
    log: FunctionLog
    end: Call | None
    is_cross_entropy: bool = True
    trained: frozenset[int] = frozenset()
    is_random: bool = False
    origin: Origin = field(default_factory=Origin)

    @property
    def uses_all_weights(self) -> bool:
        """Whether every weight got a gradient in this step, and will in each: no random numbers may skip a layer."""
        have_one = all(weight.grad is not None for weight in self.model.parameters() if weight.requires_grad)
        return have_one and not self.is_random

    def place(self, call: Call) -> str:
        """Return ` (net.py, line 14: x = F.relu(x))`, the line of a function; that which makes a layer."""
        made = lines_that_make(self.model, self.origin, call.name.partition(":")[0]) if call.module else ()
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
    origin: Origin | None = None,
) -> Observation:
    """Run a network, and record what the rules need; an exception of the network is recorded, not raised.

    Args:
        model: The network.
        images: [N, C, H, W].
        run: Runs the network on the images.
        is_cross_entropy: See `Observation`.
        trained: See `Observation`; empty for an evaluation.
        origin: How the network was built; None if it is not known.
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
    return Observation(model, recorded, log, end, is_cross_entropy, trained, is_random, origin or Origin())


def noise(image_shape: Shape, count: int, device: torch.device, seed: int = 0) -> Tensor:
    """Return images [count, C, H, W] with mean 0 and standard deviation 1 like those of a data set.

    Args:
        image_shape: (C, H, W).
        count: Number of images.
        device: Of the images.
        seed: Other images for another seed. The random state of torch does not matter and does not change.
    """
    return torch.randn(count, *image_shape, generator=torch.Generator().manual_seed(seed)).to(device)
