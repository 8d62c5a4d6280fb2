"""A network that failed, and what the mistakes' functions ask about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from torch import Tensor, nn

from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.function_call import FunctionCall
from convboard.anatomy.trace import IMAGE, Call, Shape

# Behind these the channels come from somewhere else: the walk back to their source ends there.
_SOURCES = ("conv2d", "conv_transpose2d", "linear", "matmul", "mm", "cat", "flatten", "view", "reshape", "permute")


@dataclass(frozen=True)
class Finding:
    """A mistake that was recognised.

    Attributes:
        kind: Its kind, such as ``in_features``.
        reason: What is wrong, in a sentence or two.
        cures: What to do; each is enough by itself.
        wanted: What the operation wanted, such as ``400 features``.
        arrived: What it got.
        call: Where the mistake shows; None for the network as a whole.
        formula: The output size in question with its numbers put in; empty where there is none.
    """

    kind: str
    reason: str
    cures: tuple[str, ...]
    wanted: str
    arrived: str
    call: Call | None = None
    formula: str = ""


@dataclass(frozen=True)
class Case:
    """A network and its dry run.

    Attributes:
        model: The network.
        run: What happened.
        num_classes: How many scores it must give for each image; None where that is not asked.
        factory: What the network was built by, if that is known: its parameters are those of a config.
        arguments: What that was given, as far as known.
        name: What the network is called; empty takes its class.
        is_whole: Whether it is whole, not a part that is under construction.
    """

    model: nn.Module
    run: DryRun
    num_classes: int | None = None
    factory: Callable[..., nn.Module] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    is_whole: bool = True

    @cached_property
    def by_name(self) -> dict[str, Call]:
        """The calls by their names."""
        return {call.name: call for call in self.run.calls}

    @property
    def is_users_own(self) -> bool:
        """Whether the network's class is the user's, who can change a line of it."""
        return not type(self.model).__module__.startswith(("convboard.", "torchvision."))

    @property
    def batch(self) -> int:
        """How many images there were."""
        return self.run.batch_size

    def before(self, call: Call) -> Call | None:
        """The call whose output arrives first at this one; None for the images."""
        return self.by_name.get(call.inputs[0]) if call.inputs else None

    def title(self, call: Call) -> str:
        """``Linear fc1``; for a function ``linear`` with the name of its weight, if that is one of the network's."""
        if call.module is not None:
            return f"{call.type} {call.name}"
        weight = self.weight_name(call)
        return f"{call.name} with weight {weight}" if weight else call.name

    def weight_name(self, call: Call) -> str | None:
        """The path of the first of the network's parameters that a function uses."""
        used = {id(tensor) for function in call.functions for tensor in function.tensors}
        return next((name for name, weight in self.model.named_parameters() if id(weight) in used), None)

    def source(self, call: Call) -> Call | None:
        """Where the channels that arrive at a call come from; None for the images."""
        before = self.before(call)
        while before is not None and not before.function(*_SOURCES):
            before = self.before(before)
        return before

    def origin(self, call: Call, arrived: str) -> str:
        """``conv1 gives 4 channels``, or ``the images have 4 channels``."""
        source = self.source(call)
        if source is not None:
            return f"{source.name} gives {arrived}"
        return f"the images have {arrived}" if IMAGE in call.inputs else f"it is given {arrived}"

    def path(self, call: Call) -> list[Call]:
        """The calls through which the picture came here, from the image on; of several branches the first."""
        calls: list[Call] = []
        before = self.before(call)
        while before is not None and before not in calls:
            calls.append(before)
            before = self.before(before)
        return calls[::-1]

    def trail(self, call: Call) -> str:
        """``the input is 28x28, and conv1 (5x5, no padding) leaves 24x24: ⌊...⌋ + 1 = 24, pool 12x12``."""
        size: Shape = self.run.image_shape
        steps: list[str] = []
        for step in self.path(call):
            shape = (step.output_shape or ())[1:]
            if len(shape) != 3 or shape[1:] == size[1:]:
                continue
            size = shape
            text = f"{step.name}{_window_in_words(step)} {{}}{sizes(size[1:])}"
            steps.append(text.format("leaves " if not steps else ""))
        if len(steps) > 6:
            steps = [*steps[:2], "...", *steps[-3:]]
        start = f"the input is {sizes(self.run.image_shape[1:])}"
        return f"{start}, and {', '.join(steps)}" if steps else start

    def flattened(self, call: Call) -> Shape:
        """(C, H, W) of the picture that was flattened into the features that arrive at a call; else (features,)."""
        features = call.input_shape[-1]
        for step in reversed(self.path(call)):
            shape = (step.output_shape or ())[1:]
            if len(shape) == 3:
                return shape if prod(shape) == features else (features,)
            if step.function("linear", "matmul", "mm"):
                return (features,)
        return self.run.image_shape if prod(self.run.image_shape) == features else (features,)

    def where_the_batch_went(self, shape: Shape, end: Call | None) -> Call | None:
        """The last call before ``end`` that took a batch and gave something else, if no batch arrives there."""
        if shape[:1] == (self.batch,) and len(shape) > 1:
            return None
        calls = self.run.calls if end is None else self.run.calls[: self.run.calls.index(end)]
        for call in reversed(calls):
            output = call.output_shape or ()
            had_it = call.input_shape[:1] == (self.batch,) and len(call.input_shape) > 1
            if had_it and (output[:1] != (self.batch,) or len(output) < 2):
                return call
        return None


def _window_in_words(call: Call) -> str:
    """`` (5x5, no padding)`` of a convolution, nothing of a pooling, whose size says it all."""
    window = call.window
    if window is None or not call.function("conv2d"):
        return ""
    height, width = window.total_padding
    padding = "no padding" if height == width == 0 else f"padding {sizes((height // 2, width // 2), alike=True)}"
    stride = "" if window.stride == (1, 1) else f", stride {sizes(window.stride, alike=True)}"
    return f" ({sizes(window.kernel_size)}, {padding}{stride})"


def tensor(call: FunctionCall, name: str) -> Tensor | None:
    """A tensor among a function's arguments."""
    found = call.arguments.get(name)
    return found if isinstance(found, Tensor) else None
