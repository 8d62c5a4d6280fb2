"""Dry run: one forward pass on black images that leaves the network and the random numbers unchanged.

A dry run uses two black images rather than torch's meta device: the first operation on the meta device imports sympy
and torch._dynamo, which takes 4 s. Two images take about a millisecond through LeNet and 0.1 s through ResNet-18 at
224x224, and networks whose forward depends on values can run on them. A network whose parameters are on the meta device
is run there.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from convboard.anatomy.arguments import check_network, check_shape
from convboard.anatomy.module_paths import COMPILED, is_compiled
from convboard.anatomy.recorder import record_calls, uncompiled
from convboard.anatomy.system_memory import total_memory
from convboard.anatomy.trace import INPUT, Call, Shape, Tracker
from convboard.errors import ModelError


@dataclass(frozen=True)
class DryRun:
    """The result of a dry run.

    Attributes:
        image_shape: (C, H, W) of the images.
        batch_size: How many images there were.
        calls: The layers and functions that ran, in order.
        output: What the network returned; None if it raised.
        error: The exception that it raised; None if it returned.
        modules: The modules that ran.
        others: What the network was called with besides the images.
    """

    image_shape: Shape
    batch_size: int
    calls: list[Call]
    output: Any
    error: Exception | None
    modules: AbstractSet[nn.Module] = frozenset()
    others: tuple[Tensor, ...] = ()

    @property
    def failed_call(self) -> Call | None:
        """The layer or function that raised `error`; None if the network's own forward did, or nothing."""
        return next((call for call in self.calls if self.error is not None and call.error is self.error), None)

    @property
    def other_shapes(self) -> list[Shape]:
        """The shapes of `others`, without the batch."""
        return [tuple(other.shape[1:]) for other in self.others]

    def shape_of(self, inputs: Sequence[str]) -> Shape:
        """Return the shape of the other input that is the first of a call's inputs, else that of the images."""
        named = {f"{INPUT}:{number}": shape for number, shape in enumerate(self.other_shapes, 2)}
        return named.get(inputs[0] if inputs else INPUT, self.image_shape)


def run_without_side_effects(
    model: nn.Module, images: Tensor, gradients: bool = False, others: Sequence[Tensor] = ()
) -> Any:
    """Run a network in evaluation mode, and leave it and the random numbers unchanged.

    Args:
        model: Any network. It is given copies of its buffers, which it may write to.
        images: [N, C, H, W].
        gradients: Whether to record the operations for torch.autograd.
        others: Further arguments of its forward.

    Returns:
        What the network returns.

    Raises:
        ModelError: A lazy layer has no shape yet, or the network is a script.
    """
    model = unwrapped(model)
    _check_not_lazy(model)
    return _run(model, (images, *others), gradients)


def _run(model: nn.Module, inputs: tuple[Tensor, ...], gradients: bool) -> Any:
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    devices = [inputs[0].device] if inputs[0].device.type == "cuda" else []
    with uncompiled(), _evaluation_mode(model), torch.set_grad_enabled(gradients), torch.random.fork_rng(devices):
        return functional_call(model, buffers, inputs)


def dry_run(
    model: nn.Module,
    image_shape: Shape,
    batch_size: int = 2,
    trackers: Sequence[Callable[[Tensor], Tracker]] = (),
    dtype: torch.dtype | None = None,
    gradients: bool = False,
    other_shapes: Sequence[Shape] = (),
) -> DryRun:
    """Run a network on black images and record its calls; an exception of the network is recorded, not raised.

    Args:
        model: Any network, in any mode, on any device.
        image_shape: (C, H, W).
        batch_size: Number of images. With two, a flatten that includes the batch is noticed.
        trackers: Are made from the images and updated during the run: see `trace.Call.tracked`.
        dtype: Of the images; None takes that of the network.
        gradients: As in `run_without_side_effects`.
        other_shapes: Shapes of the further arguments of its forward, without the batch. They are zeros too: whole
            numbers where the network runs only with these, as an embedding does.

    Raises:
        ModelError: The shape is not that of an image, a lazy layer has no shape yet, or the network is a script.
    """
    model = unwrapped(model)
    _check_not_lazy(model)
    keeps_values = not trackers

    def record(are_whole: Sequence[bool], count: int, trackers: Sequence[Callable[[Tensor], Tracker]]) -> DryRun:
        def inputs() -> tuple[Tensor, ...]:
            others = [black_images(model, shape, count) for shape in other_shapes]
            numbers = [other.long() if is_whole else other for other, is_whole in zip(others, are_whole)]
            return black_images(model, image_shape, count).to(dtype), *numbers

        return _record(model, lambda *given: _run(model, given, gradients), inputs, trackers, keeps_values)

    check_shape(image_shape)
    run = first = record([False] * len(other_shapes), batch_size, trackers)
    for are_whole in _whole_numbers(len(other_shapes)):
        if run.error is None:
            break
        run = record(are_whole, batch_size, trackers)
    if run.error is not None:
        return first
    if trackers and any(_may_be_otherwise(call, batch_size) for call in run.calls):
        are_whole = [not other.is_floating_point() for other in run.others]
        _find_batches(run, record(are_whole, batch_size + 1, ()))
    return run


