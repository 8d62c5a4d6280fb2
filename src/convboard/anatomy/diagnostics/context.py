"""The input of the rules of `diagnostics`, a network with its dry run, and their output, a finding."""

import sys
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from torch import nn

from convboard.anatomy.diagnostics.user_code import Failure, Place, failure_of, is_of_user
from convboard.anatomy.diagnostics.wording import sizes
from convboard.anatomy.dry_run import DryRun
from convboard.anatomy.module_paths import named_modules, named_parameters
from convboard.anatomy.origin import Origin
from convboard.anatomy.trace import INPUT, Call, Shape

# The number of channels after these does not follow from the channels before.
_CHANNEL_SOURCES = (
    *("conv2d", "conv_transpose2d", "linear", "matmul", "mm"),
    *("cat", "flatten", "view", "reshape", "permute"),
)


class Remedy(str):
    """The text of a remedy, with the setting that it changes, for callers that can say where it is set.

    Attributes:
        image_size: Side in pixels of the square images that it suggests; None if it does not.
        argument: Name and new value of the constructor argument that it changes; None if it does not.
        is_inferred: Whether that argument gets its value from the data if it is left out.
        target: Name of a function of the user's that builds the network; empty if it does not suggest one.
        code: Lines of Python to show below the text.
    """

    image_size: int | None
    argument: tuple[str, Any] | None
    is_inferred: bool
    target: str
    code: str

    def __new__(
        cls,
        text: str,
        *,
        image_size: int | None = None,
        argument: tuple[str, Any] | None = None,
        is_inferred: bool = False,
        target: str = "",
        code: str = "",
    ) -> "Remedy":
        """Make the text."""
        remedy = super().__new__(cls, text)
        remedy.image_size, remedy.argument, remedy.is_inferred = image_size, argument, is_inferred
        remedy.target, remedy.code = target, code
        return remedy


@dataclass(frozen=True)
class Finding:
    """A mistake that a rule recognised.

    Attributes:
        kind: Its kind, one of those of `Diagnosis.kind`.
        reason: The mistake, in one or two sentences.
        remedies: What to do; each is enough by itself.
        wanted: What the operation expects, such as `400 features`.
        arrived: The input that it got.
        call: The call that shows the mistake; None for the network as a whole.
        formula: The formula of the output size in question, with its numbers; empty if there is none.
        place: The user's line to change; None for that of the exception or of the call.
    """

    kind: str
    reason: str
    remedies: tuple[str, ...]
    wanted: str
    arrived: str
    call: Call | None = None
    formula: str = ""
    place: Place | None = None


