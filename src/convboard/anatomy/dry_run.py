"""One pass through a network that leaves it as it was: the ground every other file of this room stands on.

A dry run takes two black images rather than torch's meta device. The first operation on the meta device
imports sympy and torch._dynamo, 4 s; two images take about a millisecond through LeNet, 0.1 s through
ResNet-18 at 224x224, and any network can take them, also one that looks at its values. A network whose
parameters lie on the meta device is run there.

What the records mean (tables, explanations) does not live here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parameter import is_lazy

from convboard.anatomy.trace import Call, Follower, Shape, recorded
from convboard.errors import ModelError


@dataclass(frozen=True)
class DryRun:
    """What happened in a dry run.

    Attributes:
        image_shape: (C, H, W) of the images.
        batch_size: How many of them there were.
        calls: The layers and functions that ran, in order.
        output: What the network returned; None if it raised.
        error: What it raised, if it did.
    """

    image_shape: Shape
    batch_size: int
    calls: list[Call]
    output: Any
    error: Exception | None

    @property
    def failed_call(self) -> Call | None:
        """The layer or function that raised; None if the network's own forward did, or nothing."""
        return next((call for call in self.calls if self.error is not None and call.error is self.error), None)


def check_shape(image_shape: Shape) -> None:
    """Refuse a shape that is not that of one image.

    Raises:
        ModelError: It is not three positive numbers.
    """
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise ModelError(
            f"The input shape is {tuple(image_shape)}: give (channels, height, width) of one image, without the "
            "batch, such as (1, 28, 28)."
        )


def run_undisturbed(model: nn.Module, images: Tensor, gradients: bool = False) -> Any:
    """Run a network in evaluation mode, and leave it and the random numbers as they were.

    Args:
        model: Any network. Buffers that it writes to, even in evaluation mode, are given as copies.
        images: What it is called with.
        gradients: Whether what it returns is to know how it came about, for torch.autograd.

    Returns:
        Whatever the network returns.

    Raises:
        ModelError: A lazy layer has not been given its shape yet, or the network is a script.
    """
    model = plain(model)
    _refuse_lazy(model)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    devices = [images.device] if images.device.type == "cuda" else []
    with _evaluating(model), torch.set_grad_enabled(gradients), torch.random.fork_rng(devices=devices):
        return functional_call(model, buffers, (images,))


def dry_run(
    model: nn.Module,
    image_shape: Shape,
    batch_size: int = 2,
    followers: Sequence[Callable[[Tensor], Follower]] = (),
    dtype: torch.dtype | None = None,
    gradients: bool = False,
) -> DryRun:
    """Run a network on black images and record its calls; what it raises is recorded, not raised.

    Args:
        model: Any network, in any mode, on any device.
        image_shape: (C, H, W).
        batch_size: Two by default, so that a flatten that eats the batch shows.
        followers: Made of the images, they follow something through the run: see `trace.Call.views`.
        dtype: Of the images; None takes the network's own.
        gradients: As in `run_undisturbed`.

    Raises:
        ModelError: A lazy layer has not been given its shape yet.
    """
    model = plain(model)
    _refuse_lazy(model)
    return _record(model, partial(run_undisturbed, gradients=gradients), image_shape, batch_size, followers, dtype)


def materialise(model: nn.Module, image_shape: Shape) -> DryRun:
    """Give the lazy layers of a network their shapes, by a run on black images that is recorded as well.

    Random numbers are drawn for the weights of these layers; statistics and modes are left as they were.
    """

    def run(model: nn.Module, images: Tensor) -> Any:
        with _evaluating(model), torch.no_grad():
            return model(images)

    return _record(model, run, image_shape, batch_size=2)


def _record(
    model: nn.Module,
    run: Callable[[nn.Module, Tensor], Any],
    image_shape: Shape,
    batch_size: int,
    followers: Sequence[Callable[[Tensor], Follower]] = (),
    dtype: torch.dtype | None = None,
) -> DryRun:
    check_shape(image_shape)
    images = black_images(model, image_shape, batch_size).to(dtype)
    output, error = None, None
    with recorded(model, images, [make(images) for make in followers]) as calls:
        try:
            output = run(model, images)
        except Exception as raised:
            error = raised
    return DryRun(tuple(image_shape), batch_size, calls, output, error)


def black_images(model: nn.Module, image_shape: Shape, batch_size: int) -> Tensor:
    """Zeros ``[batch_size, C, H, W]`` on the device and in the precision of the network's first weight."""
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    device, dtype = (weight.device, weight.dtype) if weight is not None else (None, None)
    return torch.zeros(batch_size, *image_shape, device=device, dtype=dtype)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for as long as the context lasts; each module gets its own mode back."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def plain(model: nn.Module) -> nn.Module:
    """The network itself, without what spreads it over several devices.

    Raises:
        ModelError: It is a script, whose functions nobody sees.
    """
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return plain(model.module)
    if isinstance(model, torch.jit.ScriptModule):
        raise ModelError(
            f"The network is a {type(model).__name__}, made by torch.jit, and cannot be looked into: give the "
            "nn.Module that it was made from."
        )
    return model


def lazy_layers(model: nn.Module) -> list[str]:
    """The paths of the layers that have no shape yet: nn.LazyLinear and its kin, before their first batch."""
    tensors = (*model.named_parameters(), *model.named_buffers())
    return list(dict.fromkeys(name.rpartition(".")[0] for name, tensor in tensors if is_lazy(tensor)))


def _refuse_lazy(model: nn.Module) -> None:
    """A lazy layer takes its shape from the first batch it sees: from a look at it, it must not."""
    if lazy := lazy_layers(model):
        raise ModelError(
            f"Layer {lazy[0]!r} is lazy and has no shape yet. Build the network with convboard.models.build, "
            "or run one batch through it first."
        )