def _whole_numbers(count: int) -> list[list[bool]]:
    """Which of `count` inputs may be whole numbers: each alone, and all."""
    alone = [[one == other for one in range(count)] for other in range(count)]
    return [*alone, [True] * count] if count > 1 else alone


def _may_be_otherwise(call: Call, batch_size: int) -> bool:
    """Whether the first dimension may not be that of the batch although a call depends on the images, or vice versa."""
    if not call.is_of_images:
        return (call.output_shape or ())[:1] == (batch_size,)
    is_single = call.window is not None and len(call.input_shape) == 3
    return is_single or (call.output_shape or (batch_size,))[0] != batch_size


def _find_batches(run: DryRun, larger: DryRun) -> None:
    """Find which shapes begin with the batch: those that are larger in a run with one image more."""
    others = {call.name: call for call in larger.calls}
    for call in run.calls:
        other = others.get(call.name)
        if other is not None and other.output_shape is not None and call.output_shape is not None:
            pairs = ((call.input_shape, other.input_shape), (call.output_shape, other.output_shape))
            has_input, has_output = (one[:1] != two[:1] and one[1:] == two[1:] for one, two in pairs)
            call.has_batch = (has_input, has_output)


def materialise(model: nn.Module, image_shape: Shape, other_shapes: Sequence[Shape] = ()) -> DryRun:
    """Give the lazy layers of a network their shapes by a recorded run on black images.

    Random numbers are drawn for the weights of these layers. Statistics and modes stay unchanged.

    Args:
        model: The network.
        image_shape: (C, H, W).
        other_shapes: Shapes of the further arguments of its forward, without the batch.
    """

    def run(*inputs: Tensor) -> Any:
        with _evaluation_mode(model), torch.no_grad():
            return model(*inputs)

    check_shape(image_shape)
    return _record(model, run, lambda: tuple(black_images(model, shape, 2) for shape in (image_shape, *other_shapes)))


def _record(
    model: nn.Module,
    run: Callable[..., Any],
    make_inputs: Callable[[], tuple[Tensor, ...]],
    trackers: Sequence[Callable[[Tensor], Tracker]] = (),
    keeps_values: bool = True,
) -> DryRun:
    for sees_operations in (False, True):
        images, *others = make_inputs()
        output, error = None, None
        shape, batch_size = tuple(images.shape[1:]), len(images)  # now: a function may change them in place
        made = [make(images) for make in trackers]
        with record_calls(model, images, made, sees_operations, keeps_values, others) as recording:
            try:
                output = run(images, *others)
            except Exception as raised:
                error = raised
        if not (trackers and recording.has_unseen and error is None):
            break
    return DryRun(shape, batch_size, recording.calls, output, error, recording.modules, tuple(others))


def black_images(model: nn.Module, image_shape: Shape, batch_size: int) -> Tensor:
    """Return zeros [batch_size, C, H, W] with the device and dtype of the network's first floating-point weight.

    A network without weights has those of its first floating-point buffer.

    Args:
        model: The network.
        image_shape: (C, H, W).
        batch_size: Number of images.

    Raises:
        MemoryError: The images, and what the first layers make of them, are larger than the memory that may be used. A
            system that promises more memory than it has would end the process without a message.
    """
    weight = next((t for t in chain(model.parameters(), model.buffers()) if t.is_floating_point()), None)
    device, dtype = (weight.device, weight.dtype) if weight is not None else (None, None)
    size = 16 * batch_size * math.prod(image_shape)
    if size > total_memory() and device != torch.device("meta"):
        raise MemoryError(f"black images: tried to allocate {size} bytes")
    return torch.zeros(batch_size, *image_shape, device=device, dtype=dtype)


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode while the context lasts; afterwards each module has its own mode again."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
    except NotImplementedError as error:
        raise ModelError(
            "The network comes from torch.export, which has fixed its mode and batch: give the nn.Module that it was "
            "made from."
        ) from error
    try:
        yield
    finally:
        for module, training in modes.items():
            if module.training != training:  # to set an attribute of a module takes long
                module.training = training


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network without DataParallel, DistributedDataParallel or torch.compile.

    Raises:
        ModelError: It is no nn.Module, or a script of torch.jit, whose functions cannot be recorded.
    """
    check_network(model)
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return unwrapped(model.module)
    if is_compiled(model):
        return unwrapped(model.get_submodule(COMPILED))
    if isinstance(model, torch.jit.ScriptModule):
        raise ModelError(
            f"The network is a {type(model).__name__}, made by torch.jit, and cannot be looked into: give the "
            "nn.Module that it was made from."
        )
    return model


def lazy_layers(model: nn.Module) -> list[str]:
    """Return the paths of the layers that have no shape yet: nn.LazyLinear and the like before their first batch."""
    tensors = (*model.named_parameters(), *model.named_buffers())
    return list(dict.fromkeys(name.rpartition(".")[0] for name, tensor in tensors if is_lazy(tensor)))


def _check_not_lazy(model: nn.Module) -> None:
    """A lazy layer takes its shape from the first batch that it gets, which must not be a dry run's."""
    if lazy := lazy_layers(model):
        raise ModelError(
            f"Layer {lazy[0]!r} is lazy and has no shape yet. Build the network with convboard.models.build, "
            "or run one batch through it first."
        )