@dataclass(frozen=True)
class Context:
    """A network and its dry run.

    Attributes:
        model: The network.
        run: Its dry run.
        num_classes: How many logits it must return for each image; None if any number will do.
        origin: How the network was built.
        name: The network's name in messages; empty for that of its class.
        is_complete: Whether the model is the whole network rather than the layers that it has so far.
        is_training: Whether the run was one in training mode.
    """

    model: nn.Module
    run: DryRun
    num_classes: int | None = None
    origin: Origin = field(default_factory=Origin)
    name: str = ""
    is_complete: bool = True
    is_training: bool = False

    @cached_property
    def failure(self) -> Failure | None:
        """The place in the user's code at which the run failed; None if it did not fail in it."""
        return failure_of(self.run.error)

    @cached_property
    def by_name(self) -> dict[str, Call]:
        """The calls by name."""
        return {call.name: call for call in self.run.calls}

    @property
    def is_user_defined(self) -> bool:
        """Whether the network's class is the user's, who can change a line of it."""
        name = type(self.model).__module__
        if name.startswith("torch."):  # a container, which the user has filled
            return True
        return is_of_user(getattr(sys.modules.get(name), "__file__", None) or "")

    @property
    def batch(self) -> int:
        """The number of images."""
        return self.run.batch_size

    def path_of(self, module: object) -> str:
        """Return the path of a module in the network; empty if it is not one of its modules."""
        return next((name for name, one in named_modules(self.model) if one is module), "")

    def producer(self, call: Call) -> Call | None:
        """Return the call whose output is the first input of this one; None for the images."""
        return self.by_name.get(call.inputs[0]) if call.inputs else None

    def title(self, call: Call) -> str:
        """Return `Linear fc1`; for a function `linear`, with the path of its weight if it is the network's."""
        if call.module is not None:
            return f"{call.type} {call.name}"
        weight = self.weight_name(call)
        return f"{call.name} with weight {weight}" if weight else call.name

    def weight_name(self, call: Call) -> str | None:
        """Return the path of the first of the network's parameters that a call uses; None if it uses none."""
        used = {id(tensor) for function in call.functions for tensor in function.tensors}
        return next((name for name, weight in named_parameters(self.model) if id(weight) in used), None)

    def channel_source(self, call: Call) -> Call | None:
        """Return the call that decides how many channels arrive at this one; None for the images."""
        before = self.producer(call)
        while before is not None and not before.function(*_CHANNEL_SOURCES):
            before = self.producer(before)
        return before

    def channels_from(self, call: Call, arrived: str) -> str:
        """Return `conv1 gives 4 channels`, or `the images have 4 channels`."""
        source = self.channel_source(call)
        if source is not None:
            return f"{source.name} gives {arrived}"
        return f"the images have {arrived}" if INPUT in call.inputs else f"it is given {arrived}"

    def path_to(self, call: Call) -> list[Call]:
        """Return the calls from the images to this one, without it; of several branches the first."""
        calls: list[Call] = []
        before = self.producer(call)
        while before is not None and before not in calls:
            calls.append(before)
            before = self.producer(before)
        return calls[::-1]

    def sizes_to(self, call: Call) -> str:
        """Return `the input is 28x28, and conv1 (5x5, no padding) leaves 24x24, pool 12x12`."""
        path = self.path_to(call)
        image = size = self.run.shape_of((*path, call)[0].inputs)
        steps: list[str] = []
        for step in path:
            shape = (step.output_shape or ())[1:]
            if len(shape) != 3 or shape[1:] == size[1:]:
                continue
            size = shape
            verb = "leaves " if not steps else ""
            steps.append(f"{step.name}{_window_in_words(step)} {verb}{sizes(size[1:])}")
        if len(steps) > 6:
            steps = [*steps[:2], "...", *steps[-3:]]
        start = f"the input is {sizes(image[1:] or image)}"
        return f"{start}, and {', '.join(steps)}" if steps else start

    def flattened_shape(self, call: Call) -> Shape:
        """Return (C, H, W) of the feature map whose flattened values arrive at a call; else (features,)."""
        features = call.input_shape[-1]
        for step in reversed(self.path_to(call)):
            shape = (step.output_shape or ())[1:]
            if len(shape) == 3:
                return shape if prod(shape) == features else (features,)
            if step.function("linear", "matmul", "mm"):
                return (features,)
        return self.run.image_shape if prod(self.run.image_shape) == features else (features,)

    def where_batch_was_lost(self, shape: Shape, end: Call | None) -> Call | None:
        """Find the call that removed the dimension of the batch.

        Args:
            shape: The shape that arrives at `end`, or is returned by the network.
            end: The call; None for the end of the network.

        Returns:
            The last call before `end` that took a batch and did not return one; None if a batch arrives.
        """
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
    """Return ` (5x5, no padding)` for a convolution, and an empty text for a pooling."""
    window = call.window
    if window is None or not call.function("conv2d"):
        return ""
    height, width = window.total_padding
    padding = "no padding" if height == width == 0 else f"padding {sizes((height // 2, width // 2), short=True)}"
    stride = "" if window.stride == (1, 1) else f", stride {sizes(window.stride, short=True)}"
    return f" ({sizes(window.kernel_size)}, {padding}{stride})"
